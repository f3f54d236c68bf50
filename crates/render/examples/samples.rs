//! Draws the posters of the README, and slides and a template, with their PDF beside them when a second directory is
//! named: `cargo run --release -p render --example samples -- docs/images`.

use std::{env, error::Error, fs, path::Path};

use render::{
    Deck, Layout, Poster, Slide, Template, TemplateLayout, draw, draw_slides, draw_template,
};

fn main() -> Result<(), Box<dyn Error>> {
    let dir = env::args().nth(1).ok_or("which directory?")?;
    for (number, poster) in [shoes(), bread(), coffee()].iter().enumerate() {
        let path = Path::new(&dir).join(format!("poster-{}.png", number + 1));
        fs::write(path, draw(poster)?.png()?)?;
    }
    let drawn = draw_slides(&deck())?;
    for (name, number) in [("slide-cover", 0), ("slide-body", 1)] {
        let slide = drawn.slides.get(number).ok_or("no such slide")?;
        fs::write(Path::new(&dir).join(format!("{name}.png")), slide.png()?)?;
    }
    let card = draw_template(&card())?;
    fs::write(Path::new(&dir).join("template-split.png"), card.png()?)?;
    if let Some(dir) = env::args().nth(2) {
        fs::write(Path::new(&dir).join("slides.pdf"), drawn.pdf()?)?;
        for (number, slide) in drawn.slides.iter().enumerate() {
            let path = Path::new(&dir).join(format!("slide-{}.png", number + 1));
            fs::write(path, slide.png()?)?;
        }
    }
    Ok(())
}

fn deck() -> Deck {
    let slide = |headline: &str, body: &str| Slide {
        headline: headline.to_owned(),
        body: body.to_owned(),
    };
    let shoes = shoes();
    Deck {
        slides: vec![
            slide(
                "Five things to know before you buy trail shoes",
                "For everyone who walks where the path ends.",
            ),
            slide(
                "Look at the lugs first",
                "On wet rock many short lugs hold better than a few deep ones; in mud it is the other way round. \
                 Turn the shoe over before you try it on.",
            ),
            slide(
                "Leave room in front",
                "Going down, the foot slides forward: a thumb's width before the toes is right.",
            ),
            slide("Your turn", "Which of these would you check first?"),
        ],
        call_to_action: shoes.call_to_action,
        address: shoes.address,
        small_print: shoes.small_print,
        brand: shoes.brand,
        palette: shoes.palette,
        serifs: false,
        seed: [3; 32],
    }
}

fn card() -> Template {
    let bread = bread();
    Template {
        layout: TemplateLayout::Split,
        width: 1200,
        height: 628,
        slots: vec![bread.headline, bread.subhead, bread.address],
        palette: bread.palette,
        serifs: true,
    }
}

fn palette(colours: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(colour, role): &(&str, &str)| ((*colour).to_owned(), (*role).to_owned());
    colours.iter().map(owned).collect()
}

fn shoes() -> Poster {
    Poster {
        headline: "Dry feet on wet trails".to_owned(),
        subhead:
            "The Tarn is a trail shoe with a membrane that can be mended. Try it for thirty days."
                .to_owned(),
        call_to_action: "Find your size".to_owned(),
        address: "fellside.example/tarn".to_owned(),
        brand: "Fellside".to_owned(),
        small_print: "Returns are free within 30 days, also after wear. Membrane repairs: 25 EUR."
            .to_owned(),
        palette: palette(&[
            ("#f6f1e7", "background"),
            ("#16213e", "text"),
            ("#e4572e", "accent"),
            ("#f3a712", "support"),
            ("#4f9d9d", "support"),
        ]),
        serifs: false,
        layout: Layout::Tiles,
        seed: [21; 32],
    }
}

fn bread() -> Poster {
    Poster {
        headline: "Brot, das morgens um vier entsteht".to_owned(),
        subhead: "Sauerteig aus Bioroggen, vor sieben Uhr an Ihrer Haustür.".to_owned(),
        call_to_action: "Probekorb bestellen".to_owned(),
        address: "gruenwald.example".to_owned(),
        brand: "Bäckerei Grünwald".to_owned(),
        small_print:
            "Lieferung im Stadtgebiet, montags bis samstags. Der Probekorb ist kein Abonnement."
                .to_owned(),
        palette: palette(&[
            ("#0b3d2e", "background"),
            ("#f4efe1", "text"),
            ("#f2b84b", "accent"),
            ("#d96c47", "support"),
            ("#8fae8b", "support"),
        ]),
        serifs: true,
        layout: Layout::Horizon,
        seed: [4; 32],
    }
}

fn coffee() -> Poster {
    Poster {
        headline: "قهوة طازجة تصل إلى بابك كل صباح".to_owned(),
        subhead: "نحمّص الحبوب في اليوم نفسه ونوصلها خلال ثلاث ساعات.".to_owned(),
        call_to_action: "اطلب الآن".to_owned(),
        address: "bunn.example/start".to_owned(),
        brand: "بُنّ المدينة".to_owned(),
        small_print: "العرض سارٍ حتى نهاية الشهر.".to_owned(),
        palette: palette(&[
            ("#1d1a39", "background"),
            ("#f7f0e3", "text"),
            ("#f59f3c", "accent"),
            ("#ae445a", "support"),
            ("#e8bcb9", "support"),
        ]),
        serifs: false,
        layout: Layout::Diagonal,
        seed: [7; 32],
    }
}

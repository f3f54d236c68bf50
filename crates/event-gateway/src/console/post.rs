//! Short copy, each post in the frame of its platform.

use maud::{Markup, html};
use model::platform::Platform;

use super::{
    artifact::View,
    icon, longcopy,
    poster::Picture,
    text::{self, Foreign, web_host},
};

/// All posts, platform by platform. `picture` is the campaign's, with what stands for it in words.
pub(super) fn show(view: &View<'_>, picture: Option<&(Picture, String)>) -> Markup {
    let names = view.keys("/platforms");
    html! {
        @for name in &names {
            @let platform = Platform::parse(name);
            section.platform aria-labelledby={ "platform-" (text::class(name)) } {
                h3 id={ "platform-" (text::class(name)) } { (title(platform, name)) }
                div.posts {
                    @for (i, pointer) in view.items(&pointer(name)).iter().enumerate() {
                        (post(view, picture, platform, name, i, pointer))
                    }
                }
            }
        }
        @if names.is_empty() { p.empty { "No platform was asked for." } }
    }
}

fn pointer(name: &str) -> String {
    format!("/platforms/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// A platform's name as it writes itself.
pub(super) fn name_of(name: &str) -> String {
    title(Platform::parse(name), name)
}

fn title(platform: Option<Platform>, name: &str) -> String {
    match platform {
        Some(Platform::X) => "X".to_owned(),
        Some(Platform::Linkedin) => "LinkedIn".to_owned(),
        _ => text::words(name),
    }
}

fn post(
    view: &View<'_>,
    shown: Option<&(Picture, String)>,
    platform: Option<Platform>,
    name: &str,
    i: usize,
    at: &str,
) -> Markup {
    let brand = view.brand();
    let handle = match platform {
        Some(Platform::Linkedin) => "Company · now".to_owned(),
        Some(Platform::Facebook) => "Just now · Public".to_owned(),
        Some(Platform::Bluesky) => format!("@{}.bsky.social · now", slug(brand)),
        Some(Platform::Mastodon) => format!("@{}@mastodon.social", slug(brand)),
        _ => format!("@{} · now", slug(brand)),
    };
    let link = view.text(&format!("{at}/link"));
    let tags = view.items(&format!("{at}/hashtags"));
    html! {
        figure.post.{ "on-" (text::class(name)) } {
            figcaption { "Variant " (i + 1) }
            div.post-head {
                svg.avatar viewBox="0 0 40 40" aria-hidden="true" {
                    circle cx="20" cy="20" r="20" {}
                    text x="20" y="26" text-anchor="middle" { (text::initial(brand)) }
                }
                div { p.name { (Foreign(brand)) } p.handle { (Foreign(&handle)) } }
            }
            @if platform == Some(Platform::Instagram) {
                @match shown {
                    Some((picture, alt)) => (picture.img(alt, "picture")),
                    None => (stand_in(view)),
                }
            }
            div.post-text dir="auto" lang=[view.language()] { (view.field(&format!("{at}/text"))) }
            @if !tags.is_empty() {
                p.tags { @for tag in tags { span { "#" (view.field(&tag)) } " " } }
            }
            @if let Some(host) = web_host(link) {
                div.link-card { p.host { (Foreign(&host)) } (longcopy::address(link)) }
            }
            (icon::actions())
            (count(view, platform, at))
        }
    }
}

/// How much of what the platform takes is used.
fn count(view: &View<'_>, platform: Option<Platform>, at: &str) -> Markup {
    let used = view.number(&format!("{at}/character_count"));
    let Some(limit) = platform.map(Platform::limit) else {
        return html! {};
    };
    let over = used > u64::from(limit.length);
    html! {
        p.count.over[over] {
            meter min="0" max=(limit.length) high=(u64::from(limit.length) * 9 / 10) value=(used)
                aria-label="Length of the post" {}
            span { (text::number(used)) " of " (text::number(limit.length.into())) " " (limit.unit) }
        }
    }
}

/// Where the picture would be.
fn stand_in(view: &View<'_>) -> Markup {
    html! {
        svg.picture viewBox="0 0 40 30" role="img" aria-label="The picture goes here" {
            rect width="40" height="30" {}
            path d="M0 26l11-11 8 8 6-5 15 12H0z" {}
            circle cx="29" cy="9" r="3.4" {}
            text x="20" y="28" text-anchor="middle" { (text::initial(view.brand())) }
        }
    }
}

fn slug(brand: &str) -> String {
    let slug: String = brand
        .chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .take(24)
        .collect();
    if slug.is_empty() {
        "brand".to_owned()
    } else {
        slug
    }
}

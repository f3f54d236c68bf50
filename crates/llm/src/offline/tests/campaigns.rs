//! Whole campaigns over briefs as people write them: no sentence comes twice.

use proptest::sample::subsequence;

use super::*;

/// Texts of one language; each differs from the others in every sentence.
struct Words {
    tag: &'static str,
    brands: &'static [&'static str],
    audiences: &'static [&'static str],
    offers: &'static [&'static str],
    messages: &'static [&'static str],
    claims: &'static [&'static str],
    labels: &'static [&'static str],
    required: &'static [&'static str],
}

const ENGLISH: Words = Words {
    tag: "en",
    brands: &["Tern", "Leaf & Kettle", "relay", "iHarbor 2"],
    audiences: &[
        "Trail runners",
        "Support leads in small companies",
        "People who drink loose tea",
        "Parents of twins. They have no time",
    ],
    offers: &[
        "Order before 1 October and get a repair kit with every pair.",
        "Three teas for 18 euros until the end of May",
        "Try it for 14 days. No card is needed for that.",
        "Tired of wet feet? Take a pair home for a week",
        "half the price for three months!",
    ],
    messages: &[
        "Dry feet on wet trails.",
        "Made to be repaired, not replaced",
        "Every message in one inbox. Nobody answers twice",
        "Set up in an afternoon",
        "light enough for race day",
        "Picked by hand in Assam.",
        "You can leave in any month, without giving a reason",
        "Why wait for the sun?",
        "Whole leaves instead of dust",
        "The list of what is inside is on the box",
        "Help comes from people who use it themselves",
        "No fees for the first half year",
    ],
    claims: &[
        "The membrane kept water out for 8 hours in the test of the Alpine Institute.",
        "A pair weighs 480 grams in size 42",
        "1,200 teams use it.",
        "Certified to ISO 27001",
        "Nine of ten parts can be replaced. The list names them",
    ],
    labels: &["Order now", "Start the trial", "Choose your three."],
    required: &[
        "Advertisement.",
        "Prices include VAT.",
        "While stocks last.",
    ],
};

const GERMAN: Words = Words {
    tag: "de-AT",
    brands: &["Bohne & Co", "Klar", "Nordlicht"],
    audiences: &[
        "Leute, die zu Hause mahlen",
        "Menschen mit trockener Haut",
        "Familien",
    ],
    offers: &[
        "Zwei Röstungen zum Preis von einer, bis 30. Juni.",
        "Depot eröffnen und im ersten Jahr keine Ordergebühren zahlen",
        "Zwei Wochen lang ausprobieren. Eine Karte brauchen Sie dafür nicht.",
    ],
    messages: &[
        "In Leipzig geröstet.",
        "Direkt von Kooperativen in Peru gekauft",
        "ohne Duftstoffe",
        "Weniger Kunststoff als im Tiegel",
        "Alle Kosten auf einer Seite. Versteckt ist nichts",
        "Sparpläne ab 25 Euro",
        "Worauf noch warten?",
        "In zehn Minuten eingerichtet",
    ],
    claims: &[
        "Wir zahlen 20 % über dem Weltmarktpreis.",
        "Dermatologisch getestet",
        "1.200 Betriebe arbeiten damit.",
    ],
    labels: &["Röstungen ansehen", "Depot eröffnen"],
    required: &["Anzeige.", "Kapitalanlagen sind mit Risiken verbunden."],
};

fn owned(texts: Vec<&'static str>) -> Vec<String> {
    texts.into_iter().map(str::to_owned).collect()
}

prop_compose! {
    fn brief_of(words: &'static Words)(
        brand in select(words.brands), audience in select(words.audiences), offer in select(words.offers),
        label in select(words.labels),
        messages in subsequence(words.messages, 1..=words.messages.len()).prop_shuffle(),
        claims in subsequence(words.claims, 0..=words.claims.len()),
        source in option::of(Just("Annual report 2025".to_owned())),
        required in subsequence(words.required, 0..=words.required.len()),
        platforms in subsequence(Platform::ALL.to_vec(), 1..=Platform::ALL.len()),
        adjectives in subsequence(vec!["warm", "precise", "klar", "loud"], 0..=4),
    ) -> CampaignBrief {
        CampaignBrief {
            name: "Launch".into(),
            objective: "More orders than last year".into(),
            audience: audience.into(),
            offer: offer.into(),
            brand: Brand {
                name: brand.into(),
                voice: Voice { adjectives: owned(adjectives), ..Voice::default() },
                required_disclosures: owned(required),
                ..Brand::default()
            },
            key_messages: owned(messages),
            proof_points: owned(claims)
                .into_iter()
                .map(|claim| ProofPoint { claim, source: source.clone() })
                .collect(),
            call_to_action: CallToActionInput { label: label.into(), url: "https://brand.example/offer".into() },
            platforms: platforms.iter().map(|p| p.as_str().to_owned()).collect(),
            language: words.tag.into(),
            ..CampaignBrief::default()
        }
    }
}

/// Sentences of more than two words; a full stop behind a digit (`30. Juni`, `1.200`) ends none.
fn sentences_of(text: &str) -> Vec<String> {
    let mut all = vec![String::new()];
    for word in text.split_inclusive(char::is_whitespace) {
        if let Some(last) = all.last_mut() {
            last.push_str(word);
        }
        let bare = word.trim_end();
        let ordinal = bare
            .strip_suffix('.')
            .is_some_and(|w| w.ends_with(|c: char| c.is_ascii_digit()));
        if word.ends_with('\n') || bare.ends_with(['.', '!', '?']) && !ordinal {
            all.push(String::new());
        }
    }
    all.iter()
        .map(|sentence| text::fold(sentence))
        .filter(|sentence| sentence.split(' ').count() > 2)
        .collect()
}

/// The texts of a campaign that are read one after another. Left out: what repeats on purpose, which is the
/// title for search engines (a headline) and the lists of claims and keywords.
fn texts_of(work: &Work) -> Vec<String> {
    let copy: CopyArtifact = artifact("copy", work);
    let short: ShortCopyArtifact = artifact("short_copy", work);
    let concept: VisualConceptArtifact = artifact("visual_concept", work);
    let mut texts = copy.headline_options;
    texts.extend([copy.subhead, copy.body, copy.seo.description]);
    texts.extend(copy.key_benefits);
    texts.extend(
        short
            .platforms
            .into_values()
            .flatten()
            .map(|variant| variant.text),
    );
    texts.extend([
        concept.title,
        concept.rationale,
        concept.composition,
        concept.typography.notes,
        concept.alt_text,
    ]);
    texts
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn no_sentence_comes_twice(
        brief in prop_oneof![brief_of(&ENGLISH), brief_of(&GERMAN)],
        seed in "[a-f0-9]{32}",
    ) {
        let demanded: BTreeSet<String> = brief
            .brand
            .required_disclosures
            .iter()
            .chain([&brief.call_to_action.label])
            .map(|text| text::fold(text))
            .collect();
        let mut seen = BTreeSet::new();
        for text in texts_of(&work(brief, &seed)) {
            for sentence in sentences_of(&text) {
                let fresh = demanded.contains(&sentence) || seen.insert(sentence.clone());
                prop_assert!(fresh, "`{sentence}` stands twice");
            }
        }
    }
}

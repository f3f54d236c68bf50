//! Any other language: the brief's own words and punctuation.

use super::{Hooks, Phrases, Picture, Short, en, posts};

const NONE: &[&str] = &[];

pub(super) static PHRASES: Phrases = Phrases {
    within: str::to_owned,
    cite: " ({source})",
    hooks: Hooks {
        any: NONE,
        warm: NONE,
        crisp: NONE,
        warm_tones: NONE,
        crisp_tones: NONE,
    },
    headlines: &[
        "{brand}: {offer}",
        "{offer} – {brand}",
        "{brand} – {message}",
        "{message} | {brand}",
        "{offer}: {message}",
        "{message} · {offer}",
    ],
    subheads: &[
        "{message} – {offer}",
        "{offer} · {message}",
        "{offer}",
        "{message}",
    ],
    offers: &["{brand} – {offer}.", "{offer}.", "{offer} ({brand})."],
    messages: &["{message}."],
    benefits_headings: NONE,
    proofs: &["{claim}."],
    proof_headings: NONE,
    closers: NONE,
    seo_descriptions: &[
        "{brand}: {offer}. {message}.",
        "{message}. {offer}.",
        "{offer}.",
    ],
    short: Short {
        offers: &[
            "{brand}: {offer}.",
            "{offer}.",
            "{offer} – {brand}.",
            "{offer} | {brand}.",
        ],
        messages: &[
            "{message}.",
            "{message} – {brand}.",
            "{brand}: {message}.",
            "{brand} | {message}.",
        ],
        proofs: &["{claim}.", "{brand}: {claim}."],
        closers: &["{label}.", "→ {label}.", "{brand}: {label}."],
    },
    picture: Picture {
        concepts: en::PHRASES.picture.concepts,
        objective: en::PHRASES.picture.objective,
        headline: en::PHRASES.picture.headline,
        alts: &["{headline}."],
        type_notes: en::PHRASES.picture.type_notes,
    },
    posts: posts::NEUTRAL,
    fillers: NONE,
};

//! The phrases of publications. `{offer}` stands for an item's topic, `{message}` for a sentence of its resources,
//! `{headline}` for its title. None of them claims anything.

/// The phrases of one language.
pub(crate) struct Posts {
    /// How a post begins.
    pub(crate) openings: &'static [&'static str],
    /// How it goes on.
    pub(crate) points: &'static [&'static str],
    /// What stands under a cover's title.
    pub(crate) covers: &'static [&'static str],
    /// Titles of slides of text.
    pub(crate) titles: &'static [&'static str],
    /// Titles of the last slide.
    pub(crate) closings: &'static [&'static str],
    /// What stands under them.
    pub(crate) invitations: &'static [&'static str],
    /// What a picture of ours shows.
    pub(crate) alts: &'static [&'static str],
    /// The word for a slide.
    pub(crate) slide: &'static str,
    /// Words of an objective, and what is asked for then. The last asks for what suits every objective.
    pub(crate) actions: &'static [(&'static [&'static str], &'static [&'static str])],
}

const NONE: &[&str] = &[];

pub(super) const EN: Posts = Posts {
    openings: &[
        "Today's topic: {offer}.",
        "On our mind this week: {offer}.",
        "Worth a minute of your day: {offer}.",
        "Something for {audience}: {offer}.",
        "One topic, a few lines: {offer}.",
        "{brand} puts it on the table: {offer}.",
        "Let us start here: {offer}.",
        "A subject that deserves a closer look: {offer}.",
        "This one is about a single thing: {offer}.",
        "From our notebook at {brand}: {offer}.",
    ],
    points: &[
        "To begin with: {message}.",
        "A point to take along: {message}.",
        "What belongs to it: {message}.",
        "Seen up close: {message}.",
        "For your notes: {message}.",
        "Good to have in mind: {message}.",
        "One detail: {message}.",
        "And there is more: {message}.",
        "The other side of it: {message}.",
        "In plain words: {message}.",
    ],
    covers: &[
        "Made for {audience}, by {brand}.",
        "A few slides from {brand}.",
        "{brand} on the subject, slide by slide.",
        "What {audience} may want to know about it.",
    ],
    titles: &[
        "Where it starts",
        "A closer look",
        "Worth knowing",
        "In practice",
        "To keep in mind",
        "One more thing",
        "What is behind it",
        "For your notes",
        "The next point",
        "Step by step",
    ],
    closings: &[
        "Over to you",
        "What comes next",
        "Now it is your turn",
        "Take it from here",
    ],
    invitations: &[
        "Thank you for reading to the end.",
        "Keep these slides for later, or pass them on.",
        "{brand} is here when you want to know more.",
        "Which of these points would you begin with?",
    ],
    alts: &[
        "A poster in the brand's colours. It reads: {headline}",
        "Lettering and plain shapes in the brand's colours, with the words: {headline}",
    ],
    slide: "Slide",
    actions: &[
        (
            &[
                "sign",
                "register",
                "registration",
                "subscribe",
                "subscriber",
                "subscribers",
                "signups",
            ],
            &["Sign up", "Save your place", "Put your name down"],
        ),
        (
            &[
                "sell", "sale", "sales", "buy", "order", "orders", "purchase", "revenue", "book",
                "bookings",
            ],
            &[
                "Take a look at the offer",
                "See what is on offer",
                "Find yours",
            ],
        ),
        (
            &["trial", "trials", "demo", "demos", "test", "try"],
            &["Try it for yourself", "Give it a try"],
        ),
        (
            &[
                "comment",
                "comments",
                "discussion",
                "engage",
                "engagement",
                "community",
                "feedback",
                "answers",
            ],
            &[
                "Tell us what you think",
                "Let us know in the comments",
                "Share your own view",
            ],
        ),
        (
            &["download", "downloads", "guide", "whitepaper", "ebook"],
            &["Get the guide", "Download it"],
        ),
        (
            &[
                "contact",
                "call",
                "leads",
                "lead",
                "enquiries",
                "appointments",
            ],
            &["Get in touch", "Write to us"],
        ),
        (
            NONE,
            &[
                "Find out more",
                "Read on and see for yourself",
                "Save this for later",
            ],
        ),
    ],
};

pub(super) const DE: Posts = Posts {
    openings: &[
        "Unser Thema heute: {offer}.",
        "Was uns diese Woche beschäftigt: {offer}.",
        "Eine Minute wert: {offer}.",
        "Etwas für {audience}: {offer}.",
        "Ein Thema, wenige Zeilen: {offer}.",
        "{brand} bringt es auf den Tisch: {offer}.",
        "Fangen wir hier an: {offer}.",
        "Ein zweiter Blick lohnt sich: {offer}.",
        "Hier geht es um genau eine Sache: {offer}.",
        "Aus dem Notizbuch von {brand}: {offer}.",
    ],
    points: &[
        "Zum Anfang: {message}.",
        "Ein Punkt zum Mitnehmen: {message}.",
        "Was dazugehört: {message}.",
        "Aus der Nähe besehen: {message}.",
        "Für Ihre Notizen: {message}.",
        "Gut im Kopf zu behalten: {message}.",
        "Ein Detail: {message}.",
        "Und es gibt noch mehr: {message}.",
        "Die andere Seite: {message}.",
        "In klaren Worten: {message}.",
    ],
    covers: &[
        "Für {audience}, von {brand}.",
        "Ein paar Folien von {brand}.",
        "{brand} zum Thema, Folie für Folie.",
        "Was {audience} darüber wissen wollen könnten.",
    ],
    titles: &[
        "Womit es anfängt",
        "Genauer hingesehen",
        "Gut zu wissen",
        "In der Praxis",
        "Zum Merken",
        "Noch etwas",
        "Was dahintersteht",
        "Für Ihre Notizen",
        "Der nächste Punkt",
        "Schritt für Schritt",
    ],
    closings: &[
        "Jetzt sind Sie dran",
        "Wie es weitergeht",
        "Ihr nächster Schritt",
        "Von hier aus weiter",
    ],
    invitations: &[
        "Danke, dass Sie bis hierher gelesen haben.",
        "Heben Sie diese Folien auf, oder geben Sie sie weiter.",
        "{brand} ist da, wenn Sie mehr wissen möchten.",
        "Mit welchem dieser Punkte würden Sie anfangen?",
    ],
    alts: &[
        "Ein Plakat in den Farben der Marke. Darauf steht: {headline}",
        "Schrift und einfache Formen in den Farben der Marke, mit den Worten: {headline}",
    ],
    slide: "Folie",
    actions: &[
        (
            &[
                "anmeldung",
                "anmeldungen",
                "registrierung",
                "registrierungen",
                "abonnenten",
                "newsletter",
            ],
            &["Jetzt anmelden", "Platz sichern"],
        ),
        (
            &[
                "verkauf",
                "verkaufen",
                "umsatz",
                "bestellung",
                "bestellungen",
                "buchung",
                "buchungen",
                "kauf",
            ],
            &["Zum Angebot", "Das Angebot ansehen"],
        ),
        (
            &["test", "tests", "demo", "demos", "probe", "ausprobieren"],
            &["Selbst ausprobieren", "Probieren Sie es aus"],
        ),
        (
            &[
                "kommentar",
                "kommentare",
                "diskussion",
                "austausch",
                "feedback",
                "antworten",
            ],
            &["Was meinen Sie?", "Schreiben Sie es in die Kommentare"],
        ),
        (
            &[
                "download",
                "downloads",
                "leitfaden",
                "ratgeber",
                "whitepaper",
            ],
            &["Leitfaden holen", "Jetzt herunterladen"],
        ),
        (
            &["kontakt", "anfragen", "anfrage", "leads", "termine"],
            &["Schreiben Sie uns", "Nehmen Sie Kontakt auf"],
        ),
        (NONE, &["Mehr erfahren", "Weiterlesen", "Für später merken"]),
    ],
};

pub(super) const NEUTRAL: Posts = Posts {
    openings: &["{offer}.", "{brand}: {offer}.", "{offer} – {brand}."],
    points: &["{message}.", "– {message}.", "{brand}: {message}."],
    covers: &["{brand}"],
    titles: NONE,
    closings: NONE,
    invitations: NONE,
    alts: &["{headline}"],
    slide: "",
    actions: &[(NONE, &["→ {brand}"])],
};

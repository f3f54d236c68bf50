use proptest::prelude::*;
use unicode_normalization::UnicodeNormalization;

use super::*;

#[test]
fn x_counts_as_its_own_conformance_cases_say() {
    let families = "👨‍👩‍👧‍👦".repeat(140);
    let long_host = |n: usize| {
        format!(
            "{} http://{}.com",
            "あ".repeat(120),
            "あいうえおかきくけこ".repeat(5) + &"あいう"[..n * 3]
        )
    };
    for (text, expect) in [
        ("", 0),
        ("Hi http://test.co", 26),
        ("http://test.co", 23),
        (&"https://www.twitter.com/aloha ".repeat(10), 240),
        (&"故".repeat(160), 320),
        (&format!("the{}", "故".repeat(160)), 323),
        ("H🐱☺👨‍👩‍👧‍👦", 7),
        ("😷👾😡🔥💩", 10),
        ("🙋🏽👨‍🎤", 4),
        (&families, 280),
        ("1⃣", 2),
        ("Unicode 10.0 emoji: 🤪; 🧕; 🧕🏾; 🏴󠁧󠁢󠁥󠁮󠁧󠁿", 34),
        ("Unicode 9.0 emoji: 🤠; 💃; 💃🏾", 29),
        (
            "randomurlrandomurlrandomurlrandomurlrandomurlrandomurlrandomurls.com",
            68,
        ),
        (
            "This is a tweet with general punctuation characters: \u{2000}\u{2001}\u{2002}\u{2003}\u{2004}\u{2005}\u{2006}\u{2007}\u{2008}\u{2009}\u{200A}\u{200B} ‐ ‑ ‒ – — ― ‖  ‗ ‘ ’ ‚ ‛ “ ” „ ‟ ′ ″ ‴ ‵ ‶ ‷",
            110,
        ),
        ("ABC\u{202A}\u{FFFF}ABC\u{FFFE}", 12),
        // A host of 62 bytes in ASCII is an address, one of more than 63 is text.
        (&long_host(2), 240 + 1 + 23),
        (&long_host(3), 240 + 1 + 7 + 2 * 53 + 4),
        // NFC: e and a combining acute are one.
        ("cafe\u{301}", 4),
        ("日本語", 6),
        ("see example.com now", 4 + 23 + 4),
        ("see notes.txt now", 17),
        ("© 2026", 6),
    ] {
        assert_eq!(Platform::X.count(text), expect, "{text}");
    }
}

#[test]
fn x_takes_280_and_no_more() {
    assert!(Platform::X.fits(&"x".repeat(280)));
    assert!(!Platform::X.fits(&"x".repeat(281)));
    let link = format!("https://example.com/{}", "a".repeat(400));
    assert!(Platform::X.fits(&format!("{} {link}", "x".repeat(256))));
    assert!(!Platform::X.fits(&format!("{} {link}", "x".repeat(257))));
}

#[test]
fn linkedin_counts_what_it_is_sent() {
    assert_eq!(little_text("a_b (c) #d"), "a\\_b \\(c\\) \\#d");
    assert_eq!(Platform::Linkedin.count("a_b (c) #d"), 14);
    assert_eq!(Platform::Linkedin.count(r"\|{}@[]()<>#*_~"), 30);
    assert!(Platform::Linkedin.fits(&"x".repeat(3_000)));
    assert!(!Platform::Linkedin.fits(&format!("{}#", "x".repeat(2_999))));
}

#[test]
fn bluesky_counts_graphemes_and_bytes() {
    assert_eq!(Platform::Bluesky.count("👨‍👩‍👧‍👦e\u{301}"), 2);
    assert!(Platform::Bluesky.fits(&"é".repeat(300)));
    assert!(!Platform::Bluesky.fits(&"e".repeat(301)));
    // 25 bytes each: 120 are 3,000 bytes.
    assert!(Platform::Bluesky.fits(&"👨‍👩‍👧‍👦".repeat(120)));
    assert!(!Platform::Bluesky.fits(&"👨‍👩‍👧‍👦".repeat(121)));
}

#[test]
fn mastodon_counts_addresses_with_a_scheme_as_23_and_mentions_without_their_server() {
    let count = |text: &str| Platform::Mastodon.count(text);
    assert_eq!(count("see https://example.com/a/very/long/path/indeed"), 27);
    assert_eq!(count("see example.com/a"), 17);
    assert_eq!(count("hi @ann@mastodon.social!"), "hi @ann!".len() as u32);
    assert_eq!(count("hi @ann.b@a.example."), "hi @ann.b.".len() as u32);
    assert_eq!(count("mail ann@example.com"), 20);
    assert_eq!(count("@ann @ @@ a@"), 12);
    assert!(Platform::Mastodon.fits(&"👩‍🚀".repeat(500)));
    assert!(!Platform::Mastodon.fits(&"a".repeat(501)));
}

#[test]
fn facebook_and_instagram_count_units_and_hashtags() {
    assert_eq!(Platform::Facebook.count("😀é"), 3);
    assert!(Platform::Facebook.fits(&"a".repeat(63_206)));
    assert!(!Platform::Facebook.fits(&"a".repeat(63_207)));
    assert!(Platform::Instagram.fits(&"a".repeat(2_200)));
    assert!(!Platform::Instagram.fits(&"a".repeat(2_201)));
    assert!(Platform::Instagram.fits(&"#tag ".repeat(30)));
    assert!(!Platform::Instagram.fits(&"#tag ".repeat(31)));
}

#[test]
fn hashtags_stand_at_the_start_of_a_word_and_not_in_addresses() {
    for (text, expect) in [
        ("#a #b", 2),
        ("a#b &#39; # #", 0),
        ("＃日本 (#ok)", 2),
        ("https://example.com/#top", 0),
    ] {
        assert_eq!(count_hashtags(text), expect, "{text}");
    }
}

#[test]
fn hostile_texts_are_counted_in_linear_time() {
    // Each of these makes a quadratic counter run for minutes.
    for unit in [
        "あ",
        "a.",
        "a_.",
        "a-",
        "_",
        "http://",
        "http://a.com/(",
        "@a",
        "t.co/",
        ".com",
        "あ.",
        "👨‍",
        "a.com?",
    ] {
        let text = unit.repeat(256 * 1024 / unit.len());
        for platform in Platform::ALL {
            assert!(platform.count(&text) > 0, "{unit}");
        }
    }
}

/// Text that is rich in what the counters look for.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        any::<char>().prop_map(String::from),
        "[ -~]{1,6}",
        prop::sample::select(vec![
            "http://",
            "https://",
            "example.com",
            ".co.uk",
            "/path",
            "(a)",
            "?q=1",
            "@ann",
            "@a.example",
            "#tag",
            "e\u{301}",
            "日本",
            "。",
            "😀",
            "👨‍👩‍👧",
            "\u{FE0F}",
            "\u{200D}",
            "🇩🇪",
            "🏽",
            "1\u{20E3}",
            "xn--",
            "みんな",
            ".",
            "-",
            "_",
            ":80",
            "t.co/abc",
        ])
        .prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn x_does_not_see_normalisation(text in text()) {
        let nfc: String = text.nfc().collect();
        let nfd: String = text.nfd().collect();
        prop_assert_eq!(Platform::X.count(&text), Platform::X.count(&nfc));
        prop_assert_eq!(Platform::X.count(&text), Platform::X.count(&nfd));
    }

    #[test]
    fn escaping_never_shortens_and_loses_nothing(text in text()) {
        let escaped = little_text(&text);
        prop_assert_eq!(Platform::Linkedin.count(&text) as usize, escaped.encode_utf16().count());
        prop_assert!(escaped.encode_utf16().count() >= text.encode_utf16().count());
        let mut chars = escaped.chars();
        let mut back = String::new();
        while let Some(c) = chars.next() {
            back.push(if c == '\\' { chars.next().unwrap() } else { c });
        }
        prop_assert_eq!(back, text);
    }

    #[test]
    fn nothing_counts_more_than_its_units_but_for_addresses_and_weights(text in text()) {
        let chars = u32::try_from(text.chars().count()).unwrap();
        prop_assert!(Platform::Bluesky.count(&text) <= chars);
        prop_assert!(Platform::X.count(&text) <= 23 * (chars + 1));
        prop_assert_eq!(Platform::X.count(&text) == 0, text.is_empty());
    }

    #[test]
    fn addresses_are_in_order_and_on_character_boundaries(text in text()) {
        let mut at = 0;
        for url in urls::find(&text) {
            prop_assert!(url.range.start >= at && url.range.end > url.range.start);
            let address = &text[url.range.clone()];
            prop_assert!(!url.has_scheme || address.contains("://"));
            prop_assert!(address.contains('.'));
            at = url.range.end;
        }
    }

    #[test]
    fn plain_ascii_words_count_one_each_everywhere(text in "[a-z ]{0,300}") {
        for platform in Platform::ALL {
            prop_assert_eq!(platform.count(&text) as usize, text.len());
        }
    }
}

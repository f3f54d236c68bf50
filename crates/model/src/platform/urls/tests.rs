use super::*;

fn found(text: &str) -> Vec<&str> {
    find(text).into_iter().map(|url| &text[url.range]).collect()
}

#[test]
fn addresses_with_a_scheme() {
    for url in [
        "http://example.com",
        "HTTPS://Example.COM/#foo",
        "http://ああ.com",
        "http://somehost.com:3000",
        "http://xo.com/~matthew+%ff-,.;x",
        "http://en.wikipedia.org/wiki/Primer_(film)",
        "http://a.com/f(v=VS.100(b)).aspx",
        "http://chilp.it/?77e8fd",
        "http://foo.com?#foo",
        "https://en.m.wikipedia.org/wiki/Hatfield–McCoy_feud",
        "http://twitter.com/Русские_слова",
        "http://sub_domain-dash.twitter.com",
        "http://www.foo.com/foo/path-with-period./",
        "http://www.foo.com/bar-path/some.stm?param1=foo;param2=P1|0||P2|0",
        "http://✪df.ws/ejp",
    ] {
        assert_eq!(found(url), [url]);
        assert_eq!(found(&format!("see ({url}, ok")), [url]);
    }
}

#[test]
fn addresses_without_a_scheme() {
    for (text, expect) in [
        (
            "foo.com foo.co.jp www.foo.co.uk foo.jp",
            &["foo.com", "foo.co.jp", "www.foo.co.uk", "foo.jp"][..],
        ),
        (
            "t.co/abcde bit.ly/abcde?x=1.",
            &["t.co/abcde", "bit.ly/abcde?x=1"],
        ),
        (
            "日本語です。example.com/path/index.html中国語example.com/path한국",
            &["example.com/path/index.html", "example.com/path"],
        ),
        (
            "twitter.comこれは。example.com中国語t.co/abcde한국twitter.com example2.comテスト",
            &[
                "twitter.com",
                "example.com",
                "t.co/abcde",
                "twitter.com",
                "example2.com",
            ],
        ),
        ("test ELPAÍS.com", &["ELPAÍS.com"]),
        (
            "example.comてすとですtwitter.みんなです",
            &["example.com", "twitter.みんな"],
        ),
        ("name.al-lastname.com", &["name.al-lastname.com"]),
        // Only a path draws port and query in.
        (
            "foo.com?x=1 foo.com:80 foo.com:80/a",
            &["foo.com", "foo.com", "foo.com:80/a"],
        ),
    ] {
        assert_eq!(found(text), expect, "{text}");
    }
}

#[test]
fn what_only_looks_like_one() {
    for text in [
        "",
        "notes.txt",
        "test.tar.bz2",
        "v1.2.3",
        "e.g. this",
        "end.Start",
        "http://no-tld",
        "http://tld-too-short.x",
        "http://domain.com-that-you-should-have-put-a-space-after",
        "http://twitter_underscore.com",
        "http://-twitter.com",
        "http://twitter-.com",
        "http://_a.twitter.com",
        "http://xn--はじめよう.com/index.html",
        "name.al-lastname@foo.com",
        "name.al+lastname@foo.com",
        "john.doe.gov@mail.com",
        "#test.com @test.com #http://test.com @http://test.com",
        "$TVI.CA $http://twitter.com",
        "http://t.co/abcdefghijklmnopqrstuvwxyz012345678901234",
    ] {
        assert_eq!(found(text), [""; 0], "{text}");
    }
}

#[test]
fn closing_punctuation_belongs_to_the_sentence() {
    for (text, expect) in [
        ("http://twitter.com/.", "http://twitter.com/"),
        ("http://example.com/path.......", "http://example.com/path"),
        ("(http://example.com/a)", "http://example.com/a"),
        ("http://t.co/pbY2NfTZ's website", "http://t.co/pbY2NfTZ"),
        ("http://t.co/FNkPfmii- it's", "http://t.co/FNkPfmii"),
        (
            "http://example.comだよね.comtest/hoge",
            "http://example.com",
        ),
        ("http:// example.com/path", "example.com/path"),
    ] {
        assert_eq!(found(text), [expect], "{text}");
    }
}

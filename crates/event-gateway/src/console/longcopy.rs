//! Long copy as its reader would see it: Markdown as HTML of which we write every tag, findings in place.

use maud::{Markup, PreEscaped, Render, html};
use pulldown_cmark::{CodeBlockKind, CowStr, Event, Options, Parser, Tag, TagEnd, html as writer};

use super::{
    artifact::View,
    mark::{self, Mark, pieces},
    text::{Foreign, web_host},
};

/// The page that the copy is for.
pub(super) fn show(view: &View<'_>) -> Markup {
    let headlines = view.items("/headline_options");
    let body = view.text("/body");
    html! {
        article.sheet lang=[view.language()] {
            @if let Some(first) = headlines.first() {
                p.headline role="heading" aria-level="2" { (view.field(first)) }
            }
            p.subhead { (view.field("/subhead")) }
            div.prose { (markdown(body, &view.marks("/body"))) }
            ul.benefits {
                @for pointer in view.items("/key_benefits") { li { (view.field(&pointer)) } }
            }
            div.cta {
                span.button-look { (view.field("/call_to_action/label")) }
                (address(view.text("/call_to_action/url")))
            }
        }
        section.extra {
            h3 { "Other headlines" }
            ul { @for pointer in headlines.iter().skip(1) { li { (view.field(pointer)) } } }
            h3 { "In a search result" }
            div.serp {
                p.serp-url { (Foreign(&web_host(view.text("/call_to_action/url")).unwrap_or_default())) }
                p.serp-title { (view.field("/seo/title")) }
                p.serp-text { (view.field("/seo/description")) }
            }
            @let claims = view.items("/claims");
            h3 { "Claims and their sources" }
            @if claims.is_empty() {
                p.muted { "The text asserts no facts." }
            } @else {
                ul.claims {
                    @for pointer in claims {
                        li {
                            (view.field(&format!("{pointer}/text")))
                            @let source = view.text(&format!("{pointer}/source"));
                            @if source.is_empty() { span.muted { " from the brief, without a source" } }
                            @else { " " (address(source)) }
                        }
                    }
                }
            }
        }
    }
}

/// An address in full, so that where it leads can be read; a link only if it leads to the web.
pub(super) fn address(address: &str) -> Markup {
    html! {
        @if web_host(address).is_some() {
            a.address href=(address) rel="noopener noreferrer nofollow" { (Foreign(address)) }
        } @else {
            span.address { (Foreign(address)) }
        }
    }
}

/// Markdown as HTML. Raw HTML in it is shown as the text it is; images are shown as their description;
/// links lead to the web or nowhere.
pub(super) fn markdown(source: &str, marks: &[Mark]) -> Markup {
    let options = Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TABLES;
    let mut events = Vec::new();
    let mut links = Vec::new();
    for (event, range) in Parser::new_ext(source, options).into_offset_iter() {
        match event {
            Event::Text(text) => {
                // Escapes and entities are longer in the source than in the text: no cut inside them.
                if source.get(range.clone()) == Some(&*text) {
                    let cut = pieces(source, range.start, range.end, marks);
                    events.extend(cut.iter().map(|piece| ours(piece)));
                } else {
                    let covering = marks
                        .iter()
                        .find(|mark| mark.start < range.end && range.start < mark.end);
                    events.push(ours(&mark::Piece {
                        text: &text,
                        start: range.start,
                        mark: covering,
                    }));
                }
            }
            // As if it had been written as text: shown, never obeyed.
            Event::Html(raw) | Event::InlineHtml(raw) => events.push(ours(&Foreign(&raw))),
            Event::Start(Tag::HtmlBlock) => events.push(Event::InlineHtml("<p>".into())),
            Event::End(TagEnd::HtmlBlock) => events.push(Event::InlineHtml("</p>".into())),
            // The page has a first heading of its own.
            Event::Start(Tag::Heading { level, .. }) => {
                let level = (level as usize + 2).min(6);
                events.push(Event::InlineHtml(format!("<h{level}>").into()));
            }
            Event::End(TagEnd::Heading(level)) => {
                let level = (level as usize + 2).min(6);
                events.push(Event::InlineHtml(format!("</h{level}>\n").into()));
            }
            Event::Start(Tag::Link { dest_url, .. }) => {
                let is_link = web_host(&dest_url).is_some();
                links.push(is_link);
                if is_link {
                    let mut open = String::from("<a rel=\"noopener noreferrer nofollow\" href=\"");
                    dest_url.as_ref().render_to(&mut open);
                    open.push_str("\">");
                    events.push(Event::InlineHtml(open.into()));
                }
            }
            Event::End(TagEnd::Link) => {
                if links.pop() == Some(true) {
                    events.push(Event::InlineHtml("</a>".into()));
                }
            }
            Event::Start(Tag::Image { .. }) => {
                events.push(Event::InlineHtml("<em>[picture: ".into()))
            }
            Event::End(TagEnd::Image) => events.push(Event::InlineHtml("]</em>".into())),
            // A language name would become a class.
            Event::Start(Tag::CodeBlock(_)) => {
                events.push(Event::Start(Tag::CodeBlock(CodeBlockKind::Indented)));
            }
            Event::Code(code) => events.push(html_of(html! { code { (Foreign(&code)) } })),
            other => events.push(other),
        }
    }
    let mut out = String::with_capacity(source.len() * 2);
    writer::push_html(&mut out, events.into_iter());
    PreEscaped(out)
}

/// What we render ourselves, on its way through the writer as it is.
fn ours(shown: &impl Render) -> Event<'static> {
    html_of(shown.render())
}

fn html_of(shown: Markup) -> Event<'static> {
    Event::InlineHtml(CowStr::from(shown.into_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(source: &str) -> String {
        markdown(source, &[]).into_string()
    }

    #[test]
    fn nothing_of_the_source_becomes_a_tag_that_acts() {
        for hostile in [
            "<script>alert(1)</script>",
            "a <img src=x onerror=alert(1)> b",
            "<div onclick=alert(1)>\n\nx</div>",
            "[x](javascript:alert(1))",
            "[x](JaVaScRiPt:alert(1))",
            "[x](data:text/html;base64,PHN)",
            "![x](https://evil.example/p.png)",
            "<https://a.example/\"onmouseover=\"alert(1)>",
            "[x](https://a.example/\"onmouseover=\"alert(1))",
            "```js\" onload=\"alert(1)\nx\n```",
            "<style>body{display:none}</style>",
            "<svg/onload=alert(1)>",
            "&lt;script&gt;",
        ] {
            let shown = plain(hostile);
            let lower = shown.to_ascii_lowercase();
            for bad in [
                "<script",
                "<img",
                "<div",
                "<style",
                "<svg",
                "<code class",
                "\"javascript:",
                "\"data:",
            ] {
                assert!(!lower.contains(bad), "{hostile}: {shown}");
            }
            // Inside quotes of an attribute, nothing but an address.
            for part in lower.split("href=\"").skip(1) {
                let end = part.find('"').expect("closed");
                assert!(part[end + 1..].starts_with('>'), "{hostile}: {shown}");
            }
        }
    }

    #[test]
    fn structure_is_kept_and_findings_stand_in_it() {
        let source = "## Größe\n\nA **bold claim** here & there.\n";
        let start = source.find("claim").expect("there");
        let marks = [Mark {
            number: 7,
            severity: "violation".to_owned(),
            start,
            end: start + 5,
        }];
        let shown = markdown(source, &marks).into_string();
        assert!(shown.contains("<h4>Größe</h4>"), "{shown}");
        assert!(
            shown.contains("<strong>bold <mark class=\"sev-violation\" id=\"place-7\">"),
            "{shown}"
        );
        assert!(
            shown.contains(">claim</a></mark></strong> here &amp; there."),
            "{shown}"
        );
    }

    #[test]
    fn a_finding_over_several_parts_marks_each() {
        let source = "one *two* three";
        let marks = [Mark {
            number: 1,
            severity: "info".to_owned(),
            start: 0,
            end: source.len(),
        }];
        let shown = markdown(source, &marks).into_string();
        assert_eq!(shown.matches("<mark").count(), 3, "{shown}");
        assert_eq!(shown.matches("id=\"place-1\"").count(), 1, "{shown}");
    }
}

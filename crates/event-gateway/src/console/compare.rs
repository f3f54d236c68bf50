//! Two versions of an artifact, side by side, word by word.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    extract::{Extension, Path},
    response::Response,
};
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::Value;
use similar::{ChangeTag, TextDiff};
use tonic::Status;
use wire::artifact::v1::ArtifactVersion;

use super::{
    artifact::{self, Material, View},
    door::{Asked, Visit},
    page::{self, Look},
    poster,
    text::{self, Foreign},
};
use crate::limits::DIFF_TIME;

/// Which two.
#[derive(Deserialize)]
pub(super) struct Pair {
    #[serde(default)]
    from: u32,
    #[serde(default)]
    to: u32,
}

/// `GET /runs/{run}/artifacts/{step}/compare`.
pub(super) async fn show(
    Extension(visit): Extension<Arc<Visit>>,
    Path((run, step)): Path<(String, String)>,
    Asked(pair): Asked<Pair>,
) -> Response {
    let shown = async {
        let material = artifact::material(&visit, &run, &step).await?;
        let newest = material
            .versions
            .last()
            .map_or(0, |version| version.version);
        let to = if pair.to == 0 { newest } else { pair.to };
        let from = if pair.from == 0 {
            to.saturating_sub(1)
        } else {
            pair.from
        };
        if from == 0 || from == to {
            return Err(Status::not_found(
                "there is only one version, so there is nothing to compare",
            ));
        }
        let old = artifact::version(&visit, &run, &step, from).await?;
        let new = artifact::version(&visit, &run, &step, to).await?;
        Ok((material, old, new))
    };
    match shown.await {
        Ok((material, old, new)) => {
            let body = render(&material, &step, &old, &new);
            page::page(&visit, &Look::titled(&material.run.title), &body)
        }
        Err(status) => page::failed(&visit, &status),
    }
}

fn render(
    material: &Material,
    step: &str,
    (old, before): &(ArtifactVersion, Value),
    (new, after): &(ArtifactVersion, Value),
) -> Markup {
    let rows = rows(before, after);
    let (same, differ): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row.old == row.new);
    html! {
        (artifact::heading(&material.run))
        (artifact::tabs(&material.run, step))
        p.provenance {
            span { (text::words(step)) ": version " (old.version) " and version " (new.version) }
            span { (differ.len()) " of " (rows.len()) " texts differ" }
            @for version in &material.versions {
                @if version.version > 1 && version.version != new.version {
                    a href={ "?from=" (version.version - 1) "&to=" (version.version) } {
                        "Compare " (version.version - 1) " and " (version.version)
                    }
                }
            }
            a href={ "/runs/" (material.run.id) "/artifacts/" (step) } { "The active version" }
        }
        (poster::pair(
            (old.version, &View::new(before, &material.brief, Vec::new())),
            (new.version, &View::new(after, &material.brief, Vec::new())),
        ))
        @if differ.is_empty() { p.muted { "No text differs." } } @else { table.compare {
            caption.hidden { "What changed from version " (old.version) " to version " (new.version) }
            thead { tr {
                th scope="col" { "Text" }
                th scope="col" { "Version " (old.version) }
                th scope="col" { "Version " (new.version) }
            } }
            tbody { @for row in differ { (line(row)) } }
        } }
        @if !same.is_empty() {
            details.alike {
                summary { (same.len()) @if same.len() == 1 { " text is the same" } @else { " texts are the same" } }
                table.compare {
                    caption.hidden { "What is the same in both versions" }
                    tbody { @for row in same { (line(row)) } }
                }
            }
        }
    }
}

/// One text in both versions.
#[derive(Debug, PartialEq, Eq)]
struct Row<'a> {
    path: String,
    old: Option<&'a str>,
    new: Option<&'a str>,
}

fn line(row: &Row<'_>) -> Markup {
    let (old, new) = (row.old.unwrap_or_default(), row.new.unwrap_or_default());
    if old == new {
        return html! {
            tr.same { th scope="row" { (label(&row.path)) } td colspan="2" { (Foreign(new)) } }
        };
    }
    let diff = TextDiff::configure()
        .timeout(DIFF_TIME)
        .diff_words(old, new);
    let changes: Vec<_> = diff.iter_all_changes().collect();
    let side = |not: ChangeTag| {
        html! {
            @for change in changes.iter().filter(|change| change.tag() != not) {
                @match change.tag() {
                    ChangeTag::Equal => { (Foreign(change.value())) }
                    ChangeTag::Delete => { del { (Foreign(change.value())) } }
                    ChangeTag::Insert => { ins { (Foreign(change.value())) } }
                }
            }
        }
    };
    html! {
        tr {
            th scope="row" { (label(&row.path)) }
            td data-side="before" { (side(ChangeTag::Insert)) }
            td data-side="after" { (side(ChangeTag::Delete)) }
        }
    }
}

/// `/platforms/x/0/text` as people say it.
pub(super) fn label(path: &str) -> String {
    path.split('/')
        .filter(|part| !part.is_empty())
        .map(|part| match part.parse::<usize>() {
            Ok(i) => (i + 1).to_string(),
            Err(_) => text::words(&part.replace("~1", "/").replace("~0", "~")),
        })
        .collect::<Vec<_>>()
        .join(" › ")
}

/// Where an artifact names pictures.
pub(super) const PICTURES: [&str; 2] = ["/poster/png", "/poster/svg"];

/// All texts of both versions, by their place.
fn rows<'a>(before: &'a Value, after: &'a Value) -> Vec<Row<'a>> {
    let mut places = Vec::new();
    let (mut old, mut new) = (BTreeMap::new(), BTreeMap::new());
    texts(after, &mut String::new(), &mut places, &mut new);
    texts(before, &mut String::new(), &mut places, &mut old);
    let mut seen = std::collections::BTreeSet::new();
    places.retain(|place| seen.insert(place.clone()));
    places
        .into_iter()
        .map(|path| Row {
            old: old.get(&path).copied(),
            new: new.get(&path).copied(),
            path,
        })
        .collect()
}

fn texts<'a>(
    value: &'a Value,
    at: &mut String,
    places: &mut Vec<String>,
    found: &mut BTreeMap<String, &'a str>,
) {
    let length = at.len();
    match value {
        // Pictures are compared as pictures: their hashes tell nobody anything.
        Value::Object(_) if PICTURES.contains(&at.as_str()) => {}
        Value::String(text) => {
            places.push(at.clone());
            found.insert(at.clone(), text);
        }
        Value::Array(items) => {
            for (i, item) in items.iter().enumerate() {
                at.push_str(&format!("/{i}"));
                texts(item, at, places, found);
                at.truncate(length);
            }
        }
        Value::Object(fields) => {
            for (name, field) in fields {
                at.push('/');
                at.push_str(&name.replace('~', "~0").replace('/', "~1"));
                texts(field, at, places, found);
                at.truncate(length);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_are_paired_by_their_place() {
        let before = json!({"a": "x", "list": ["1", "2"], "n": 3});
        let after = json!({"a": "y", "list": ["1"], "new": "z"});
        let rows: Vec<_> = rows(&before, &after)
            .iter()
            .map(|row| {
                (
                    row.path.clone(),
                    row.old.map(str::to_owned),
                    row.new.map(str::to_owned),
                )
            })
            .collect();
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            rows,
            [
                ("/a".to_owned(), some("x"), some("y")),
                ("/list/0".to_owned(), some("1"), some("1")),
                ("/new".to_owned(), None, some("z")),
                ("/list/1".to_owned(), some("2"), None),
            ]
        );
    }

    #[test]
    fn each_side_shows_its_own_text_whole_and_escaped() {
        let row = Row {
            path: "/body".to_owned(),
            old: Some("a <b> cold day"),
            new: Some("a <b> warm day"),
        };
        let shown = line(&row).into_string();
        assert!(
            shown.contains("<del>cold</del>") && shown.contains("<ins>warm</ins>"),
            "{shown}"
        );
        assert!(
            shown.contains("&lt;b&gt;") && !shown.contains("<b>"),
            "{shown}"
        );
        let strip = |from: &str| {
            let cell = shown
                .split(from)
                .nth(1)
                .expect("there")
                .split("</td>")
                .next()
                .expect("closed");
            let cell = &cell[cell.find('>').expect("open") + 1..];
            cell.replace("<del>", "")
                .replace("</del>", "")
                .replace("<ins>", "")
                .replace("</ins>", "")
        };
        assert_eq!(strip("data-side=\"before\""), "a &lt;b&gt; cold day");
        assert_eq!(strip("data-side=\"after\""), "a &lt;b&gt; warm day");
    }

    #[test]
    fn a_place_reads_as_words() {
        assert_eq!(label("/platforms/x/0/text"), "Platforms › X › 1 › Text");
    }
}

//! The poster of a visual concept: in its sheet, large on a page of its own, and the pictures themselves.

use std::sync::Arc;

use axum::{
    extract::{Extension, Path},
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use maud::{Markup, html};
use model::{ContentHash, media::MediaType};
use tonic::Status;
use wire::{
    artifact::v1::{ArtifactVersion, GetMediaRequest},
    campaign::v1::Artifacts,
};

use super::{
    artifact::{self, Material, View, Which},
    door::{Asked, Visit},
    page::{self, Look},
    text::{self, Foreign},
};

/// The step whose artifact has a poster.
pub(super) const STEP: &str = "visual_concept";
/// Largest side that a page is told of, pixels.
const MAX_SIDE: u64 = 10_000;

/// A picture that an artifact names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Picture {
    hash: ContentHash,
    kind: MediaType,
    width: u64,
    height: u64,
    bytes: u64,
}

impl Picture {
    fn of(view: &View<'_>, kind: MediaType) -> Option<Self> {
        let at = format!("/poster/{}", kind.extension());
        let field = |name: &str| format!("{at}/{name}");
        let side =
            |name: &str| Some(view.number(&field(name))).filter(|n| (1..=MAX_SIDE).contains(n));
        Some(Self {
            hash: ContentHash::new(view.text(&field("hash"))).ok()?,
            kind: Some(kind).filter(|kind| view.text(&field("media_type")) == kind.as_str())?,
            width: side("width")?,
            height: side("height")?,
            bytes: view.number(&field("bytes")),
        })
    }

    /// Where the console serves it.
    pub(super) fn path(&self) -> String {
        format!("/media/{}.{}", self.hash, self.kind.extension())
    }

    /// The picture, for who sees it and who does not.
    pub(super) fn img(&self, alt: &str, class: &str) -> Markup {
        html! { img class=(class) src=(self.path()) width=(self.width) height=(self.height) alt=(alt) decoding="async"; }
    }
}

/// A concept's poster as the concept names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Poster {
    pub(super) png: Picture,
    pub(super) svg: Option<Picture>,
}

impl Poster {
    /// None where there is none, and where what is named is no picture of ours.
    pub(super) fn of(view: &View<'_>) -> Option<Self> {
        Some(Self {
            png: Picture::of(view, MediaType::Png)?,
            svg: Picture::of(view, MediaType::Svg),
        })
    }
}

/// What stands for the poster to who does not see it.
pub(super) fn alt(view: &View<'_>) -> String {
    match view.text("/alt_text") {
        "" => format!("Poster: {}", view.text("/poster/text/headline")),
        alt => alt.to_owned(),
    }
}

fn has_refusal(view: &View<'_>) -> bool {
    let said = |name| !view.text(name).is_empty();
    said("/poster_refusal/code") || said("/poster_refusal/message")
}

/// Why there is no poster: in words, then as the renderer said it. Empty when there is no refusal.
pub(super) fn refusal(view: &View<'_>) -> Markup {
    if !has_refusal(view) {
        return html! {};
    }
    let (code, message) = (
        view.text("/poster_refusal/code"),
        view.text("/poster_refusal/message"),
    );
    let (what, advice) = match code {
        "not_covered" => (
            "No poster: its fonts lack some of the characters.",
            "Write the words of the brief without them, then make the concept again.",
        ),
        "too_long" => (
            "No poster: a text that must not be cut does not fit.",
            "Shorten the disclosures or the field named here, then make the concept again.",
        ),
        "too_tall" => (
            "No poster: so many marks stand on a letter that it fits nowhere.",
            "Take the marks off in the brief, then make the concept again.",
        ),
        "empty" => (
            "No poster: nothing in the brief may stand as its headline.",
            "Give the brief an offer or a key message that breaks no rule of the brand.",
        ),
        _ => (
            "No poster: it could not be drawn.",
            "Make the concept again; if it stays so, tell whoever runs Pressrun.",
        ),
    };
    html! {
        section.refusal {
            h3 { (what) }
            p { (advice) }
            @if !message.is_empty() { p.muted { "The renderer says: " (Foreign(message)) } }
            p.muted { "The concept itself is whole." }
        }
    }
}

/// The poster in its concept's sheet, with the way to its own page.
pub(super) fn figure(view: &View<'_>, poster: &Poster, page: &str) -> Markup {
    html! {
        figure.poster {
            a href=(page) aria-label={ "Open the poster large: " (alt(view)) } { (poster.png.img(&alt(view), "")) }
            figcaption {
                span { (text::words(view.text("/poster/layout"))) " layout, " (poster.png.width) " × " (poster.png.height) }
                span.downloads { a href=(page) { "Open large" } (downloads(poster)) }
            }
        }
    }
}

fn downloads(poster: &Poster) -> Markup {
    let name = |picture: &Picture| format!("poster.{}", picture.kind.extension());
    html! {
        @for picture in [Some(&poster.png), poster.svg.as_ref()].into_iter().flatten() {
            " "
            a href=(picture.path()) download=(name(picture)) {
                "Download " (picture.kind.extension().to_uppercase()) " (" (text::size(picture.bytes)) ")"
            }
        }
    }
}

/// `GET /runs/{run}/artifacts/{step}/poster`.
pub(super) async fn show(
    Extension(visit): Extension<Arc<Visit>>,
    Path((run, step)): Path<(String, String)>,
    Asked(which): Asked<Which>,
) -> Response {
    let shown = async {
        let material = artifact::material(&visit, &run, &step).await?;
        let version = artifact::chosen(&visit, &material, &step, which.version).await?;
        version
            .map(|version| (material, version))
            .ok_or_else(|| Status::not_found("there is no version of this concept yet"))
    };
    match shown.await {
        Ok((material, (version, content))) => {
            let view = View::new(&content, &material.brief, Vec::new());
            let body = render(&material, &step, &version, &view);
            page::page(&visit, &Look::titled(&material.run.title), &body)
        }
        Err(status) => page::failed(&visit, &status),
    }
}

fn render(material: &Material, step: &str, version: &ArtifactVersion, view: &View<'_>) -> Markup {
    let run = &material.run;
    let here = format!("/runs/{}/artifacts/{step}", run.id);
    html! {
        (artifact::heading(run))
        (artifact::tabs(run, step))
        div.reading {
            div.piece {
                p.provenance {
                    span { "Poster of version " (version.version) @if !version.active { " (not the active one)" } }
                    @for other in material.versions.iter().filter(|other| other.version != version.version) {
                        a href={ (here) "/poster?version=" (other.version) } { "Version " (other.version) }
                    }
                    a href={ (here) "?version=" (version.version) } { "The concept" }
                }
                @match Poster::of(view) {
                    Some(poster) => figure.poster.large {
                        (poster.png.img(&alt(view), ""))
                        figcaption { span { (poster.png.width) " × " (poster.png.height) " pixels" } span.downloads { (downloads(&poster)) } }
                    }
                    None => (refusal(view)),
                }
            }
            aside.notes aria-label="About the poster" {
                section {
                    h2 { "On the poster" }
                    dl.facts.tight {
                        @for (name, label) in TEXTS {
                            @let pointer = format!("/poster/text/{name}");
                            @if !view.text(&pointer).is_empty() { dt { (label) } dd { (view.field(&pointer)) } }
                        }
                    }
                }
                section { h2 { "For those who do not see it" } p { (Foreign(&alt(view))) } }
            }
        }
    }
}

/// What may stand on a poster, from the top.
const TEXTS: [(&str, &str); 6] = [
    ("brand", "Brand"),
    ("headline", "Headline"),
    ("subhead", "Under it"),
    ("call_to_action", "Button"),
    ("address", "Address"),
    ("small_print", "Small print"),
];

/// Both versions' posters beside each other; nothing where neither has one.
pub(super) fn pair(before: (u32, &View<'_>), after: (u32, &View<'_>)) -> Markup {
    let posters = [before, after].map(|(number, view)| (number, view, Poster::of(view)));
    if posters.iter().all(|(_, _, poster)| poster.is_none()) {
        return html! {};
    }
    let same = posters[0].2.is_some() && posters[0].2 == posters[1].2;
    html! {
        section.posters aria-label="Posters" {
            @if same { p.muted { "Both versions have the same poster." } }
            @for (number, view, poster) in &posters {
                figure.poster {
                    @match poster {
                        Some(poster) => { (poster.png.img(&alt(view), "")) }
                        None => {
                            div.no-poster { @if has_refusal(view) { (refusal(view)) } @else { p.muted { "No poster." } } }
                        }
                    }
                    figcaption { "Version " (number) }
                }
            }
        }
    }
}

/// `GET /media/{file}`: a picture of the caller's tenant, by its hash. An SVG is only ever a file to keep:
/// opened as a page it could hold a script.
pub(super) async fn media(
    Extension(visit): Extension<Arc<Visit>>,
    Path(file): Path<String>,
) -> Response {
    match picture(&visit, &file).await {
        Ok(response) => response,
        Err(status) => page::failed(&visit, &status),
    }
}

async fn picture(visit: &Visit, file: &str) -> Result<Response, Status> {
    let none = || Status::not_found("there is no such picture");
    let (hash, extension) = file.split_once('.').ok_or_else(none)?;
    let kind = MediaType::ALL
        .into_iter()
        .find(|kind| kind.extension() == extension)
        .ok_or_else(none)?;
    let hash = ContentHash::new(hash).map_err(|_| none())?;
    let request = GetMediaRequest {
        hash: hash.to_string(),
    };
    let request = visit.calls.on(request);
    let media = visit
        .calls
        .artifacts()
        .get_media(request)
        .await?
        .into_inner();
    if media.media_type != kind.as_str() {
        return Err(none());
    }
    if !kind.begins(&media.content) {
        return Err(Status::data_loss("the picture is not what it is called"));
    }
    let mut response = media.content.into_response();
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, kind.as_str()),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; sandbox",
        ),
        // Its address is the hash of its bytes.
        (
            header::CACHE_CONTROL,
            "private, max-age=31536000, immutable",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // Shown as a page of its own, it could do more than a picture.
    let name = match kind {
        MediaType::Svg => Some("attachment; filename=\"poster.svg\""),
        MediaType::Pdf => Some("attachment; filename=\"slides.pdf\""),
        MediaType::Png => None,
    };
    if let Some(name) = name {
        headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_static(name));
    }
    Ok(response)
}

/// Where the page of a version's poster is.
pub(super) fn page_of(run: &str, step: &str, version: u32) -> String {
    format!("/runs/{run}/artifacts/{step}/poster?version={version}")
}

/// The picture that goes with the posts.
pub(super) fn of_run(material: &Material) -> Option<(Picture, String)> {
    of(material.result.artifacts.as_ref()?)
}

/// The active concept's poster and what stands for it in words.
pub(super) fn of(artifacts: &Artifacts) -> Option<(Picture, String)> {
    let concept = artifacts.visual_concept.as_ref()?;
    let png = concept.poster.as_ref()?.png.as_ref()?;
    let picture = Picture {
        hash: ContentHash::new(png.hash.as_str()).ok()?,
        kind: MediaType::Png,
        width: u64::from(png.width),
        height: u64::from(png.height),
        bytes: png.bytes,
    };
    Some((picture, concept.alt_text.clone()))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use wire::campaign::v1::CampaignBrief;

    use super::*;

    fn concept(hash: &str, kind: &str) -> Value {
        json!({
            "alt_text": "A rider \"at\" dawn",
            "poster": {
                "layout": "tiles", "text": {"headline": "Ride"},
                "png": {"hash": hash, "media_type": kind, "width": 1080, "height": 1350, "bytes": 204_800},
            },
        })
    }

    #[test]
    fn only_a_picture_of_ours_becomes_an_address() {
        let brief = CampaignBrief::default();
        let hash = ContentHash::of(b"x");
        let of = |content: &Value| Poster::of(&View::new(content, &brief, Vec::new()));
        let good = of(&concept(hash.as_str(), "image/png")).expect("a poster");
        assert_eq!(good.png.path(), format!("/media/{hash}.png"));
        for bad in [
            concept("../../logout", "image/png"),
            concept("\" onerror=\"", "image/png"),
            concept(hash.as_str(), "text/html"),
            json!({"poster": "x"}),
            json!({}),
        ] {
            assert_eq!(of(&bad), None, "{bad}");
        }
        let content = concept(hash.as_str(), "image/png");
        let view = View::new(&content, &brief, Vec::new());
        let shown = figure(&view, &good, "/p").into_string();
        assert!(
            shown.contains("alt=\"A rider &quot;at&quot; dawn\""),
            "{shown}"
        );
        assert!(shown.contains("Download PNG (200 KB)"), "{shown}");
        assert!(!shown.contains("SVG"), "{shown}");
    }

    #[test]
    fn a_refusal_is_told_in_words_and_never_obeyed() {
        let brief = CampaignBrief::default();
        for code in [
            "not_covered",
            "too_long",
            "too_tall",
            "empty",
            "not_drawn",
            "<b>",
        ] {
            let content = json!({"poster_refusal": {"code": code, "message": "`headline`: <b>"}});
            let view = View::new(&content, &brief, Vec::new());
            let shown = refusal(&view).into_string();
            assert!(
                shown.contains("No poster: ") && shown.contains("&lt;b&gt;"),
                "{shown}"
            );
            assert!(!shown.contains("<b>"), "{shown}");
        }
        let content = json!({});
        assert_eq!(
            refusal(&View::new(&content, &brief, Vec::new())).into_string(),
            ""
        );
    }
}

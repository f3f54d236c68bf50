//! One item of a content plan, as the writer sees it.

use std::collections::BTreeMap;

use model::{
    ErrorClass, Failure,
    brief::{CallToActionInput, CampaignBrief},
    content_plan::{ContentType, PlanItem, PlanTemplate, Workspace},
    platform::Platform,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Work, carousel, post, slots,
    text::{fold, phrase, sentences},
    writer::{About, Writer},
};

/// Most sentences that are taken out of the resources.
const MAX_SENTENCES: usize = 24;
/// Shortest and longest sentence that is taken, characters.
const SENTENCE: std::ops::RangeInclusive<usize> = 16..=220;

/// What the offline writer works from for one item: [`crate::Request::input`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ItemWork {
    /// The item, without fault.
    pub item: PlanItem,
    /// What it shares with the others.
    pub workspace: Workspace,
    /// Texts of the resources that it draws on.
    #[serde(default)]
    pub texts: Vec<String>,
    /// The address that it may carry.
    #[serde(default)]
    pub link: Option<String>,
    /// The template that it fills.
    #[serde(default)]
    pub template: Option<PlanTemplate>,
    /// What makes this job's choices its own: the job's id.
    pub seed: String,
    /// 1 for the first, + 1 with each regenerate.
    pub revision: u32,
    /// What a person asked for with a regenerate.
    #[serde(default)]
    pub note: Option<String>,
    /// Texts of earlier artifacts, not to be said again.
    #[serde(default)]
    pub said: Vec<String>,
    /// Whether less is wanted than usual.
    #[serde(default)]
    pub simple: bool,
    /// An artifact of the same task whose text is to be made fit, rather than written anew.
    #[serde(default)]
    pub rewrite: Option<Value>,
    /// Most characters of the text, where that is less than its place takes.
    #[serde(default)]
    pub limit_chars: Option<u32>,
}

/// The artifact's JSON for one content type.
///
/// # Errors
/// `InvalidInput` for an item that lacks what its type needs.
pub(super) fn write(kind: ContentType, work: &ItemWork) -> Result<String, Failure> {
    let refused = |message: &str| Failure::new(ErrorClass::InvalidInput, message);
    let brief = brief(work);
    let mut writer = Writer::new(
        kind.as_str(),
        &Work {
            brief: brief.clone(),
            seed: work.seed.clone(),
            revision: work.revision,
            note: work.note.clone(),
            said: work.said.clone(),
        },
    );
    call_to_action(&mut writer, work);
    let platform = || -> Result<Platform, Failure> {
        let known = work.item.known_platform();
        known.ok_or_else(|| refused("the item names no platform to write for"))
    };
    let json = match kind {
        ContentType::TextOnly => {
            serde_json::to_string(&post::text_only(&mut writer, work, platform()?))
        }
        ContentType::TextImage => {
            serde_json::to_string(&post::text_image(&mut writer, work, &brief, platform()?))
        }
        ContentType::TextTemplate => {
            let template = work.template.as_ref();
            let template = template.ok_or_else(|| refused("the item names no template to fill"))?;
            serde_json::to_string(&slots::write(&mut writer, work, template))
        }
        ContentType::Carousel => serde_json::to_string(&carousel::write(&mut writer, work)),
    };
    json.map_err(|error| Failure::new(ErrorClass::Internal, error.to_string()))
}

/// The item in the form from which all is written: its topic stands in the offer's place, sentences of its
/// resources in that of the key messages.
fn brief(work: &ItemWork) -> CampaignBrief {
    CampaignBrief {
        name: work.item.title.clone(),
        objective: work.item.objective.clone().unwrap_or_default(),
        audience: work.workspace.audience.clone(),
        offer: work.item.topic.clone(),
        brand: work.workspace.brand.clone(),
        key_messages: points(work),
        call_to_action: CallToActionInput {
            label: String::new(),
            url: work.link.clone().unwrap_or_default(),
        },
        language: work.workspace.language.clone(),
        ..CampaignBrief::default()
    }
}

/// Sentences of the resources, each once. One with an address is left out: it is for the reader of the resource.
fn points(work: &ItemWork) -> Vec<String> {
    let mut kept: BTreeMap<String, ()> = BTreeMap::new();
    let mut all = Vec::new();
    let own = [fold(&work.item.title), fold(&work.item.topic)];
    for sentence in work.texts.iter().flat_map(|text| sentences(text)) {
        let sentence = phrase(&sentence);
        let folded = fold(&sentence);
        let usable = SENTENCE.contains(&sentence.chars().count())
            && !sentence.contains(['@', '/', '\\', '[', ']', '<', '>', '|', '{', '}', '#', '*'])
            && !folded.contains("www")
            && !own.contains(&folded)
            && all.len() < MAX_SENTENCES;
        if usable && kept.insert(folded, ()).is_none() {
            all.push(sentence);
        }
    }
    all
}

/// For a place that must not stay empty when no phrase is left: a text that every item has, at worst a sign that
/// needs no language.
pub(super) fn something(w: &Writer, max: usize) -> String {
    let text = w.last_resort(max);
    if text.trim().is_empty() {
        "→".to_owned()
    } else {
        text
    }
}

/// What the objective asks of the reader, in a few words.
fn call_to_action(w: &mut Writer, work: &ItemWork) {
    let objective = fold(work.item.objective.as_deref().unwrap_or_default());
    let words: Vec<&str> = objective.split(' ').collect();
    let actions = w.phrases.posts.actions;
    let asked = actions
        .iter()
        .find(|(names, _)| names.iter().any(|name| words.contains(name)));
    let general = actions.last();
    let said = [asked, general]
        .into_iter()
        .flatten()
        .find_map(|(_, labels)| w.say_anew(labels, About::default(), post::MAX_CALL));
    let label = said.unwrap_or_else(|| something(w, post::MAX_CALL));
    w.button.clone_from(&label);
    w.label = label;
}

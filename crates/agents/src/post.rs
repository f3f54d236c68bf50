//! Posts: what `text_only` and `text_image` have in common.

use llm::structured::Fault;
use minijinja::context;
use model::publication::{MAX_CALL_CHARS, Post};

use crate::{
    publication::Publication,
    task::{blanks, tags},
};

/// Brings a post into its final form and checks it: hashtags lose what cannot stand in one, and the whole is
/// counted here. What the answer counted is not looked at.
pub(crate) fn settle(publication: &Publication, post: &mut Post, faults: &mut Vec<Fault>) {
    post.platform = publication.platform;
    post.text = post.text.trim().to_owned();
    post.call_to_action = post.call_to_action.trim().to_owned();
    post.hashtags = tags(&post.hashtags);
    post.link = post.link.take().filter(|link| !link.trim().is_empty());
    let whole = post.whole();
    post.character_count = post.platform.count(&whole);

    let texts = [
        ("post.text", post.text.as_str()),
        ("post.call_to_action", &post.call_to_action),
    ];
    blanks(texts, faults);
    let addresses = publication.addresses();
    addresses.check(texts, faults);
    if post
        .link
        .as_ref()
        .is_some_and(|link| !addresses.allow(link))
    {
        faults.push(Fault::schema("`post.link` is none of the item's addresses"));
    }
    at_most(
        "post.call_to_action",
        &post.call_to_action,
        MAX_CALL_CHARS,
        faults,
    );
    let limit = post.platform.limit();
    let most = publication.limit(limit.length);
    if !post.platform.fits(&whole) || post.character_count > most {
        faults.push(Fault::too_long(format!(
            "`post` takes {} {}; {most} are taken by {}",
            post.character_count, limit.unit, post.platform
        )));
    }
}

/// What the prompt says about the place. Each further attempt aims a tenth lower, as models miscount.
pub(crate) fn context(publication: &Publication, attempt: u32) -> minijinja::Value {
    let tenths = 10 - attempt.saturating_sub(1).min(4);
    let limit = publication.platform.limit();
    context! {
        target => publication.limit(limit.length / 10 * tenths),
        unit => limit.unit,
    }
}

/// A fault of length for a text of more than `most` characters.
pub(crate) fn at_most(path: &str, text: &str, most: usize, faults: &mut Vec<Fault>) {
    let count = text.chars().count();
    if count > most {
        faults.push(Fault::too_long(format!(
            "`{path}` has {count} characters; at most {most} have room"
        )));
    }
}

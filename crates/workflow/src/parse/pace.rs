//! How fast a step's jobs go, and how many at once: limits by a key.

use crate::{
    limits::{BURST_US, MAX_AT_ONCE, MAX_KEY_BYTES, MAX_RATE, MAX_SPACING_MS},
    plan::{Concurrency, Key, Rate},
    problem::Placed,
};

use super::fields::Fields;

/// `{key: linkedin, per_second: 5}` or `{key: input.account, every: 30s}`.
pub(super) fn rate(fields: &mut Fields<'_>) -> Option<Placed<Rate>> {
    let node = fields.take("rate")?;
    let place = node.place;
    let mut own = fields.inner(node, "`rate`")?;
    let key = key(&mut own);
    let (fast, slow) = (own.has("per_second"), own.has("every"));
    let per_second = own.whole("per_second");
    let every = own.duration("every");
    if fast == slow {
        own.note(
            place,
            "`rate` must have one of `per_second` and `every`, such as {key: linkedin, per_second: 5}",
        );
    }
    let every_us = match (per_second, every) {
        (Some(rate), _) if (1..=MAX_RATE).contains(&rate.value) => {
            // Never faster than asked for.
            Some(1_000_000_u64.div_ceil(u64::from(rate.value)))
        }
        (Some(rate), _) => {
            let message =
                format!("`per_second` must be 1 to {MAX_RATE}; below 1, say `every: 30s`");
            own.note(rate.place, message);
            None
        }
        (None, Some(every)) if (1..=MAX_SPACING_MS).contains(&every.value) => {
            Some(every.value * 1_000)
        }
        (None, Some(every)) => {
            own.note(every.place, format!("`every` must be {}", a_day()));
            None
        }
        (None, None) => None,
    };
    own.close();
    let (key, every_us) = (key?, every_us?);
    let burst = u32::try_from(BURST_US / every_us).unwrap_or(1).max(1);
    let value = Rate {
        key,
        every_us,
        burst,
    };
    Some(Placed { value, place })
}

/// `{key: input.account, at_once: 2}`.
pub(super) fn concurrency(fields: &mut Fields<'_>) -> Option<Placed<Concurrency>> {
    let node = fields.take("concurrency")?;
    let place = node.place;
    let mut own = fields.inner(node, "`concurrency`")?;
    let key = key(&mut own);
    let at_once = own.required_whole("at_once");
    if let Some(at_once) = at_once.as_ref()
        && !(1..=MAX_AT_ONCE).contains(&at_once.value)
    {
        own.note(
            at_once.place,
            format!("`at_once` must be 1 to {MAX_AT_ONCE}"),
        );
    }
    own.close();
    let value = Concurrency {
        key: key?,
        at_once: at_once?.value,
    };
    Some(Placed { value, place })
}

/// The words for the bounds of a wait.
pub(crate) fn a_day() -> String {
    format!("above 0 and at most {}h", MAX_SPACING_MS / 3_600_000)
}

fn key(own: &mut Fields<'_>) -> Option<Key> {
    let text = own.required_text("key")?;
    let key = Key::parse(&text.value);
    if key.is_none() {
        let message = format!(
            "`key` must be a text of at most {MAX_KEY_BYTES} bytes, or a path of the input such as input.account"
        );
        own.note(text.place, message);
    }
    key
}

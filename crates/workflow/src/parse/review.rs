//! A review: what people decide on, and who may.

use crate::{
    definition::Review,
    path::Path,
    plan::{OnDeadline, People},
    problem::Placed,
    yaml::Node,
};

use super::fields::Fields;

pub(super) fn review(fields: &mut Fields<'_>) -> Option<Review> {
    let role = fields.text("review");
    let of = fields.names("of");
    let approvals = fields.whole("approvals");
    let from = people(fields);
    let deadline_ms = fields.duration("deadline");
    let on_deadline = on_deadline(fields);
    Some(Review {
        role: role?,
        of,
        approvals,
        from,
        deadline_ms,
        on_deadline,
    })
}

fn people(fields: &mut Fields<'_>) -> Option<Placed<People>> {
    let node = fields.take("from")?;
    let place = node.place;
    let value = match &node.value {
        Node::List(_) => {
            let names = fields.name_list("from", node);
            return Some(Placed {
                value: People::Named(names.into_iter().map(|name| name.value).collect()),
                place,
            });
        }
        Node::Text(text) => Path::parse(text)
            .ok()
            .filter(|path| matches!(path, Path::Input(_)))
            .map(People::Input),
        _ => None,
    };
    if value.is_none() {
        fields.note(
            place,
            "`from` must be a list of names, or a path of the input such as input.reviewers",
        );
    }
    value.map(|value| Placed { value, place })
}

fn on_deadline(fields: &mut Fields<'_>) -> Option<Placed<OnDeadline>> {
    let node = fields.take("on_deadline")?;
    let place = node.place;
    let value = match &node.value {
        Node::Text(text) if text == "reject" => OnDeadline::Reject,
        Node::Text(text) if text == "approve" => OnDeadline::Approve,
        Node::Map(_) => {
            let mut own = fields.inner(node, "`on_deadline`")?;
            let role = own.required_text("escalate");
            own.close();
            OnDeadline::Escalate(role?.value)
        }
        _ => {
            fields.note(
                place,
                "`on_deadline` must be reject, approve, or a map such as {escalate: admin}",
            );
            return None;
        }
    };
    Some(Placed { value, place })
}

//! Which events of a stream its client wants. Applied last, after order and gaps.

use model::validate::Problem;
use wire::events::v1::{self as proto, Event};

use crate::limits::{MAX_FILTER_BYTES, MAX_FILTER_VALUES};

/// A client's filter; an empty field lets everything through.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter(proto::Filter);

impl Filter {
    /// A filter within bounds.
    ///
    /// # Errors
    /// Every field that is not.
    pub fn new(filter: proto::Filter) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut check = |path: &str, values: &[String]| {
            let message = if values.len() > MAX_FILTER_VALUES {
                format!(
                    "has {} values; at most {MAX_FILTER_VALUES} are taken",
                    values.len()
                )
            } else if values.iter().any(|value| value.len() > MAX_FILTER_BYTES) {
                format!("has more than {MAX_FILTER_BYTES} bytes")
            } else {
                return;
            };
            problems.push(Problem {
                path: format!("filter.{path}"),
                message,
            });
        };
        check("workflow", std::slice::from_ref(&filter.workflow));
        check("campaign_id", std::slice::from_ref(&filter.campaign_id));
        check("states", &filter.states);
        check("types", &filter.types);
        if problems.is_empty() {
            Ok(Self(filter))
        } else {
            Err(problems)
        }
    }

    /// Whether the client wants the event.
    pub fn wants(&self, event: &Event) -> bool {
        let one = |wanted: &str, is: &str| wanted.is_empty() || wanted == is;
        let any =
            |wanted: &[String], is: &str| wanted.is_empty() || wanted.iter().any(|name| name == is);
        one(&self.0.workflow, &event.workflow)
            && one(&self.0.campaign_id, &event.campaign_id)
            && any(&self.0.states, &event.state)
            && any(&self.0.types, &event.r#type)
    }
}

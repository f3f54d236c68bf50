//! A map's fields, taken one by one; what nobody took is unknown.

use crate::{
    condition::Condition,
    duration,
    path::Path,
    problem::{Place, Placed, Problems},
    yaml::Node,
};

/// The fields of one map that were not taken yet.
pub(super) struct Fields<'a> {
    entries: Vec<(Placed<String>, Placed<Node>)>,
    asked: Vec<&'static str>,
    what: &'static str,
    place: Place,
    step: Option<String>,
    problems: &'a mut Problems,
}

impl<'a> Fields<'a> {
    /// The fields of `node`. Unless it is a map, that is noted, and there are none.
    ///
    /// Faults stand at the map's key where it has one: the map's own place is its first line.
    pub(super) fn open(
        node: Placed<Node>,
        what: &'static str,
        step: Option<&Placed<String>>,
        problems: &'a mut Problems,
    ) -> Option<Self> {
        let place = step.map_or(node.place, |name| name.place);
        let step = step.map(|name| name.value.clone());
        match node.value {
            Node::Map(entries) => Some(Self {
                entries,
                asked: Vec::new(),
                what,
                place,
                step,
                problems,
            }),
            other => {
                let message = format!("{what} must be a map, here {}", other.kind());
                problems.note(place, step.as_deref(), message);
                None
            }
        }
    }

    /// The fields of a map within this one.
    pub(super) fn inner(&mut self, node: Placed<Node>, what: &'static str) -> Option<Fields<'_>> {
        let place = node.place;
        let mut inner = Fields::open(node, what, None, self.problems)?;
        inner.place = place;
        inner.step.clone_from(&self.step);
        Some(inner)
    }

    /// Where the map stands.
    pub(super) fn place(&self) -> Place {
        self.place
    }

    /// Notes a fault of this map's step.
    pub(super) fn note(&mut self, place: Place, message: impl Into<String>) {
        self.problems.note(place, self.step.as_deref(), message);
    }

    /// Whether the field is there.
    pub(super) fn has(&self, name: &str) -> bool {
        self.entries.iter().any(|(key, _)| key.value == name)
    }

    /// Every field that is left, in the order of the source.
    pub(super) fn rest(&mut self) -> Vec<(Placed<String>, Placed<Node>)> {
        std::mem::take(&mut self.entries)
    }

    /// The field, if it is there.
    pub(super) fn take(&mut self, name: &'static str) -> Option<Placed<Node>> {
        self.asked.push(name);
        let at = self.entries.iter().position(|(key, _)| key.value == name)?;
        Some(self.entries.remove(at).1)
    }

    /// The field; its absence is noted.
    pub(super) fn required(&mut self, name: &'static str) -> Option<Placed<Node>> {
        let node = self.take(name);
        if node.is_none() {
            self.note(
                self.place,
                format!("{} must have the field `{name}`", self.what),
            );
        }
        node
    }

    pub(super) fn text(&mut self, name: &'static str) -> Option<Placed<String>> {
        let node = self.take(name)?;
        self.as_text(name, node)
    }

    pub(super) fn required_text(&mut self, name: &'static str) -> Option<Placed<String>> {
        let node = self.required(name)?;
        self.as_text(name, node)
    }

    fn as_text(&mut self, name: &str, node: Placed<Node>) -> Option<Placed<String>> {
        let place = node.place;
        match node.value {
            Node::Text(value) => Some(Placed { value, place }),
            other => {
                let kind = other.kind();
                self.note(
                    place,
                    format!("`{name}` must be a text, here {kind}; quote it if it is one"),
                );
                None
            }
        }
    }

    /// A list of names; none when the field is absent.
    pub(super) fn names(&mut self, name: &'static str) -> Vec<Placed<String>> {
        self.take(name)
            .map_or_else(Vec::new, |node| self.name_list(name, node))
    }

    /// `node` as a list of names.
    pub(super) fn name_list(&mut self, name: &str, node: Placed<Node>) -> Vec<Placed<String>> {
        match node.value {
            Node::List(items) => items
                .into_iter()
                .filter_map(|item| self.as_text(name, item))
                .collect(),
            other => {
                let message = format!("`{name}` must be a list of steps, here {}", other.kind());
                self.note(node.place, message);
                Vec::new()
            }
        }
    }

    /// A duration, in milliseconds.
    pub(super) fn duration(&mut self, name: &'static str) -> Option<Placed<u64>> {
        let node = self.take(name)?;
        let value = match &node.value {
            Node::Text(text) => duration::parse(text),
            _ => None,
        };
        if value.is_none() {
            self.note(
                node.place,
                format!("`{name}` must be a duration such as 500ms, 90s, 2m or 1h"),
            );
        }
        value.map(|value| Placed {
            value,
            place: node.place,
        })
    }

    /// A condition.
    pub(super) fn condition(&mut self, name: &'static str) -> Option<Placed<Condition>> {
        let source = self.text(name)?;
        let place = source.place;
        match Condition::parse(&source.value) {
            Ok(value) => Some(Placed { value, place }),
            Err(problem) => {
                self.note(place, format!("`{name}`: {problem}"));
                None
            }
        }
    }

    /// A path of the input or to a fact.
    pub(super) fn path(&mut self, name: &'static str) -> Option<Placed<Path>> {
        let text = self.text(name)?;
        self.as_path(name, text)
    }

    pub(super) fn required_path(&mut self, name: &'static str) -> Option<Placed<Path>> {
        let text = self.required_text(name)?;
        self.as_path(name, text)
    }

    fn as_path(&mut self, name: &str, text: Placed<String>) -> Option<Placed<Path>> {
        let place = text.place;
        match Path::parse(&text.value) {
            Ok(value) => Some(Placed { value, place }),
            Err(why) => {
                self.note(place, format!("`{name}` {why}"));
                None
            }
        }
    }

    /// Any number.
    pub(super) fn number(&mut self, name: &'static str) -> Option<Placed<f64>> {
        let node = self.take(name)?;
        let place = node.place;
        if let Node::Number(value) = node.value {
            return Some(Placed { value, place });
        }
        self.note(place, format!("`{name}` must be a number"));
        None
    }

    pub(super) fn whole(&mut self, name: &'static str) -> Option<Placed<u32>> {
        let node = self.take(name)?;
        self.as_whole(name, node)
    }

    pub(super) fn required_whole(&mut self, name: &'static str) -> Option<Placed<u32>> {
        let node = self.required(name)?;
        self.as_whole(name, node)
    }

    fn as_whole(&mut self, name: &str, node: Placed<Node>) -> Option<Placed<u32>> {
        match node.value {
            Node::Number(number)
                if number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number) =>
            {
                // In range and whole, so the cast is exact.
                Some(Placed {
                    value: number as u32,
                    place: node.place,
                })
            }
            _ => {
                self.note(
                    node.place,
                    format!("`{name}` must be a whole number from 0"),
                );
                None
            }
        }
    }

    /// Notes what nobody took.
    pub(super) fn close(mut self) {
        for (key, _) in self.rest() {
            let known = self.asked.join(", ");
            self.note(
                key.place,
                format!("unknown field `{}`; {} has {known}", key.value, self.what),
            );
        }
    }
}

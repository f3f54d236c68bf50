//! Small pictures drawn inline; all are decoration, the words beside them say the same.

use maud::{Markup, html};

pub(super) fn logo() -> Markup {
    html! {
        svg.logo viewBox="0 0 32 32" aria-hidden="true" {
            rect width="32" height="32" rx="8" {}
            path d="M9 23V9h8.2a5 5 0 0 1 0 10H13" {}
            circle cx="23" cy="23" r="2.4" {}
        }
    }
}

/// The row of actions under a post, as shapes: reply, repeat, like, share.
pub(super) fn actions() -> Markup {
    html! {
        div.actions aria-hidden="true" {
            @for path in [
                "M4 5h16v11H9l-5 4z",
                "M5 9l3-3 3 3M8 6v9h8M19 15l-3 3-3-3M16 18V9H8",
                "M12 19S4 14 4 9a4 4 0 0 1 8-1 4 4 0 0 1 8 1c0 5-8 10-8 10z",
                "M12 4v11M8 8l4-4 4 4M5 14v5h14v-5",
            ] {
                svg viewBox="0 0 24 24" { path d=(path) {} }
            }
        }
    }
}

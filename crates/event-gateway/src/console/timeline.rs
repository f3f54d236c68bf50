//! A run's time: a bar for each attempt of each step, its wait and its work told apart.

use maud::{Markup, html};
use model::Timestamp;
use wire::{events::v1::Event, run::v1::Step};

use super::text;
use crate::limits::{DRAWN_BARS, DRAWN_STEPS};

const LABEL: f64 = 132.0;
const WIDTH: f64 = 900.0;
const ROW: f64 = 26.0;
const TOP: f64 = 22.0;

/// One attempt, or one wait for people.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Bar {
    step: String,
    from: i64,
    to: i64,
    /// The agent's own time, milliseconds; none while it is not known.
    work: Option<i64>,
    /// `done`, `failed`, `retried`, `lost`, `running`; of a wait for people `asked`, `decided`, `refused`, `void`.
    end: &'static str,
}

impl Bar {
    fn is_review(&self) -> bool {
        ["asked", "decided", "refused", "void"].contains(&self.end)
    }
}

/// The waterfall of a run's events. `now` ends what is still under way.
pub(super) fn draw(steps: &[Step], events: &[Event], now: Timestamp) -> Markup {
    let bars = bars(events, now);
    let (Some(first), true) = (
        bars.iter().map(|bar| bar.from).min(),
        steps.len() <= DRAWN_STEPS,
    ) else {
        return html! { p.muted { "Nothing has begun yet." } };
    };
    let last = bars
        .iter()
        .map(|bar| bar.to)
        .max()
        .unwrap_or(first)
        .max(first + 1);
    let rows: Vec<&Step> = steps
        .iter()
        .filter(|step| bars.iter().any(|bar| bar.step == step.name))
        .collect();
    let height = TOP + ROW * count(rows.len()) + 6.0;
    let x =
        |at: i64| LABEL + (WIDTH - LABEL - 70.0) * distance(at - first) / distance(last - first);
    html! {
        div.timeline tabindex="0" role="group" aria-label="Timeline" {
            svg viewBox=(format!("0 0 {WIDTH} {height}")) role="img"
                aria-label=(format!("{} attempts over {}", bars.len(), text::span((last - first).unsigned_abs()))) {
                @for quarter in 0..=4_i64 {
                    @let at = first + (last - first) * quarter / 4;
                    line.grid x1=(px(x(at))) x2=(px(x(at))) y1=(TOP - 6.0) y2=(height) {}
                    text.tick x=(px(x(at))) y="10" text-anchor=(if quarter == 4 { "end" } else { "start" }) {
                        (text::span((at - first).unsigned_abs()))
                    }
                }
                @for (row, step) in rows.iter().enumerate() {
                    @let y = TOP + ROW * count(row);
                    text.name x="0" y=(px(y + 15.0)) { (text::words(&step.name)) }
                    @for bar in bars.iter().filter(|bar| bar.step == step.name) { (draw_bar(bar, y, &x)) }
                }
            }
        }
        p.legend {
            span.key.k-wait { "waits and hops" } span.key.k-done { "agent at work" }
            span.key.k-running { "under way" } span.key.k-failed { "failed, retried or lost" }
            @if bars.iter().any(Bar::is_review) { span.key.k-people { "waits for people" } }
        }
    }
}

fn draw_bar(bar: &Bar, y: f64, x: &impl Fn(i64) -> f64) -> Markup {
    let (from, to) = (x(bar.from), x(bar.to));
    let width = (to - from).max(2.0);
    let lasted = text::span((bar.to - bar.from).unsigned_abs());
    let title = match bar.work {
        Some(work) => format!(
            "{}: {lasted}, of it {} work; {}",
            text::words(&bar.step),
            text::span(work.unsigned_abs()),
            bar.end
        ),
        None if bar.is_review() => format!(
            "{}: {lasted} with people; {}",
            text::words(&bar.step),
            bar.end
        ),
        None => format!("{}: {lasted}; {}", text::words(&bar.step), bar.end),
    };
    let work_from = bar
        .work
        .map_or(from, |work| x(bar.to.saturating_sub(work).max(bar.from)));
    html! {
        g.bar.{ "e-" (bar.end) } {
            title { (title) }
            rect.whole x=(px(from)) y=(px(y + 3.0)) width=(px(width)) height="16" rx="3" {}
            rect.work x=(px(work_from)) y=(px(y + 3.0)) width=(px((to - work_from).max(2.0))) height="16" rx="3" {}
            text.lasted x=(px(from + width + 5.0)) y=(px(y + 15.0)) { (lasted) }
        }
    }
}

/// Each attempt from its start to whatever ended it.
fn bars(events: &[Event], now: Timestamp) -> Vec<Bar> {
    let mut bars: Vec<Bar> = Vec::new();
    let mut over = None;
    // When people's work changed what was asked about: that ends a review which is asked anew later.
    let mut changed = None;
    for event in events {
        let at = event.time.map_or(now, Timestamp::from).0;
        let end = match event.r#type.as_str() {
            "step_started" => {
                if bars.len() < DRAWN_BARS {
                    bars.push(Bar {
                        step: event.step.clone(),
                        from: at,
                        to: at,
                        work: None,
                        end: "running",
                    });
                }
                continue;
            }
            "review_asked" => {
                let open = open(&mut bars, &event.step, "asked");
                if let Some(before) = open {
                    before.to = changed.unwrap_or(at).max(before.from);
                    before.end = "void";
                }
                if bars.len() < DRAWN_BARS {
                    bars.push(Bar {
                        step: event.step.clone(),
                        from: at,
                        to: at,
                        work: None,
                        end: "asked",
                    });
                }
                continue;
            }
            "review_ended" => {
                let end = event.metadata.get("end").map_or("", String::as_str);
                if let Some(bar) = open(&mut bars, &event.step, "asked") {
                    bar.to = at;
                    bar.end = if end.starts_with("approved") {
                        "decided"
                    } else {
                        "refused"
                    };
                }
                continue;
            }
            "step_edited" | "reopened" => {
                changed = Some(at);
                continue;
            }
            "step_finished" => "done",
            "step_failed" => "failed",
            "step_retrying" => "retried",
            "job_redriven" => "lost",
            "ended" | "cancelled" => {
                over = Some(at);
                continue;
            }
            _ => continue,
        };
        if let Some(bar) = open(&mut bars, &event.step, "running") {
            bar.to = at;
            bar.end = end;
            bar.work = event
                .metadata
                .get("duration_ms")
                .and_then(|ms| ms.parse().ok());
            if end == "lost" && bars.len() < DRAWN_BARS {
                bars.push(Bar {
                    step: event.step.clone(),
                    from: at,
                    to: at,
                    work: None,
                    end: "running",
                });
            }
        }
    }
    for bar in &mut bars {
        if bar.end == "running" || bar.end == "asked" {
            bar.to = over.unwrap_or(now.0).max(bar.from);
            if over.is_some() {
                bar.end = if bar.is_review() { "void" } else { "lost" };
            }
        }
    }
    bars
}

/// The newest bar of a step that has not ended.
fn open<'a>(bars: &'a mut [Bar], step: &str, end: &str) -> Option<&'a mut Bar> {
    let mut newest = bars.iter_mut().rev();
    newest.find(|bar| bar.step == step && bar.end == end)
}

/// With one digit: an attribute needs no more.
fn px(value: f64) -> String {
    format!("{value:.1}")
}

#[expect(
    clippy::cast_precision_loss,
    reason = "milliseconds of a run, far below 2^52"
)]
fn distance(ms: i64) -> f64 {
    ms as f64
}

#[expect(clippy::cast_precision_loss, reason = "rows of a page")]
fn count(rows: usize) -> f64 {
    rows as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: &str, step: &str, at: i64, ms: Option<i64>) -> Event {
        Event {
            r#type: kind.to_owned(),
            step: step.to_owned(),
            time: Some(Timestamp(at).into()),
            metadata: ms
                .map(|ms| ("duration_ms".to_owned(), ms.to_string()))
                .into_iter()
                .collect(),
            ..Event::default()
        }
    }

    #[test]
    fn an_attempt_lasts_until_what_ended_it() {
        let events = [
            event("step_started", "a", 100, None),
            event("step_retrying", "a", 150, None),
            event("step_started", "a", 200, None),
            event("step_started", "b", 200, None),
            event("step_finished", "a", 300, Some(40)),
        ];
        let told: Vec<_> = bars(&events, Timestamp(500))
            .into_iter()
            .map(|bar| (bar.step, bar.from, bar.to, bar.work, bar.end))
            .collect();
        assert_eq!(
            told,
            [
                ("a".to_owned(), 100, 150, None, "retried"),
                ("a".to_owned(), 200, 300, Some(40), "done"),
                ("b".to_owned(), 200, 500, None, "running"),
            ]
        );
    }

    #[test]
    fn a_lost_job_is_a_bar_of_its_own_and_an_end_ends_all() {
        let events = [
            event("step_started", "a", 0, None),
            event("job_redriven", "a", 20, None),
            event("cancelled", "", 30, None),
        ];
        let told: Vec<_> = bars(&events, Timestamp(99))
            .iter()
            .map(|bar| (bar.from, bar.to, bar.end))
            .collect();
        assert_eq!(told, [(0, 20, "lost"), (20, 30, "lost")]);
    }

    #[test]
    fn a_review_lasts_until_people_decided_or_it_became_void() {
        let ended = |how: &str, at| Event {
            metadata: [("end".to_owned(), how.to_owned())].into(),
            ..event("review_ended", "sign_off", at, None)
        };
        let mut events = vec![
            event("review_asked", "sign_off", 100, None),
            event("review_decided", "sign_off", 150, None),
            event("step_edited", "copy", 200, None),
            event("review_asked", "sign_off", 260, None),
        ];
        let told = |events: &[Event], now| -> Vec<_> {
            let bars = bars(events, Timestamp(now)).into_iter();
            bars.map(|bar| (bar.from, bar.to, bar.end)).collect()
        };
        assert_eq!(
            told(&events, 300),
            [(100, 200, "void"), (260, 300, "asked")]
        );
        events.push(ended("approved_by_deadline", 400));
        assert_eq!(told(&events, 500)[1], (260, 400, "decided"));
        events.pop();
        events.push(ended("rejected", 400));
        assert_eq!(told(&events, 500)[1], (260, 400, "refused"));
        events.pop();
        events.push(event("cancelled", "", 450, None));
        assert_eq!(told(&events, 500)[1], (260, 450, "void"));

        let steps = [Step {
            name: "sign_off".to_owned(),
            ..Step::default()
        }];
        let drawn = draw(&steps, &events, Timestamp(500)).into_string();
        assert!(drawn.contains("waits for people"), "{drawn}");
        let other = draw(&[], &[event("step_started", "a", 1, None)], Timestamp(2));
        assert!(!other.into_string().contains("waits for people"));
    }
}

//! The console: pages for people, rendered here, from what the orchestrator says to the caller's own key.
//!
//! It must never put a text of a brief, a model or a request into a page unescaped, load anything from
//! another host, or change anything without the page's own token. A page works without its script, which
//! only keeps it up to date.
//!
//! Start with [`routes`], then `door` (who is let in), `page` (what all pages share) and a room: `runs`,
//! `run`, `artifact`, `review`.

mod artifact;
mod asset;
mod compare;
mod concept;
mod decide;
mod door;
mod edit;
mod form;
mod graph;
mod halt;
mod icon;
mod longcopy;
mod mark;
mod page;
mod pieces;
mod post;
mod poster;
mod review;
mod reviews;
mod run;
mod runs;
mod samples;
mod session;
mod system;
mod text;
mod timeline;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use ::service::auth::Guard;
use axum::{
    Router, middleware,
    routing::{get, post},
};

use self::session::Sessions;
pub use self::session::{NoRandomness, NoSecrets, Secrets};
use crate::{history::grpc::Orchestrator, sse, stream::Streams};

/// Where the pages' script hears events: the same streams as `/v1/events`, for who has a session.
const EVENTS: &str = "/console/v1/events";

/// What every page needs.
#[derive(Clone)]
struct Console {
    guard: Guard,
    orchestrator: Orchestrator,
    sessions: Arc<Sessions>,
}

/// The console's routes. They ask the guard themselves, so that a refusal is a page.
///
/// # Errors
/// When the system has no randomness.
pub fn routes(
    guard: Guard,
    orchestrator: Orchestrator,
    streams: Streams,
    secrets: &Secrets,
) -> Result<Router, NoRandomness> {
    let console = Console {
        guard,
        orchestrator,
        sessions: Arc::new(Sessions::new(secrets)?),
    };
    let rooms = Router::new()
        .route("/", get(runs::list))
        .route("/runs", post(form::submit))
        .route("/runs/new", get(form::show))
        .route("/runs/cancel", post(runs::cancel))
        .route("/runs/{run}", get(run::show))
        .route("/runs/{run}/cancel", post(run::cancel))
        .route("/runs/{run}/regenerate", post(run::regenerate))
        .route("/runs/{run}/pause", post(halt::pause))
        .route("/runs/{run}/resume", post(halt::resume))
        .route("/runs/{run}/retry", post(halt::retry))
        .route(
            "/runs/{run}/reviews/{step}",
            get(review::show).post(decide::decide),
        )
        .route("/reviews", get(reviews::list))
        .route("/runs/{run}/artifacts/{step}", get(artifact::show))
        .route("/runs/{run}/artifacts/{step}/compare", get(compare::show))
        .route("/runs/{run}/artifacts/{step}/poster", get(poster::show))
        .route("/system", get(system::show))
        .route("/media/{file}", get(poster::media))
        .route("/logout", post(door::logout))
        .nest_service("/console", sse::routes(streams))
        .layer(middleware::from_fn_with_state(console.clone(), door::enter));
    let doors = Router::new()
        .route("/login", get(door::login_page).post(door::login))
        .route("/assets/{file}", get(asset::serve));
    Ok(rooms
        .merge(doors)
        .layer(middleware::from_fn(page::guard_headers))
        .with_state(console))
}

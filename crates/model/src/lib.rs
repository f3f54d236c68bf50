//! The nouns of Pressrun: ids, briefs, content plans, brands, platforms and their limits, artifacts, audit
//! reports, usage and the classes of errors.
//!
//! Pure: no IO, no clock, no randomness, and no knowledge of steps or storage. A type belongs here
//! only when three crates or more speak of it.
//!
//! Start with [`brief::CampaignBrief`] and [`content_plan::ContentPlan`] (what goes in), [`artifact`] and
//! [`publication`] (what comes out) and [`platform`] (how each network counts).

pub mod artifact;
pub mod brief;
pub mod content_plan;
pub mod fact;
pub mod failure;
pub mod id;
pub mod job;
pub mod library;
pub mod limits;
pub mod media;
pub mod platform;
pub mod publication;
pub mod report;
pub mod status;
pub mod time;
pub mod usage;
pub mod validate;

pub use failure::{ErrorClass, Failure};
pub use id::{AgentKind, CampaignId, ContentHash, EntryName, JobId, RunId, StepName, TenantId};
pub use status::RunStatus;
pub use time::Timestamp;

//! Model providers behind one trait, checked structured output, and the built-in writer that works
//! without a model.
//!
//! Must never: retry by itself (another attempt is the engine's to decide), keep state between
//! calls, log or show a key, a prompt or an answer, or take an answer without a bound on its size.
//!
//! Start with [`Provider`], then [`structured::complete_checked`]; [`remote`] is the provider for every
//! model behind HTTP, [`offline`] the one that needs none; [`live`] makes prose of JSON that is still being
//! written.

pub mod key;
pub mod limits;
pub mod live;
mod observe;
pub mod offline;
pub mod price;
pub mod provider;
pub mod remote;
pub mod settings;
pub mod structured;

pub use key::ApiKey;
pub use offline::Offline;
pub use price::Price;
pub use provider::{Completion, Finish, Provider, Request, Sink};
pub use remote::{Dialect, Remote};
pub use settings::Settings;
pub use structured::{Checked, complete_checked};

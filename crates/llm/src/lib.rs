//! Model providers behind one trait, checked structured output, and the built-in writer that works
//! without a model.
//!
//! Must never: retry by itself (another attempt is the engine's to decide), keep state between
//! calls, log or show a key, a prompt or an answer, or take an answer without a bound on its size.
//!
//! Start with [`Provider`], then [`structured::complete_checked`]; [`openai`] is the provider for
//! every server that speaks OpenAI's wire format, [`offline`] the one that needs none.

pub mod key;
pub mod limits;
pub mod offline;
pub mod openai;
pub mod price;
pub mod provider;
pub mod structured;

pub use key::ApiKey;
pub use offline::Offline;
pub use openai::OpenAi;
pub use price::Price;
pub use provider::{Completion, Finish, Provider, Request};
pub use structured::{Checked, complete_checked};

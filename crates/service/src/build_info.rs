//! What this build is.

/// The version, as released.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What clients of other systems call themselves.
pub const USER_AGENT: &str = concat!("pressrun/", env!("CARGO_PKG_VERSION"));

//! pressrun

//! Definitions as a whole: good ones, bad ones, random ones, and the stored form.

mod bad;
mod graphs;
mod retry;
mod stored;

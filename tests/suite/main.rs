//! The tests of the whole: one module for each story.

mod layering;
mod tidy;

/// The folder that holds the workspace's `Cargo.toml`.
fn root() -> &'static std::path::Path {
    let tests = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("tests/ lies in the workspace")
}

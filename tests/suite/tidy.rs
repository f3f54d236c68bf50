//! Rules about the sources that a compiler does not check.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::root;

const MAIN_LINES: usize = 60;
/// Without tests.
const FILE_LINES: usize = 600;
const PAGE_LINES: usize = 200;
const PAGES: [&str; 2] = ["README.md", "docs/architecture.md"];
const TOP_LEVEL: [&str; 20] = [
    ".ci",
    ".config",
    ".dockerignore",
    ".github",
    ".gitignore",
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "Makefile",
    "README.md",
    "clippy.toml",
    "crates",
    "deny.toml",
    "deploy",
    "docker-compose.yml",
    "docs",
    "proto",
    "rustfmt.toml",
    "tests",
];
/// A second TLS stack, or one in C (deny.toml bans them too; this needs no tool).
const BANNED: [&str; 5] = [
    "aws-lc-rs",
    "aws-lc-sys",
    "native-tls",
    "openssl",
    "openssl-sys",
];

/// Every file of the repository, committed or about to be, by its path from the root.
fn files() -> BTreeSet<String> {
    let output = Command::new("git")
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .current_dir(root())
        .output()
        .expect("git starts");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).expect("paths are UTF-8");
    // A file deleted but not yet committed as deleted is still listed.
    text.split_terminator('\0')
        .filter(|path| root().join(path).exists())
        .map(str::to_owned)
        .collect()
}

fn sources() -> impl Iterator<Item = (String, String)> {
    files()
        .into_iter()
        .filter(|path| path.ends_with(".rs"))
        .map(|path| {
            let text = read(&path);
            (path, text)
        })
}

fn read(path: &str) -> String {
    let path: PathBuf = root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Lines before a closing `#[cfg(test)] mod tests { … }`; none of a file that holds only tests.
fn lines_without_tests(path: &str, text: &str) -> usize {
    let of_tests = |part: &std::ffi::OsStr| part == "tests" || part == "suite";
    let path = Path::new(path);
    let inside = path
        .components()
        .skip(1)
        .any(|part| of_tests(part.as_os_str()));
    if inside || path.ends_with("tests.rs") {
        return 0;
    }
    let lines: Vec<&str> = text.lines().collect();
    let starts_tests = |pair: &[&str]| {
        pair[0] == "#[cfg(test)]" && pair[1].starts_with("mod ") && pair[1].ends_with('{')
    };
    let end = lines.windows(2).position(starts_tests);
    end.unwrap_or(lines.len())
}

fn expect_none(faults: Vec<String>) {
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn a_main_only_starts_things() {
    let long = sources().filter(|(path, text)| {
        path.ends_with("/main.rs")
            && path.starts_with("crates/")
            && text.lines().count() > MAIN_LINES
    });
    expect_none(
        long.map(|(path, _)| {
            format!("{path} is over {MAIN_LINES} lines: move work to the library")
        })
        .collect(),
    );
}

#[test]
fn a_file_holds_one_idea() {
    let long = sources().filter_map(|(path, text)| {
        let lines = lines_without_tests(&path, &text);
        (lines > FILE_LINES)
            .then(|| format!("{path} has {lines} lines, at most {FILE_LINES}: split it"))
    });
    expect_none(long.collect());
}

#[test]
fn lines_are_counted_without_tests() {
    let text = "one\ntwo\n#[cfg(test)]\nmod tests {\n    many\n}\n";
    assert_eq!(lines_without_tests("crates/a/src/b.rs", text), 2);
    assert_eq!(
        lines_without_tests("crates/a/src/b.rs", "#[cfg(test)]\nmod tests;\n"),
        2
    );
    assert_eq!(lines_without_tests("crates/a/src/b/tests.rs", text), 0);
    assert_eq!(lines_without_tests("crates/a/tests/b.rs", text), 0);
    assert_eq!(lines_without_tests("tests/src/b.rs", text), 2);
}

#[test]
fn a_crate_says_what_it_is() {
    let silent =
        sources().filter(|(path, text)| path.ends_with("src/lib.rs") && !text.starts_with("//! "));
    expect_none(
        silent
            .map(|(path, _)| format!("{path} does not open with `//!`: what it is, what it must never do, where to start"))
            .collect(),
    );
}

#[test]
fn a_page_can_be_read_in_one_go() {
    for page in PAGES {
        let lines = read(page).lines().count();
        assert!(
            lines <= PAGE_LINES,
            "{page} has {lines} lines, at most {PAGE_LINES}"
        );
    }
}

#[test]
fn the_top_level_stays_small() {
    let strangers: BTreeSet<String> = files()
        .iter()
        .filter_map(|path| path.split('/').next())
        .filter(|name| !TOP_LEVEL.contains(name))
        .map(|name| format!("{name} does not belong at the top level"))
        .collect();
    expect_none(strangers.into_iter().collect());
}

#[test]
fn one_tls_stack_and_none_in_c() {
    let lock = read("Cargo.lock");
    let found = BANNED
        .iter()
        .filter(|name| lock.contains(&format!("\nname = \"{name}\"\n")));
    expect_none(
        found
            .map(|name| format!("Cargo.lock holds {name}"))
            .collect(),
    );
}

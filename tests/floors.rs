//! The walls of the house: no floor knows the ones above it, the core knows no I/O, and unsafe code stands where
//! ARCHITECTURE.md says.
#![allow(clippy::expect_used, reason = "a test")]

use std::fs;
use std::path::{Path, PathBuf};

/// A floor, and the modules of this crate it may name.
const FLOORS: &[(&str, &[&str])] = &[
    ("error", &["error"]),
    ("lock", &["lock"]),
    ("fork", &["fork"]),
    ("frame", &["frame"]),
    ("http", &["error", "http"]),
    ("protocol", &["error", "frame", "http", "protocol"]),
    ("transport", &["error", "fork", "http", "lock", "transport"]),
    ("session", &["error", "fork", "frame", "http", "lock", "protocol", "transport", "session"]),
    ("ffi", &["error", "fork", "frame", "http", "lock", "protocol", "session", "ffi"]),
];

/// Floors that take bytes and the time and give bytes and events.
const SANS_IO: &[&str] = &["frame", "http", "protocol"];

/// What those floors may not name.
const IO: &[&str] = &[
    "tokio",
    "std::net",
    "std::os",
    "std::io",
    "std::fs",
    "std::thread",
    "std::sync",
    "Instant::now",
    "SystemTime",
    "getrandom",
    "rustix",
    "libc",
];

const UNSAFE: &[&str] =
    &["src/ffi/", "src/fork.rs", "src/frame/mask.rs", "src/session/handed.rs", "src/transport/unacknowledged.rs"];

#[test]
fn imports_go_down_only() {
    for (path, code) in sources() {
        let Some(floor) = floor_of(&path) else { continue };
        let (_, allowed) =
            FLOORS.iter().find(|(name, _)| *name == floor).expect("every module of the crate is a floor");
        for (number, line) in code.iter() {
            for used in line.split("crate::").skip(1) {
                let used: String = used.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
                assert!(allowed.contains(&used.as_str()), "{}:{number}: {floor} must not know {used}", path.display());
            }
            assert!(!line.contains("super::super"), "{}:{number}: name the module from crate::", path.display());
        }
    }
}

#[test]
fn the_core_knows_no_io() {
    for (path, code) in sources() {
        if !floor_of(&path).is_some_and(|floor| SANS_IO.contains(&floor.as_str())) {
            continue;
        }
        for (number, line) in code {
            let found = IO.iter().find(|name| line.contains(**name));
            assert_eq!(found, None, "{}:{number}", path.display());
        }
    }
}

#[test]
fn unsafe_code_is_where_it_may_be() {
    for (path, code) in sources() {
        if UNSAFE.iter().any(|allowed| path.starts_with(allowed) || path == Path::new(allowed)) {
            continue;
        }
        for (number, line) in code {
            let words = line.split(|c: char| !c.is_alphanumeric() && c != '_');
            let named = words.into_iter().any(|word| matches!(word, "unsafe" | "unsafe_code"));
            assert!(!named || line.contains("forbid(unsafe_code)"), "{}:{number}: {line}", path.display());
        }
    }
}

/// The floor that a file of `src` stands on; none for lib.rs.
fn floor_of(path: &Path) -> Option<String> {
    let below = path.strip_prefix("src").expect("a source file").components().next().expect("a file name");
    let name = below.as_os_str().to_str().expect("an ASCII name").trim_end_matches(".rs").to_owned();
    (name != "lib").then_some(name)
}

/// All files of `src`, as their numbered lines without comments.
fn sources() -> Vec<(PathBuf, Vec<(usize, String)>)> {
    let mut files = Vec::new();
    collect(Path::new("src"), &mut files);
    assert!(files.len() > 20, "only {} files in src", files.len());
    files
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).expect("a readable source");
            let lines = text.lines().enumerate().map(|(index, line)| (index + 1, without_comment(line)));
            (path, lines.collect())
        })
        .collect()
}

fn without_comment(line: &str) -> String {
    line.split("//").next().unwrap_or_default().to_owned()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("src is there") {
        let path = entry.expect("a directory entry").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

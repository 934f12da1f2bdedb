//! The fuzz targets with the bytes in `fuzz/seeds`: the examples of the RFCs, and what the fuzzer has found.
#![allow(clippy::expect_used, reason = "a test")]

use std::fs;
use std::panic;
use std::path::{Path, PathBuf};

#[path = "../fuzz/src/lib.rs"]
mod targets;

#[test]
fn every_target_has_its_cases_and_they_pass() {
    let failed: Vec<PathBuf> = targets::TARGETS
        .iter()
        .flat_map(|(name, target)| cases(name).into_iter().map(move |case| (case, target)))
        .filter(|(case, target)| {
            let bytes = fs::read(case).expect("a readable file");
            panic::catch_unwind(|| target(&bytes)).is_err()
        })
        .map(|(case, _)| case)
        .collect();
    assert!(failed.is_empty(), "{failed:#?}");
}

fn cases(target: &str) -> Vec<PathBuf> {
    let folder = Path::new("fuzz/seeds").join(target);
    let entries = fs::read_dir(&folder).expect("a folder for each target");
    let cases: Vec<_> = entries.map(|entry| entry.expect("a directory entry").path()).collect();
    assert!(!cases.is_empty(), "{} is empty", folder.display());
    cases
}

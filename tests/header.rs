//! include/ktorws.h is what cbindgen makes of the sources. `UPDATE_HEADER=1` writes it.
#![allow(clippy::expect_used, reason = "a test")]

use std::path::Path;

#[test]
fn the_header_is_up_to_date() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = root.join("include/ktorws.h");
    let generated = generate(root);
    if std::env::var_os("UPDATE_HEADER").is_some() {
        std::fs::write(&path, &generated).expect("the header can be written");
    }
    let committed = std::fs::read_to_string(&path).expect("include/ktorws.h is there");
    assert!(committed == generated, "include/ktorws.h is not what the sources say: run `make header`");
}

#[test]
fn every_public_function_has_a_comment() {
    let header = generate(Path::new(env!("CARGO_MANIFEST_DIR")));
    let mut previous = "";
    for line in header.lines() {
        let starts_declaration = line.contains(" ws_") || line.contains("*ws_");
        let is_function = starts_declaration && line.contains('(') && !line.starts_with([' ', '#', '/']);
        assert!(!is_function || previous.ends_with("*/"), "no comment: {line}");
        previous = line;
    }
}

fn generate(root: &Path) -> String {
    let config = cbindgen::Config::from_file(root.join("cbindgen.toml")).expect("cbindgen.toml is valid");
    let bindings = cbindgen::Builder::new().with_crate(root).with_config(config).generate().expect("bindings");
    let mut text = Vec::new();
    bindings.write(&mut text);
    let text = String::from_utf8(text).expect("the header is UTF-8");
    let text = text
        .replace("@MAJOR@", env!("CARGO_PKG_VERSION_MAJOR"))
        .replace("@MINOR@", env!("CARGO_PKG_VERSION_MINOR"))
        .replace("@PATCH@", env!("CARGO_PKG_VERSION_PATCH"));
    with_struct_tags(&with_plain_enumerations(&without_safety_sections(&text)))
}

/// Gives the structs tags, so that C++ and other headers can declare them.
fn with_struct_tags(header: &str) -> String {
    let mut kept: Vec<String> = Vec::new();
    let mut beginning = None;
    for line in header.lines() {
        if line == "typedef struct {" {
            beginning = Some(kept.len());
        }
        let name = line.strip_prefix("} ").and_then(|line| line.strip_suffix(';'));
        if let (Some(name), Some(index)) = (name, beginning.take_if(|_| name.is_some())) {
            kept[index] = format!("typedef struct {name} {{");
        }
        kept.push(line.to_owned());
    }
    kept.join("\n") + "\n"
}

/// Declares the constants of an enumeration, then its type as a number of fixed width: cbindgen would declare an `enum` whose
/// width depends on the language, with a conditional around each.
fn with_plain_enumerations(header: &str) -> String {
    let mut lines = header.lines();
    let mut kept = Vec::new();
    while let Some(line) = lines.next() {
        let Some(name) = line.strip_prefix("enum ") else {
            kept.push(line.to_owned());
            continue;
        };
        let mut number = "";
        for line in lines.by_ref().take_while(|line| *line != " {") {
            number = line.strip_prefix("  : ").unwrap_or(number);
        }
        kept.push("enum {".to_owned());
        kept.extend(lines.by_ref().take_while(|line| *line != "};").map(str::to_owned));
        kept.push(format!("}};\ntypedef {number} {name};"));
        lines.by_ref().take_while(|line| *line != "#endif // __cplusplus").for_each(drop);
    }
    kept.join("\n") + "\n"
}

/// What Rust callers are told of safety, the header's opening comment tells C callers once.
fn without_safety_sections(header: &str) -> String {
    let mut kept = Vec::new();
    let mut in_section = false;
    for line in header.lines() {
        let text = line.trim_start();
        if text == "* # Safety" {
            in_section = true;
            while kept.last().is_some_and(|last: &&str| last.trim() == "*") {
                kept.pop();
            }
        }
        in_section &= text != "*/";
        if !in_section {
            kept.push(line);
        }
    }
    kept.join("\n") + "\n"
}

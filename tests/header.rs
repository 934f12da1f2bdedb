//! include/ktorws.h is what cbindgen makes of the sources. `UPDATE_HEADER=1` writes it.
#![allow(clippy::expect_used, reason = "a test")]

use std::collections::BTreeMap;
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
    let text = with_struct_tags(&with_plain_enumerations(&without_safety_sections(&text)));
    let areas = std::fs::read_to_string(root.join("include/areas.txt")).expect("include/areas.txt is there");
    in_areas(&text, &areas)
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

/// Puts the declarations in the order of include/areas.txt, with a banner for each area. cbindgen sorts by kind.
fn in_areas(header: &str, areas: &str) -> String {
    let (opening, declarations) = header.split_once("\n/** ").expect("the header has declarations");
    let declarations = format!("/** {declarations}")
        .replace("#ifdef __cplusplus\nextern \"C\" {\n#endif // __cplusplus\n", "")
        .replace("#ifdef __cplusplus\n}  // extern \"C\"\n#endif  // __cplusplus\n", "")
        .replace("#endif  /* KTORWS_H */\n", "");
    let mut waiting: BTreeMap<&str, &str> = split_before(&declarations, "/**")
        .map(|declaration| (declared_name(declaration), declaration.trim_end()))
        .collect();
    let rule = "-".repeat(93);
    let mut text = opening.trim_end().to_owned() + "\n\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n";
    for area in split_before(areas, "# ").filter(|area| area.starts_with("# ")) {
        let mut lines = area.lines();
        let title = lines.next().expect("a title").trim_start_matches("# ");
        let about = lines.next().expect("a sentence");
        text += &format!("\n/* {rule}\n * {title}\n *\n * {about}\n * {rule}\n */\n");
        for name in lines.flat_map(str::split_whitespace) {
            let declaration = waiting.remove(name).unwrap_or_else(|| panic!("include/areas.txt: there is no {name}"));
            text += &format!("\n{declaration}\n");
        }
    }
    assert!(waiting.is_empty(), "include/areas.txt: these are in no area: {:?}", waiting.keys());
    text + "\n#ifdef __cplusplus\n}\n#endif\n\n#endif /* KTORWS_H */\n"
}

/// The parts of a text. Each but the first begins with a line that has the beginning.
fn split_before<'a>(text: &'a str, beginning: &str) -> impl Iterator<Item = &'a str> {
    let starts: Vec<usize> =
        text.match_indices(beginning).map(|(at, _)| at).filter(|&at| at == 0 || text[..at].ends_with('\n')).collect();
    let ends: Vec<usize> = starts.iter().skip(1).copied().chain([text.len()]).collect();
    starts.into_iter().zip(ends).map(|(start, end)| &text[start..end])
}

/// The name that a declaration with its comment declares.
fn declared_name(declaration: &str) -> &str {
    let (_, code) = declaration.split_once("*/\n").expect("a comment, then the declaration");
    let code = code.trim_end();
    let name = if let Some(definition) = code.strip_prefix("#define ") {
        definition
    } else if let Some((_, pointer)) =
        code.split_once("(*").filter(|_| code.starts_with("typedef") && !code.contains('{'))
    {
        pointer
    } else if code.ends_with(");") {
        let (result_and_name, _) = code.split_once('(').expect("parameters");
        result_and_name.rsplit([' ', '*']).next().expect("a name")
    } else {
        code.rsplit(' ').next().expect("a name")
    };
    name.split(|c: char| c != '_' && !c.is_ascii_alphanumeric()).next().expect("a name")
}

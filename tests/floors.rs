//! The walls of the house: no floor knows the ones above it, the core knows no I/O, and unsafe code stands where
//! ARCHITECTURE.md says.
#![allow(clippy::expect_used, reason = "a test")]

use std::collections::{BTreeMap, BTreeSet};
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

const UNSAFE: &[&str] = &[
    "src/ffi/",
    "src/fork.rs",
    "src/frame/mask.rs",
    "src/session/recv/read_lock/mod.rs",
    "src/session/background/watch.rs",
    "src/transport/unacknowledged.rs",
];

/// Floors whose files do not use each other in circles.
const WITHOUT_CIRCLES: &[&str] = &["frame", "http", "protocol", "transport", "session", "ffi"];

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

/// File A uses file B if A names an item of B. A name that a `mod.rs` re-exports counts as a use of the file that defines it. The
/// re-exports themselves do not count. Neither do unit tests.
#[test]
fn files_use_each_other_without_circles() {
    let modules = Modules::read();
    for floor in WITHOUT_CIRCLES {
        let root = vec![(*floor).to_owned()];
        let files: Vec<&ModulePath> = modules.0.keys().filter(|path| path.starts_with(&root)).collect();
        assert!(files.len() > 1, "{floor} has no files");
        let uses: BTreeMap<&ModulePath, BTreeSet<ModulePath>> =
            files.into_iter().map(|path| (path, modules.used_by(path))).collect();
        let circle = find_circle(&uses).map(|circle| {
            let names = circle.iter().map(|path| path.join("::"));
            names.collect::<Vec<_>>().join(" uses ")
        });
        assert_eq!(circle, None);
    }
}

#[test]
fn a_circle_of_files_is_found() {
    let modules = |files: &[(&[&str], &str)]| {
        let files = files.iter().map(|(path, code)| (names(path), Module::parse(path, code)));
        Modules(files.collect())
    };
    let find = |modules: &Modules| {
        let uses = modules.0.keys().map(|path| (path, modules.used_by(path))).collect();
        find_circle(&uses).map(|circle| circle.iter().map(|path| path.join("::")).collect::<Vec<_>>().join(" "))
    };
    let facade = (&["f"][..], "mod a; mod b; pub(crate) use a::A; pub(crate) use self::b::{B, C as D};");
    let a = (&["f", "a"][..], "use crate::f::{other::X, D};");
    let found = Some("f::a f::b f::a".to_owned());
    assert_eq!(find(&modules(&[facade, a, (&["f", "b"], "")])), None);
    assert_eq!(find(&modules(&[facade, a, (&["f", "b"], "fn b() -> super::A {}")])), found);
    assert_eq!(find(&modules(&[facade, a, (&["f", "b"], "use crate::f; fn b() { f::A::new(); }")])), found);
    assert_eq!(find(&modules(&[facade, a, (&["f", "b"], "use crate::f::a as c;")])), found);
}

type ModulePath = Vec<String>;

/// The modules of `src` that have a file of their own, by their paths.
struct Modules(BTreeMap<ModulePath, Module>);

/// A file.
struct Module {
    /// The paths that it names.
    named: BTreeSet<ModulePath>,
    /// The names that it re-exports, with their paths.
    reexports: BTreeMap<String, ModulePath>,
}

impl Modules {
    fn read() -> Self {
        let files = sources().into_iter().filter_map(|(path, code)| {
            let module = path.strip_prefix("src").expect("a source file").with_extension("");
            let mut module: ModulePath = module.iter().map(|name| name.to_string_lossy().into_owned()).collect();
            module.pop_if(|name| name == "mod");
            if module.iter().any(|name| name == "tests") {
                return None;
            }
            let code = code.into_iter().map(|(_, line)| line + "\n").collect::<String>();
            let code = code.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
            Some((module.clone(), Module::parse(&module, code)))
        });
        Self(files.collect())
    }

    /// The other files whose items a file names.
    fn used_by(&self, path: &ModulePath) -> BTreeSet<ModulePath> {
        let mut used: BTreeSet<_> = self.0[path].named.iter().filter_map(|named| self.defines(named)).collect();
        used.remove(path);
        used
    }

    /// The file that defines an item.
    fn defines(&self, item: &[String]) -> Option<ModulePath> {
        let mut module = ModulePath::new();
        for (index, name) in item.iter().enumerate() {
            let inner: ModulePath = module.iter().chain([name]).cloned().collect();
            if self.0.keys().any(|path| path.starts_with(&inner)) {
                module = inner;
            } else if let Some(target) = self.0.get(&module).and_then(|module| module.reexports.get(name))
                // A macro is re-exported from the file that defines it.
                && *target != inner
            {
                return self.defines(&[target, &item[index + 1..]].concat());
            } else {
                break;
            }
        }
        self.0.contains_key(&module).then_some(module)
    }
}

impl Module {
    fn parse<N: AsRef<str>>(path: &[N], code: &str) -> Self {
        let module = names(path);
        let (mut named, mut reexports, mut imports) = (BTreeSet::new(), BTreeMap::new(), BTreeMap::new());
        let mut inline = code.to_owned();
        for statement in code.split_inclusive(';') {
            let Some((visibility, tree)) = use_tree(statement) else { continue };
            let tree = tree.trim_end_matches(';');
            inline = inline.replacen(tree, "", 1);
            for (path, alias) in flatten(tree) {
                let path = absolute(&module, &path);
                if visibility.is_empty() {
                    named.insert(path.clone());
                    imports.insert(alias, path);
                } else {
                    reexports.insert(alias, path);
                }
            }
        }
        for path in inline_paths(&inline) {
            match imports.get(&path[0]) {
                Some(import) => drop(named.insert([import, &path[1..]].concat())),
                None if matches!(path[0].as_str(), "crate" | "super" | "self") => {
                    named.insert(absolute(&module, &path));
                }
                None => {}
            }
        }
        Self { named, reexports }
    }
}

fn names<N: AsRef<str>>(path: &[N]) -> ModulePath {
    path.iter().map(|name| name.as_ref().to_owned()).collect()
}

/// The visibility and the tree of a statement that ends with a `use` declaration.
fn use_tree(statement: &str) -> Option<(&str, &str)> {
    let (before, tree) =
        statement.rsplit_once("use ").filter(|(before, _)| !before.ends_with(char::is_alphanumeric))?;
    let before = before.rsplit(['\n', ';', '{', '}']).next().unwrap_or_default().trim();
    (before.is_empty() || before.starts_with("pub")).then_some((before, tree))
}

/// The paths of a `use` tree, each with the name that it gets.
fn flatten(tree: &str) -> Vec<(ModulePath, String)> {
    let tree = tree.trim();
    if let Some((prefix, inner)) = tree.split_once('{') {
        let prefix: ModulePath =
            prefix.split("::").map(str::trim).filter(|name| !name.is_empty()).map(Into::into).collect();
        let inner = inner.trim_end().strip_suffix('}').expect("a closed brace");
        let (mut depth, mut start, mut paths) = (0, 0, Vec::new());
        for (at, character) in inner.char_indices().chain([(inner.len(), ',')]) {
            match character {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    paths.extend(flatten(&inner[start..at]));
                    start = at + 1;
                }
                _ => {}
            }
        }
        return paths.into_iter().map(|(path, alias)| ([prefix.clone(), path].concat(), alias)).collect();
    }
    let (path, alias) = tree.split_once(" as ").map_or((tree, None), |(path, alias)| (path, Some(alias)));
    let mut path: ModulePath =
        path.split("::").map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect();
    let Some(last) = path.last().cloned() else { return Vec::new() };
    let alias = alias.map_or_else(|| last.clone(), |alias| alias.trim().to_owned());
    if last != "self" {
        return vec![(path, alias)];
    }
    // `self` at the end of a tree is the module in front of it, whose name is not known here.
    path.pop();
    vec![(path, alias)]
}

/// The path from the root of the crate. A path that begins with none of the keywords is relative, or one of another crate.
fn absolute(module: &ModulePath, path: &[String]) -> ModulePath {
    match path.first().map(String::as_str) {
        Some("crate") => path[1..].to_vec(),
        Some("super") => [&module[..module.len().saturating_sub(1)], &path[1..]].concat(),
        Some("self") => [module, &path[1..]].concat(),
        _ => [module, path].concat(),
    }
}

/// The paths of two or more names.
fn inline_paths(code: &str) -> Vec<ModulePath> {
    let words = code.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'));
    let paths = words.map(|word| word.trim_matches(':').split("::").map(Into::into).collect::<ModulePath>());
    paths.filter(|path| path.len() > 1).collect()
}

/// A circle, with its first element at its end too.
fn find_circle(uses: &BTreeMap<&ModulePath, BTreeSet<ModulePath>>) -> Option<ModulePaths> {
    fn search(
        at: &ModulePath,
        uses: &BTreeMap<&ModulePath, BTreeSet<ModulePath>>,
        way: &mut ModulePaths,
        done: &mut BTreeSet<ModulePath>,
    ) -> Option<ModulePaths> {
        if let Some(start) = way.iter().position(|path| path == at) {
            return Some([&way[start..], std::slice::from_ref(at)].concat());
        }
        if done.contains(at) {
            return None;
        }
        way.push(at.clone());
        let circle = uses.get(at).into_iter().flatten().find_map(|used| search(used, uses, way, done));
        way.pop();
        done.insert(at.clone());
        circle
    }
    let mut done = BTreeSet::new();
    uses.keys().find_map(|path| search(path, uses, &mut Vec::new(), &mut done))
}

type ModulePaths = Vec<ModulePath>;

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

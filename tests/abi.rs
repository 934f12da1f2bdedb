//! What the built shared library shows to the linker: the symbols of abi/symbols.txt and nothing else, its SONAME, and
//! that it is never unloaded.
#![allow(clippy::expect_used, reason = "a test")]

use std::collections::BTreeSet;
use std::path::PathBuf;

use object::elf::{DF_1_NODELETE, DT_FLAGS_1, DT_SONAME, FileHeader64, SHT_DYNAMIC};
use object::read::elf::{Dyn as _, FileHeader as _, SectionHeader as _};
use object::{Endianness, Object as _, ObjectSymbol as _};

/// The library to look at: another build by its path in KTORWS_LIBRARY, else the one that cargo built with this test.
fn library() -> Vec<u8> {
    let path = std::env::var_os("KTORWS_LIBRARY")
        .map_or_else(|| std::env::current_exe().expect("a path").with_file_name("libktorws.so"), PathBuf::from);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn the_exported_symbols_are_those_of_the_list() {
    let listed: BTreeSet<String> = include_str!("../abi/symbols.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let (symbol, version) = line.split_once(' ').expect("a symbol and the version it came in");
            assert!(version.split('.').count() == 2, "{line}: a version is MAJOR.MINOR");
            symbol.to_owned()
        })
        .collect();
    let library = library();
    let file = object::File::parse(&*library).expect("an ELF file");
    let exported: BTreeSet<String> = file
        .dynamic_symbols()
        .filter(|symbol| symbol.is_definition() && symbol.is_global())
        .map(|symbol| symbol.name().expect("a name").to_owned())
        .collect();
    assert_eq!(exported, listed);
}

#[test]
fn every_exported_symbol_is_in_the_header() {
    let header = include_str!("../include/ktorws.h");
    for line in include_str!("../abi/symbols.txt").lines().filter(|line| !line.starts_with('#')) {
        let (symbol, _) = line.split_once(' ').expect("a symbol and a version");
        assert!(header.contains(&format!("{symbol}(")), "{symbol} is not declared");
    }
}

#[test]
fn it_has_its_soname_and_stays_loaded() {
    let library = library();
    let header = FileHeader64::<Endianness>::parse(&*library).expect("an ELF file");
    let endian = header.endian().expect("an endianness");
    let sections = header.sections(endian, &*library).expect("sections");
    let mut soname = None;
    let mut flags = 0_u64;
    for section in sections.iter().filter(|section| section.sh_type(endian) == SHT_DYNAMIC) {
        let (entries, strings) =
            section.dynamic(endian, &*library).expect("dynamic entries").expect("a dynamic section");
        let strings = sections.strings(endian, &*library, strings).expect("a string table");
        for entry in entries {
            if entry.tag(endian) == DT_SONAME {
                soname = Some(entry.string(endian, strings).expect("a name").to_vec());
            } else if entry.tag(endian) == DT_FLAGS_1 {
                flags = entry.val(endian);
            }
        }
    }
    assert_eq!(soname.as_deref(), Some(b"libktorws.so.0".as_slice()));
    assert_ne!(flags & DF_1_NODELETE.0, 0, "flags {flags:#x}");
}

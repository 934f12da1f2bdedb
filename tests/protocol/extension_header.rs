//! RFC 6455 section 9.1: the header that extensions are offered and chosen with.

use ktorws::protocol::extension::header::{Element, Parameters, parse};
use proptest::prelude::*;

fn elements(value: &str) -> Vec<(String, String)> {
    let elements = parse(value.as_bytes()).unwrap_or_else(|| panic!("{value:?} is well-formed"));
    elements.into_iter().map(|Element { name, parameters }| (name, parameters.to_string())).collect()
}

fn pair(name: &str, parameters: &str) -> (String, String) {
    (name.to_owned(), parameters.to_owned())
}

#[test]
fn lists_and_parameters() {
    assert_eq!(elements(""), []);
    assert_eq!(elements("foo"), [pair("foo", "")]);
    assert_eq!(elements("foo, bar; baz=2"), [pair("foo", ""), pair("bar", "baz=2")]);
    assert_eq!(elements(" foo ;a;\tb = 1 ,, bar "), [pair("foo", "a; b=1"), pair("bar", "")]);
    // A quoted value stands for what is inside.
    assert_eq!(elements("foo; a=\"12\"; b=\"1\\2\""), [pair("foo", "a=12; b=12")]);
}

#[test]
fn what_is_malformed() {
    for value in [
        ";",
        "foo;",
        "foo; ;a",
        "foo bar",
        "foo; a b",
        "foo; a=",
        "foo; =1",
        "foo; a=\"\"",
        "foo; a=\"1",
        "foo; a=\"1 2\"",
        "foo; a=1=2",
        "=",
        "\"foo\"",
        "foo; a=\"1\"b",
        "foo@bar",
        "f\u{f6}o",
    ] {
        assert_eq!(parse(value.as_bytes()), None, "{value:?}");
    }
    assert_eq!(parse(b"foo\xff"), None);
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(value in prop::collection::vec(any::<u8>(), 0..60)) {
        let _ = parse(&value);
    }

    #[test]
    fn what_is_written_is_read(
        names in prop::collection::vec("[a-z][a-z0-9-]{0,8}", 1..4),
        parameters in prop::collection::vec(("[a-z_]{1,8}", prop::option::of("[A-Za-z0-9.]{1,5}")), 0..4),
    ) {
        let parameters = Parameters(parameters);
        let rest = if parameters.0.is_empty() { String::new() } else { format!("; {parameters}") };
        let value = names.iter().map(|name| format!("{name}{rest}")).collect::<Vec<_>>().join(", ");
        let expected: Vec<_> =
            names.into_iter().map(|name| Element { name, parameters: parameters.clone() }).collect();
        prop_assert_eq!(parse(value.as_bytes()), Some(expected));
    }
}

//! Sec-WebSocket-Extensions: what was read, written and read again is the same.

use ktorws::http::headers::is_token;
use ktorws::protocol::extension::header::{Element, Parameters, parse};

pub fn extension_header(bytes: &[u8]) {
    if let Some(elements) = parse(bytes) {
        elements.iter().for_each(check);
        let rendered: Vec<String> = elements.iter().map(render).collect();
        for separator in [",", " ,\t", ", , "] {
            assert_eq!(parse(rendered.join(separator).as_bytes()).as_ref(), Some(&elements));
        }
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        check_quoted(text);
        if let Some(parameters) = Parameters::parse(text) {
            assert_eq!(Parameters::parse(&parameters.to_string()), Some(parameters));
        }
    }
}

/// In quotes, each character escaped, a value is what it is without.
fn check_quoted(value: &str) {
    let escaped: String = value.chars().flat_map(|character| ['\\', character]).collect();
    let quoted = Parameters(vec![("a".to_owned(), Some(value.to_owned()))]);
    assert_eq!(Parameters::parse(&format!("a=\"{escaped}\"")), is_token(value).then_some(quoted));
}

fn check(element: &Element) {
    assert!(is_token(&element.name));
    for (name, value) in &element.parameters.0 {
        assert!(is_token(name) && value.as_deref().is_none_or(is_token));
    }
}

fn render(element: &Element) -> String {
    let Element { name, parameters } = element;
    if parameters.0.is_empty() { name.clone() } else { format!("{name}; {parameters}") }
}

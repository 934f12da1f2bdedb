//! Sec-WebSocket-Extensions: what was read, written and read again is the same.

use ktorws::protocol::extension_header::{Element, Parameters, parse};
use ktorws::protocol::headers::is_token;

pub fn extension_header(bytes: &[u8]) {
    if let Some(elements) = parse(bytes) {
        elements.iter().for_each(check);
        let rendered: Vec<String> = elements.iter().map(render).collect();
        for separator in [",", " ,\t", ", , "] {
            assert_eq!(parse(rendered.join(separator).as_bytes()).as_ref(), Some(&elements));
        }
    }
    let parameters = std::str::from_utf8(bytes).ok().and_then(Parameters::parse);
    if let Some(parameters) = parameters {
        assert_eq!(Parameters::parse(&parameters.to_string()), Some(parameters));
    }
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

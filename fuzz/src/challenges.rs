//! The challenges of WWW-Authenticate: what was read, written and read again is the same.

use ktorws::http::Challenge;
use ktorws::http::auth_challenge::parse;
use ktorws::http::headers::is_token;

pub fn challenges(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let found = parse(text);
    for challenge in &found {
        assert!(is_token(&challenge.scheme));
        assert!(challenge.parameters.iter().all(|(name, _)| is_token(name)));
    }
    let rendered: Vec<String> = found.iter().map(render).collect();
    for separator in [",", " ,\t", ", , "] {
        assert_eq!(parse(&rendered.join(separator)), found);
    }
}

fn render(challenge: &Challenge) -> String {
    let parameters = challenge.parameters.iter().map(|(name, value)| {
        let escaped: String = value.chars().flat_map(|character| ['\\', character]).collect();
        format!("{name} = \"{escaped}\"")
    });
    format!("{} {}", challenge.scheme, parameters.collect::<Vec<_>>().join(" , "))
}

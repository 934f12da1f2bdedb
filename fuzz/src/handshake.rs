//! The answer to an opening handshake.

use ktorws::error::{Error, Kind};
use ktorws::http::Upgrade as _;
use ktorws::http::headers::Headers;
use ktorws::protocol::deflate::{self, Options, PermessageDeflate};
use ktorws::protocol::extension::Extension;
use ktorws::protocol::handshake::{HandshakeRequest, HandshakeResponse};
use ktorws::protocol::handshake_h1::Handshake;

use super::input::Input;

/// Of RFC 6455 section 1.3, with its answer.
const NONCE: [u8; 16] = *b"the sample nonce";
const ACCEPT: &[u8] = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

const SUBPROTOCOLS: [&str; 2] = ["chat", "superchat"];
const LARGEST: usize = 64 * 1024;

/// What a handshake came to.
#[derive(Debug)]
enum Outcome {
    Opened(Agreed),
    Failed(Error),
    /// What it means that nothing more comes.
    Waits(Error),
}

#[derive(Debug, PartialEq)]
struct Agreed {
    headers: Vec<(String, Vec<u8>)>,
    subprotocol: Option<String>,
    /// Names and parameters.
    extensions: Vec<(String, String)>,
    /// The bytes for the connection.
    behind: Vec<u8>,
}

pub fn handshake(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let sizes = input.array::<4>().map(|byte| usize::from(byte).pow(2) + 1);
    let response = response(&mut input);
    let whole = run(&response, &[LARGEST]);
    let chunked = run(&response, &sizes);
    assert!(whole.is_like(&chunked), "the chunking makes a difference:\n{whole:?}\n\n{chunked:?}");
    check(&whole, &response);
}

/// The rest of the input, a section of it repeated as often as it takes to meet a limit.
fn response(input: &mut Input<'_>) -> Vec<u8> {
    let [length, times] = input.array();
    let start = usize::from(input.word());
    let rest = input.rest();
    let section = rest.get(start..).unwrap_or_default();
    let section = &section[..section.len().min(length.into())];
    let times = usize::from(times).pow(2).min(2 * LARGEST / section.len().max(1));
    let (before, behind) = rest.split_at(start.min(rest.len()));
    [before, &section.repeat(times), behind].concat()
}

fn run(response: &[u8], sizes: &[usize]) -> Outcome {
    let subprotocols = SUBPROTOCOLS.map(str::to_owned);
    let headers = Headers::default();
    let deflate = PermessageDeflate(Options::default());
    let extensions: [&dyn Extension; 1] = [&deflate];
    let request = HandshakeRequest {
        resource: "/chat",
        host: "example.com",
        headers: &headers,
        subprotocols: &subprotocols,
        extensions: &extensions,
    };
    let mut handshake = Handshake::new(request, NONCE).expect("valid offers");
    let mut rest = response;
    for size in sizes.iter().cycle() {
        let (piece, behind) = rest.split_at(rest.len().min(*size));
        match handshake.receive(piece) {
            Ok(None) => {}
            Ok(Some(opened)) => return Outcome::opened(opened, behind),
            Err(error) => return Outcome::Failed(error),
        }
        if behind.is_empty() {
            break;
        }
        rest = behind;
    }
    Outcome::Waits(handshake.interrupted())
}

impl Outcome {
    /// Messages may show as much of a malformed answer as has come.
    fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Opened(opened), Self::Opened(other)) => opened == other,
            (Self::Failed(error), Self::Failed(other)) | (Self::Waits(error), Self::Waits(other)) => {
                (error.kind, &error.refusal) == (other.kind, &other.refusal)
            }
            _ => false,
        }
    }

    fn opened(opened: HandshakeResponse, behind: &[u8]) -> Self {
        let HandshakeResponse { response, subprotocol, extensions, early } = opened;
        assert!(response.status == 101 && response.is_http_1_1);
        let infos = extensions.iter().map(|extension| &extension.info);
        let extensions = infos.map(|info| (info.name.clone(), info.parameters.clone())).collect();
        Self::Opened(Agreed { headers: response.headers, subprotocol, extensions, behind: [&early, behind].concat() })
    }
}

fn check(outcome: &Outcome, answer: &[u8]) {
    match outcome {
        Outcome::Opened(agreed) => check_agreed(agreed, answer),
        Outcome::Failed(error) | Outcome::Waits(error) => match &error.refusal {
            None => assert_eq!(error.kind, Kind::HandshakeInvalid),
            Some(refusal) => {
                assert_eq!(error.kind, Kind::HandshakeStatus);
                assert!(refusal.status >= 200 && refusal.body.len() <= LARGEST);
            }
        },
    }
}

fn check_agreed(agreed: &Agreed, answer: &[u8]) {
    let Agreed { headers, subprotocol, extensions, behind } = agreed;
    let values = |wanted: &str| -> Vec<&[u8]> {
        let of_name = headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case(wanted));
        of_name.map(|(_, value)| value.as_slice()).collect()
    };
    assert_eq!(values("Sec-WebSocket-Accept"), [ACCEPT]);
    assert!(matches!(values("Upgrade")[..], [value] if value.eq_ignore_ascii_case(b"websocket")));
    match subprotocol {
        None => assert!(values("Sec-WebSocket-Protocol").is_empty()),
        Some(chosen) => {
            assert!(SUBPROTOCOLS.contains(&chosen.as_str()));
            assert_eq!(values("Sec-WebSocket-Protocol"), [chosen.as_bytes()]);
        }
    }
    assert!(extensions.len() <= 1 && extensions.iter().all(|(name, _)| name == deflate::NAME));
    let head = answer.strip_suffix(&behind[..]).expect("the bytes behind the head");
    assert!(head.ends_with(b"\n\n") || head.ends_with(b"\n\r\n"));
    assert!(head.windows(ACCEPT.len()).any(|window| window == ACCEPT) && head.len() <= LARGEST);
}

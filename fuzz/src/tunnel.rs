//! A proxy's answer to CONNECT.

use ktorws::error::{Error, Kind};
use ktorws::http::{Connect, Upgrade as _};

use super::input::Input;

/// What it came to.
#[derive(Debug)]
enum Outcome {
    /// The tunnel is open, and this is the server's.
    Open(Vec<u8>),
    Failed(Error),
    /// What it means that nothing more comes.
    Waits(Error),
}

pub fn tunnel(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let sizes = input.array::<4>().map(|byte| usize::from(byte).pow(2) + 1);
    let answer = input.rest();
    let whole = run(answer, &[answer.len().max(1)]);
    let chunked = run(answer, &sizes);
    assert!(whole.is_like(&chunked), "the chunking makes a difference:\n{whole:?}\n\n{chunked:?}");
    match &whole {
        Outcome::Open(early) => {
            assert!(answer.starts_with(b"HTTP/1.") && answer.ends_with(early));
        }
        Outcome::Failed(error) | Outcome::Waits(error) => {
            assert!(matches!(error.kind, Kind::Proxy | Kind::ProxyAuth));
            if let Some(refusal) = &error.refusal {
                assert!(refusal.status >= 101 && refusal.body.len() <= 64 * 1024);
                assert!(!(200..300).contains(&refusal.status));
            }
        }
    }
}

fn run(answer: &[u8], sizes: &[usize]) -> Outcome {
    let mut connect = Connect::new("example.com:443", None);
    let mut rest = answer;
    for size in sizes.iter().cycle() {
        let (piece, behind) = rest.split_at(rest.len().min(*size));
        match connect.receive(piece) {
            Ok(None) => {}
            Ok(Some(early)) => return Outcome::Open([&early, behind].concat()),
            Err(error) => return Outcome::Failed(error),
        }
        if behind.is_empty() {
            break;
        }
        rest = behind;
    }
    Outcome::Waits(connect.interrupted())
}

impl Outcome {
    /// Messages may show as much of a malformed answer as has come.
    fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Open(early), Self::Open(other)) => early == other,
            (Self::Failed(error), Self::Failed(other)) | (Self::Waits(error), Self::Waits(other)) => {
                (error.kind, &error.refusal) == (other.kind, &other.refusal)
            }
            _ => false,
        }
    }
}

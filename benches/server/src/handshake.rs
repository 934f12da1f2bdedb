//! The server's side of the opening handshake (RFC 6455 section 4.2).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

#[derive(Clone, Copy)]
pub enum Path {
    /// `/echo`
    Echo,
    /// `/sink/N`: one message of one byte for each N messages
    Sink(u64),
}

pub struct Request {
    /// Bytes of its head.
    pub size: usize,
    pub response: String,
    /// `None` when the response is not 101.
    pub path: Option<Path>,
}

impl Request {
    /// `None` while the head is incomplete.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let size = bytes.windows(4).position(|end| end == b"\r\n\r\n")? + 4;
        let head = String::from_utf8_lossy(&bytes[..size]);
        let mut lines = head.split("\r\n");
        let path = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(parse_path);
        let key = lines.find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("Sec-WebSocket-Key").then(|| value.trim())
        });
        let (response, path) = match (path, key) {
            (None, _) => ("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_owned(), None),
            (_, None) => {
                ("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_owned(), None)
            }
            (path, Some(key)) => (switching_protocols(key), path),
        };
        Some(Self { size, response, path })
    }
}

fn parse_path(path: &str) -> Option<Path> {
    if path == "/echo" {
        return Some(Path::Echo);
    }
    let count = path.strip_prefix("/sink/")?.parse().ok()?;
    (count > 0).then_some(Path::Sink(count))
}

fn switching_protocols(key: &str) -> String {
    let accept = STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, format!("{key}{GUID}").as_bytes()));
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    )
}

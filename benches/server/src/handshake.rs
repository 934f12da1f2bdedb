//! The server's side of the opening handshake (RFC 6455 section 4.2).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};

use crate::deflate::Parameters;
use crate::totals;

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
    /// `None` when messages are not compressed.
    pub deflate: Option<Parameters>,
}

impl Request {
    /// `None` while the head is incomplete.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let size = bytes.windows(4).position(|end| end == b"\r\n\r\n")? + 4;
        let head = String::from_utf8_lossy(&bytes[..size]);
        let mut lines = head.split("\r\n");
        let target = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap_or_default();
        let headers: Vec<(&str, &str)> = lines.filter_map(|line| line.split_once(':')).collect();
        let key = values(&headers, "Sec-WebSocket-Key").next();
        let refuse = |response| Some(Self { size, response, path: None, deflate: None });
        if target == "/totals" {
            return refuse(answer("200 OK", &totals::take()));
        }
        let Some(path) = parse_path(target) else {
            return refuse(answer("404 Not Found", ""));
        };
        let Some(key) = key else {
            return refuse(answer("400 Bad Request", ""));
        };
        let mut offers = values(&headers, "Sec-WebSocket-Extensions").flat_map(|value| value.split(','));
        let deflate = match path {
            Path::Echo => offers.find_map(Parameters::accept),
            Path::Sink(_) => None,
        };
        Some(Self { size, response: switching_protocols(key, deflate), path: Some(path), deflate })
    }
}

fn values<'a>(headers: &'a [(&'a str, &'a str)], name: &'a str) -> impl Iterator<Item = &'a str> {
    headers.iter().filter(move |(header, _)| header.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

fn answer(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}

fn parse_path(path: &str) -> Option<Path> {
    if path == "/echo" {
        return Some(Path::Echo);
    }
    let count = path.strip_prefix("/sink/")?.parse().ok()?;
    (count > 0).then_some(Path::Sink(count))
}

fn switching_protocols(key: &str, deflate: Option<Parameters>) -> String {
    let accept = STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, format!("{key}{GUID}").as_bytes()));
    let extensions = deflate.map_or_else(String::new, |deflate| format!("Sec-WebSocket-Extensions: {deflate}\r\n"));
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{extensions}Sec-WebSocket-Accept: {accept}\r\n\r\n"
    )
}

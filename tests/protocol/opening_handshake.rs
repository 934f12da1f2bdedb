//! RFC 6455 section 4.1: the client's opening handshake.

use ktorws::error::{Error, Kind, Refusal};
use ktorws::http::Upgrade as _;
use ktorws::http::headers::Headers;
use ktorws::protocol::handshake::{HandshakeRequest, HandshakeResponse};
use ktorws::protocol::handshake_h1::{Handshake, accept_for};
use proptest::prelude::*;

/// The nonce behind the key of section 1.3.
const NONCE: &[u8; 16] = b"the sample nonce";
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

fn handshake(subprotocols: &[&str]) -> Handshake<'static> {
    let mut headers = Headers::default();
    headers.add("X-Own", "value").expect("a valid header");
    let subprotocols: Vec<_> = subprotocols.iter().map(ToString::to_string).collect();
    let request = HandshakeRequest {
        resource: "/chat?x=1",
        host: "example.com:8000",
        headers: &headers,
        subprotocols: &subprotocols,
        extensions: &[],
    };
    Handshake::new(request, *NONCE).expect("nothing is offered")
}

fn agreed() -> String {
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {ACCEPT}\r\n"
    )
}

fn answer(head: &str) -> Result<Option<HandshakeResponse>, Error> {
    handshake(&["chat", "superchat"]).receive(head.as_bytes())
}

fn refused(head: &str) -> Error {
    match answer(head) {
        Err(error) => error,
        Ok(opened) => panic!("accepted {head:?}: {opened:?}"),
    }
}

#[test]
fn the_request_is_that_of_the_rfc() {
    let request = String::from_utf8(handshake(&["chat", "superchat"]).request().to_vec()).expect("ASCII");
    let expected = format!(
        "GET /chat?x=1 HTTP/1.1\r\nHost: example.com:8000\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: chat, superchat\r\n\
         X-Own: value\r\n\r\n"
    );
    assert_eq!(request, expected);
    assert_eq!(accept_for(KEY), ACCEPT);
}

#[test]
fn a_handshake_is_refused_from_the_head_of_the_refusal_on() {
    let mut handshake = handshake(&[]);
    for part in ["HTTP/1.1 404 Not Found\r\nContent-", "Length: 4\r\n\r\n"] {
        assert!(!handshake.is_refused());
        assert!(matches!(handshake.receive(part.as_bytes()), Ok(None)));
    }
    assert!(handshake.is_refused());
    let refusal = handshake.interrupted().refusal.expect("the answer");
    assert_eq!((refusal.status, &*refusal.body), (404, &b""[..]));
}

#[test]
fn a_host_header_of_the_application_stands_in_for_ours() {
    let mut headers = Headers::default();
    headers.set("host", "other").expect("a valid header");
    headers.add("HOST", "other:81").expect("another valid header");
    let request =
        HandshakeRequest { resource: "/", host: "example.com", headers: &headers, subprotocols: &[], extensions: &[] };
    let request = Handshake::new(request, *NONCE).expect("nothing is offered");
    let hosts: Vec<_> = request.headers().filter(|(name, _)| name.eq_ignore_ascii_case("host")).collect();
    assert_eq!(hosts, [("Host", "other:81")]);
}

#[test]
fn what_differs_only_in_form_is_accepted() {
    for head in [
        agreed(),
        agreed().to_lowercase().replace("http/1.1", "HTTP/1.1").replace(&ACCEPT.to_lowercase(), ACCEPT),
        agreed().replace("websocket", "WebSocket"),
        agreed().replace("Connection: Upgrade", "Connection: keep-alive, UPGRADE"),
        agreed().replace("Connection: Upgrade", "Connection: keep-alive\r\nConnection: upgrade"),
        agreed().replace(ACCEPT, &format!("  {ACCEPT}\t ")),
        agreed().replace(" Switching Protocols", ""),
        agreed().replace(" Switching Protocols", " "),
        agreed() + "Content-Length: 0\r\nX-Unknown: \x09\r\n",
        format!("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n{}", agreed()),
    ] {
        let opened = answer(&(head.clone() + "\r\n")).expect(&head);
        assert!(opened.is_some_and(|opened| opened.response.status == 101), "{head}");
    }
}

#[test]
fn a_reason_shows_at_most_100_bytes_of_a_value() {
    for (size, shown) in [(99, "a\""), (100, "a\""), (101, "a\"...")] {
        let error = refused(&(agreed().replace("websocket", &"a".repeat(size)) + "\r\n"));
        let expected = format!("\"{}{shown}, ", "a".repeat(size.min(100) - 1));
        assert!(error.message.contains(&expected), "{error}");
    }
}

#[test]
fn an_answer_that_breaks_the_rfc_is_refused_with_its_reason() {
    for (head, reason) in [
        (agreed().replace("HTTP/1.1", "HTTP/1.0"), "HTTP/1.0"),
        (agreed().replace("HTTP/1.1", "HTTP/2"), "not an HTTP/1.1 response"),
        (agreed().replace("HTTP/1.1", "ICY"), "not HTTP"),
        (agreed().replace("Upgrade: websocket\r\n", ""), "no Upgrade header"),
        (agreed().replace("websocket", "h2c"), "\"h2c\""),
        (agreed().replace("websocket", "websocket, foo"), "\"websocket, foo\""),
        (agreed().replace("Connection: Upgrade\r\n", ""), "no Connection header"),
        (agreed().replace("Connection: Upgrade", "Connection: close"), "\"close\""),
        (agreed().replace(&format!("Sec-WebSocket-Accept: {ACCEPT}\r\n"), ""), "no Sec-WebSocket-Accept"),
        (agreed().replace(ACCEPT, &ACCEPT.to_lowercase()), ACCEPT),
        (agreed().replace(ACCEPT, ACCEPT.trim_end_matches('=')), ACCEPT),
        (agreed() + &format!("Sec-WebSocket-Accept: {ACCEPT}\r\n"), "more than one Sec-WebSocket-Accept"),
        (agreed() + "Sec-WebSocket-Protocol: other\r\n", "\"other\""),
        (agreed() + "Sec-WebSocket-Protocol: Chat\r\n", "\"Chat\""),
        (agreed() + "Sec-WebSocket-Protocol: chat, superchat\r\n", "not offered"),
        (agreed() + "Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Protocol: chat\r\n", "more than one"),
        (agreed() + "Sec-WebSocket-Protocol:\r\n", "\"\" is no subprotocol (RFC 6455 section 4.2.2"),
        (agreed().replace("websocket", "websocket, h2c"), "(RFC 6455 section 4.1, 2)"),
        (agreed().replace("Connection: Upgrade", "Connection: close"), "(RFC 6455 section 4.1, 3)"),
        (agreed().replace(ACCEPT, "x"), "(RFC 6455 section 4.1, 4)"),
        (agreed() + "Sec-WebSocket-Extensions: x\r\n", "(RFC 6455 section 4.1, 5)"),
        (agreed() + "Sec-WebSocket-Protocol: other\r\n", "(RFC 6455 section 4.1, 6)"),
        (agreed() + "Sec-WebSocket-Extensions: permessage-deflate\r\n", "permessage-deflate"),
        (agreed() + "No colon\r\n", "not an HTTP/1.1 response"),
        (agreed() + "Space : before\r\n", "not an HTTP/1.1 response"),
        (agreed() + "Nul: \0\r\n", "not an HTTP/1.1 response"),
        ("HTTP/1.1 099 Low\r\n".to_owned(), "status 99"),
    ] {
        let error = refused(&(head + "\r\n"));
        assert_eq!(error.kind, Kind::HandshakeInvalid, "{error}");
        assert!(error.message.contains(reason), "{error:?} does not say {reason:?}");
    }
}

#[test]
fn garbage_is_told_at_its_first_byte() {
    for garbage in ["S", "SSH-2.0-OpenSSH_9.2\r\n", "\x15\x03\x03\0\x02\x02\x16", "<html>"] {
        assert_eq!(refused(garbage).kind, Kind::HandshakeInvalid);
    }
}

#[test]
fn the_chosen_subprotocol_is_told() {
    let opened = answer(&(agreed() + "Sec-WebSocket-Protocol: superchat\r\n\r\n")).expect("valid").expect("complete");
    assert_eq!(opened.subprotocol.as_deref(), Some("superchat"));
    let opened = answer(&(agreed() + "\r\n")).expect("valid").expect("complete");
    assert_eq!(opened.subprotocol, None);
}

#[test]
fn bytes_behind_the_answer_belong_to_the_connection() {
    let opened = answer(&(agreed() + "\r\n\u{1}\u{2}early")).expect("valid").expect("complete");
    assert_eq!(opened.early, b"\x01\x02early");
}

#[test]
fn a_head_of_64_kib_is_accepted_and_a_longer_one_refused() {
    let rest = agreed() + "X: ";
    let fill = "x".repeat(64 * 1024 - rest.len() - 4);
    assert!(answer(&format!("{rest}{fill}\r\n\r\n")).expect("64 KiB").is_some());
    assert!(refused(&format!("{rest}{fill}x\r\n\r\n")).message.contains("65536"));
    // Without an end, and as interim responses without end.
    assert!(refused(&format!("{rest}{fill}xxxxx")).message.contains("65536"));
    assert!(refused(&"HTTP/1.1 100 Continue\r\n\r\n".repeat(3000)).message.contains("65536"));
    let many = "A: b\r\n".repeat(1000);
    assert!(answer(&format!("{}{many}\r\n", agreed())).expect("1000 headers").is_some());
    assert!(refused(&format!("{}{many}{many}\r\n", agreed())).message.contains("1024 header fields"));
}

fn body_of(head: &str, pieces: &[&[u8]]) -> (u16, Vec<u8>) {
    let mut handshake = handshake(&[]);
    let mut outcome = handshake.receive(head.as_bytes());
    for piece in pieces {
        assert!(outcome.expect("more is to come").is_none());
        assert!(handshake.is_refused());
        outcome = handshake.receive(piece);
    }
    let error = outcome.map_or_else(|error| error, |_| handshake.interrupted());
    assert_eq!(error.kind, Kind::HandshakeStatus, "{error}");
    let refusal = error.refusal.expect("the answer");
    (refusal.status, refusal.body)
}

#[test]
fn a_refusal_comes_with_its_body() {
    let length = "HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\n";
    assert_eq!(body_of(length, &[b"he", b"llo, and more"]), (404, b"hello".to_vec()));
    assert_eq!(body_of("HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n", &[]), (500, vec![]));
    assert_eq!(body_of("HTTP/1.1 204 No Content\r\n\r\n", &[]), (204, vec![]));
    assert_eq!(
        body_of("HTTP/1.0 302 Found\r\nLocation: /\r\n\r\n", &[b"to the", b" end"]),
        (302, b"to the end".to_vec())
    );
    let chunked = "HTTP/1.1 401 Unauthorized\r\nTransfer-Encoding: chunked\r\n\r\n";
    let whole = b"5;x=y\r\nhello\r\n7\r\n, world\r\n0\r\n\r\n";
    assert_eq!(body_of(chunked, &[whole]), (401, b"hello, world".to_vec()));
    let bytes: Vec<&[u8]> = whole[..whole.len() - 4].chunks(1).collect();
    assert_eq!(body_of(chunked, &bytes), (401, b"hello, world".to_vec()));
    assert_eq!(body_of(chunked, &[b"5\r\nhello\r\nnonsense\r\n"]), (401, b"hello".to_vec()));
    // Fields that cannot be read hide neither the others nor the status.
    let odd = "HTTP/1.1 403 Forbidden\r\nX A: b\r\nServer : c\r\nContent-Length: 2\r\n\r\n";
    assert_eq!(body_of(odd, &[b"no"]), (403, b"no".to_vec()));
    // An endless body, and one that ends early.
    assert_eq!(body_of("HTTP/1.1 503 Busy\r\n\r\n", &[&[b'x'; 100_000]]), (503, vec![b'x'; 65_536]));
    assert_eq!(body_of(length, &[b"hel"]), (404, b"hel".to_vec()));
}

#[test]
fn an_early_end_says_how_far_it_came() {
    let mut handshake = handshake(&[]);
    assert!(handshake.receive(b"HTTP/1.1 101 Swi").expect("a beginning").is_none());
    let error = handshake.interrupted();
    assert_eq!(error.kind, Kind::HandshakeInvalid);
    assert_eq!(error.message, "the server ended the connection after 16 bytes of its answer");
}

#[test]
fn headers_of_the_handshake_and_malformed_ones_are_refused() {
    let mut headers = Headers::default();
    for name in [
        "Upgrade",
        "connection",
        "SEC-WEBSOCKET-KEY",
        "Sec-WebSocket-Version",
        "Sec-WebSocket-Protocol",
        "Sec-WebSocket-Extensions",
        "Sec-WebSocket-Accept",
        "Transfer-Encoding",
        "Content-Length",
        "Sec-WebSocket-Key1",
        "sec-websocket-",
        "Expect",
        "HTTP2-Settings",
        "Keep-Alive",
        "Proxy-Authorization",
        "proxy-connection",
        "te",
        "Trailer",
        "",
        "a b",
        "a:",
        "\u{e4}",
        "a\r\n",
    ] {
        assert_eq!(headers.add(name, "x").expect_err(name).kind, Kind::InvalidArgument);
        assert_eq!(headers.set(name, "x").expect_err(name).kind, Kind::InvalidArgument);
    }
    for value in ["a\r\nEvil: 1", "a\nb", "\0", "\x7f"] {
        let error = headers.add("X", value).expect_err(value);
        assert!(!error.message.contains("Evil"), "the value is in the message: {error}");
    }
    headers.add("X", "tab\tand \u{fc}mlaut").expect("a valid value");
    // A header and its value in one string: what is secret of it stays out of the message.
    for name in ["Authorization: Bearer secret", "Cookie=secret\n", " secret"] {
        let error = headers.add(name, "").expect_err(name);
        assert!(!error.message.contains("secret"), "{error}");
    }
}

#[test]
fn a_host_header_is_a_host_and_maybe_a_port() {
    let mut headers = Headers::default();
    for host in [
        "example.com",
        "example.com:8080",
        "127.0.0.1",
        "127.0.0.1:1",
        "[::1]",
        "[::1]:443",
        "a_b",
        "xn--bcher-kva.example",
        "h:0",
    ] {
        headers.add("Host", host).expect(host);
    }
    for host in [
        "",
        " ",
        ":80",
        "h:",
        "h:x",
        "h:+1",
        "h:65536",
        "h:1:2",
        "a b",
        " h",
        "h ",
        "\th",
        "a,b",
        "user@h",
        "h/path",
        "h?query",
        "h#fragment",
        "http://h",
        "::1",
        "[::1",
        "[]",
        "[h]",
        "[::1]80",
        "[fe80::1%25eth0]",
        "b\u{fc}cher.example",
    ] {
        assert_eq!(headers.add("Host", host).expect_err(host).kind, Kind::InvalidArgument);
        assert_eq!(headers.set("host", host).expect_err(host).kind, Kind::InvalidArgument);
    }
    assert_eq!(headers.get("Host"), Some("h:0"));
}

#[test]
fn folded_fields_are_read_with_blanks_in_place_of_the_line_ends() {
    let head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade:\r\n websocket\r\nX-Long: a,\r\n\tb,\n c\r\n \r\nConnection: \
         keep-alive,\r\n Upgrade\r\nSec-WebSocket-Accept: {ACCEPT}\r\n  \r\n\r\n"
    );
    let opened = answer(&head).expect("folded").expect("complete");
    let value = opened.response.values("X-Long").next().expect("the field");
    assert_eq!(String::from_utf8_lossy(value).split_whitespace().collect::<Vec<_>>(), ["a,", "b,", "c"]);
    assert!(!value.iter().any(|byte| b"\r\n".contains(byte)), "{value:?}");
    // A blank behind the status line folds nothing.
    assert_eq!(refused(&(agreed().replacen("\r\n", "\r\n ", 1) + "\r\n")).kind, Kind::HandshakeInvalid);
    // What is folded cannot be another field.
    let hidden = agreed().replace("Sec-WebSocket-Accept", "X-Header: a\r\n Sec-WebSocket-Accept") + "\r\n";
    assert!(refused(&hidden).message.contains("no Sec-WebSocket-Accept"));
    let challenge =
        "HTTP/1.1 401 No\r\nWWW-Authenticate: Digest realm=\"a\",\r\n nonce=\"b\",\r\n\tqop=\"auth\"\r\n\r\n";
    let refusal = refused_with(challenge);
    let values: Vec<_> = refusal.values("WWW-Authenticate").map(String::from_utf8_lossy).collect();
    assert_eq!(values, ["Digest realm=\"a\",   nonce=\"b\",  \tqop=\"auth\""]);
}

fn refused_with(head: &str) -> Refusal {
    let mut handshake = handshake(&[]);
    let outcome = handshake.receive(head.as_bytes());
    let error = outcome.map_or_else(|error| error, |_| handshake.interrupted());
    *error.refusal.expect("the answer")
}

#[test]
fn the_cost_of_small_chunks_is_linear() {
    let chunks = "1\r\na\r\n".repeat(60_000);
    let (status, body) = body_of("HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n", &[chunks.as_bytes()]);
    assert_eq!((status, body.len()), (500, 60_000));
    for length in ["+3", "-3", "0x3", "99999999999999999999999999"] {
        let head = format!("HTTP/1.1 500 No\r\nContent-Length: {length}\r\n\r\n");
        assert_eq!(body_of(&head, &[b"until ", b"the end"]), (500, b"until the end".to_vec()), "{length}");
    }
}

proptest! {
    #[test]
    fn the_chunking_of_the_answer_makes_no_difference(
        cut in 1..200_usize,
        head in prop::sample::select(vec![
            agreed() + "\r\nrest",
            agreed() + "Sec-WebSocket-Protocol: other\r\n\r\n",
            "HTTP/1.1 103 Early\r\n\r\n".to_owned() + &agreed() + "\r\n",
            "HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nabc".to_owned(),
            "HTTP/1.1 401 No\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n".to_owned(),
        ]),
    ) {
        let summary = |outcome: Result<Option<HandshakeResponse>, Error>| match outcome {
            Ok(Some(opened)) => format!("{:?} {:?}", opened.response, opened.subprotocol),
            Ok(None) => "more".to_owned(),
            Err(error) => format!("{error:?}"),
        };
        let whole = summary(answer(&head));
        let mut handshake = handshake(&["chat", "superchat"]);
        let mut outcome = Ok(None);
        for piece in head.as_bytes().chunks(cut) {
            if !matches!(outcome, Ok(None)) {
                break;
            }
            outcome = handshake.receive(piece);
        }
        prop_assert_eq!(summary(outcome), whole);
    }

    #[test]
    fn any_answer_is_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), http: bool) {
        let mut handshake = handshake(&[]);
        let start: &[u8] = if http { b"HTTP/1.1 101 " } else { b"" };
        let _ = handshake.receive(&[start, &bytes, b"\r\n\r\n"].concat());
    }
}

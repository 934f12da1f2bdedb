//! RFC 9110 and 9112: header fields of requests, the head and the body of an answer, and tunnels through proxies.

use ktorws::error::{Error, Kind, Phase, Result};
use ktorws::http::auth_challenge::{self, Challenge};
use ktorws::http::{Connect, HeadReader, Headers, PROXY, Peer, ResponseBody, ResponseHead, SERVER, Upgrade as _};

const KIB_64: usize = 64 * 1024;

fn head(status: u16, fields: &[(&str, &str)]) -> ResponseHead {
    let headers = fields.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect();
    ResponseHead { status, is_http_1_1: true, headers }
}

#[test]
fn a_header_field_that_may_come_once_replaces_the_one_before() {
    for name in ["Authorization", "Host", "Origin", "User-Agent"] {
        let mut headers = Headers::default();
        headers.add("X-Before", "1").expect("a valid header");
        headers.add(name, "first").expect("a valid header");
        headers.add(&name.to_uppercase(), "second").expect("a valid header");
        let fields: Vec<_> = headers.iter().collect();
        assert_eq!(fields, [("X-Before", "1"), (name.to_uppercase().as_str(), "second")]);
    }
}

#[test]
fn header_fields_are_added_set_and_removed_by_name() {
    let mut headers = Headers::default();
    headers.add("X-Many", "1").expect("a valid header");
    headers.add("x-many", "2").expect("a valid header");
    headers.add("X-Other", "3").expect("a valid header");
    assert_eq!((headers.get("X-MANY"), headers.get("X-None")), (Some("1"), None));
    assert_eq!(headers.iter().count(), 3);
    headers.set("X-Many", "4").expect("a valid header");
    assert_eq!(headers.iter().collect::<Vec<_>>(), [("X-Other", "3"), ("X-Many", "4")]);
    headers.remove("x-other").expect("a valid name");
    assert_eq!(headers.iter().collect::<Vec<_>>(), [("X-Many", "4")]);
    assert_eq!(headers.remove("Upgrade").expect_err("a field of the handshake").kind, Kind::InvalidArgument);
    let error = headers.remove("X-Token: secret").expect_err("no token");
    // The message does not show what follows the name: it may be a secret.
    let message = "a header name that begins with \"X-Token\" is not a token";
    assert_eq!((error.kind, &*error.message), (Kind::InvalidArgument, message));
    assert_eq!(headers.set("X", "a\nb").expect_err("a line end").kind, Kind::InvalidArgument);
}

#[test]
fn elements_of_a_list_come_from_all_its_lines() {
    let head = head(200, &[("Vary", " a ,, b,"), ("Server", "x"), ("vary", "c")]);
    assert_eq!(head.values("VARY").collect::<Vec<_>>(), [&b" a ,, b,"[..], b"c"]);
    assert_eq!(head.elements("Vary").collect::<Vec<_>>(), [b"a", b"b", b"c"]);
    assert_eq!(head.elements("Via").count(), 0);
}

#[test]
fn a_head_is_complete_at_its_empty_line() {
    for (before, end) in
        [("HTTP/1.1 200 OK\r\nA: b\r\n", "\r\n"), ("HTTP/1.1 200 OK\nA: b\n", "\n"), ("HTTP/1.1 200\r\nA: b\n", "\r\n")]
    {
        let mut reader = HeadReader::new(SERVER);
        for byte in before.bytes() {
            reader.push(&[byte]);
            assert_eq!(reader.poll().expect("the beginning of a head"), None);
        }
        reader.push(end.as_bytes());
        reader.push(b"\n\nrest");
        let head = reader.poll().expect("a head").expect("a complete head");
        assert_eq!((head.status, head.headers), (200, vec![("A".to_owned(), b"b".to_vec())]));
        assert_eq!(reader.received(), before.len() + end.len() + 6);
        assert_eq!(reader.into_rest(), b"\n\nrest");
    }
}

#[test]
fn heads_count_together_and_what_is_behind_them_does_not() {
    let interim = "HTTP/1.1 103 Early Hints\r\n\r\n";
    let last = |size: usize| {
        let frame = "HTTP/1.1 200 OK\r\nA: \r\n\r\n".len();
        format!("HTTP/1.1 200 OK\r\nA: {}\r\n\r\n", "x".repeat(size - frame))
    };
    let both = |size: usize| {
        let mut reader = HeadReader::new(PROXY);
        reader.push(interim.as_bytes());
        assert_eq!(reader.poll().expect("a head").expect("a complete head").status, 103);
        reader.push(last(size).as_bytes());
        reader.push(&[b'.'; 2 * KIB_64]);
        reader.poll()
    };
    assert_eq!(both(KIB_64 - interim.len()).expect("64 KiB").expect("a complete head").status, 200);
    let error = both(KIB_64 - interim.len() + 1).expect_err("a byte more");
    assert_eq!((error.kind, &*error.message), (Kind::Proxy, "the proxy's answer has a head longer than 65536 bytes"));

    // Without its end: exactly 64 KiB may still be complete with the next byte.
    let mut reader = HeadReader::new(PROXY);
    reader.push(&last(KIB_64 + 1).as_bytes()[..KIB_64]);
    assert_eq!(reader.poll().expect("not too long yet"), None);
    reader.push(b"\r");
    assert_eq!(reader.poll().expect_err("a byte more").kind, Kind::Proxy);
}

/// A head with so many of the shortest fields.
fn poll_fields(from: Peer, count: usize) -> Result<Option<ResponseHead>> {
    let mut reader = HeadReader::new(from);
    reader.push(b"HTTP/1.1 200 OK\n");
    reader.push("a:\n".repeat(count).as_bytes());
    reader.push(b"\n");
    reader.poll()
}

#[test]
fn a_head_has_1024_fields_at_most() {
    for count in [1, 64, 65, 1023, 1024] {
        let head = poll_fields(SERVER, count).expect("a head").expect("a complete head");
        assert_eq!(head.headers.len(), count);
    }
    for count in [1025, 21_000] {
        let error = poll_fields(SERVER, count).expect_err("too many fields");
        let message = "the server's answer has more than 1024 header fields";
        assert_eq!((error.kind, &*error.message), (Kind::HandshakeInvalid, message));
        assert_eq!(poll_fields(PROXY, count).expect_err("too many fields").kind, Kind::Proxy);
    }
}

#[test]
fn fields_that_cannot_be_read_are_ignored_in_a_refusal_only() {
    let poll = |status: u16| {
        let mut reader = HeadReader::new(SERVER);
        reader.push(format!("HTTP/1.1 {status} Odd\r\nA b: c\r\nD: e\r\n\r\n").as_bytes());
        reader.poll()
    };
    for status in [200, 404] {
        let head = poll(status).expect("a head").expect("a complete head");
        assert_eq!((head.status, head.headers), (status, vec![("D".to_owned(), b"e".to_vec())]));
    }
    for status in [101, 199] {
        assert_eq!(poll(status).expect_err("a malformed head").kind, Kind::HandshakeInvalid);
    }
}

#[test]
fn a_status_line_is_not_folded() {
    let poll = |bytes: &[u8]| {
        let mut reader = HeadReader::new(SERVER);
        reader.push(bytes);
        reader.poll()
    };
    for start in ["HTTP/1.1 101 Switching", "HTTP/1.1 101"] {
        let error =
            poll(format!("{start}\r\n Protocols\r\nA: b\r\n\r\n").as_bytes()).expect_err("a field without a name");
        assert_eq!(error.kind, Kind::HandshakeInvalid);
        let head = poll(format!("{start}\r\nA: b\r\n c\r\n\r\n").as_bytes()).expect("a head").expect("a complete head");
        assert_eq!(head.headers, [("A".to_owned(), b"b   c".to_vec())]);
    }
}

#[test]
fn the_delimiters_of_a_body() {
    let complete = |head: &ResponseHead, body: &[u8]| {
        let mut read = ResponseBody::new(head);
        (read.push(body), read.into_bytes())
    };
    for status in [204, 304] {
        assert_eq!(complete(&head(status, &[("Content-Length", "3")]), b"abc"), (true, vec![]));
    }
    assert_eq!(complete(&head(404, &[("Content-Length", "3")]), b"ab"), (false, b"ab".to_vec()));
    assert_eq!(complete(&head(404, &[("Content-Length", "3")]), b"abc"), (true, b"abc".to_vec()));
    assert_eq!(complete(&head(404, &[("Content-Length", "0")]), b"abc"), (true, vec![]));
    // A length that is no number is none.
    assert_eq!(complete(&head(404, &[("Content-Length", "three")]), b"abc"), (false, b"abc".to_vec()));
    assert_eq!(complete(&head(404, &[]), b"abc"), (false, b"abc".to_vec()));
    // The transfer encoding counts for more than the length, and only its last one.
    let both = head(404, &[("Content-Length", "1"), ("Transfer-Encoding", "gzip, Chunked")]);
    assert_eq!(complete(&both, b"2\r\nab\r\n0\r\n\r\n"), (true, b"ab".to_vec()));
    let other = head(404, &[("Content-Length", "1"), ("Transfer-Encoding", "chunked, gzip")]);
    assert_eq!(complete(&other, b"2\r\n"), (true, b"2".to_vec()));
}

#[test]
fn a_body_of_known_length_comes_in_pieces() {
    let mut body = ResponseBody::new(&head(404, &[("Content-Length", "7")]));
    assert!(!body.push(b"abc"));
    assert!(!body.push(b"def"));
    assert!(body.push(b"ghi"));
    assert!(body.push(b"jkl"));
    assert_eq!(body.into_bytes(), b"abcdefg");
}

#[test]
fn chunks_in_any_pieces() {
    let wire = b"3\r\nabc\r\n00a;name=\"value\"\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n";
    for size in 1..wire.len() {
        let mut body = ResponseBody::new(&head(404, &[("Transfer-Encoding", "chunked")]));
        let complete = wire.chunks(size).filter(|piece| body.push(piece)).count();
        assert!(complete >= 1, "pieces of {size}");
        assert_eq!(body.into_bytes(), b"abc0123456789", "pieces of {size}");
    }
}

#[test]
fn malformed_chunks_end_a_body() {
    let read = |wire: &[u8]| {
        let mut body = ResponseBody::new(&head(404, &[("Transfer-Encoding", "chunked")]));
        (body.push(wire), body.into_bytes())
    };
    assert_eq!(read(b"3\r\nabc"), (false, b"abc".to_vec()));
    assert_eq!(read(b"3\r\nabc\r\n"), (false, b"abc".to_vec()));
    assert_eq!(read(b"3\r\nabc\r\n\r\n"), (true, b"abc".to_vec()));
    assert_eq!(read(b"3\r\nabcx"), (true, b"abc".to_vec()));
    // A line with a chunk's size has 4096 bytes at most.
    let line = |size: usize| format!("3;{}\r\nabc", "x".repeat(size - 4)).into_bytes();
    assert_eq!(read(&line(4096)), (false, b"abc".to_vec()));
    assert_eq!(read(&line(4097)), (true, vec![]));
    assert_eq!(read(&line(5000)[..4095]), (false, vec![]));
    assert_eq!(read(&line(5000)[..4096]), (true, vec![]));
    let behind = |length: usize| [b"1\r\nx\r\n", &line(5000)[..length]].concat();
    assert_eq!(read(&behind(4095)), (false, b"x".to_vec()));
    assert_eq!(read(&behind(4096)), (true, b"x".to_vec()));
}

#[test]
fn of_a_long_body_64_kib_are_kept() {
    for fields in [&[][..], &[("Content-Length", "1000000")], &[("Transfer-Encoding", "chunked")]] {
        let mut body = ResponseBody::new(&head(503, fields));
        if fields.iter().any(|(name, _)| *name == "Transfer-Encoding") {
            assert!(!body.push(b"f4240\r\n"));
        }
        assert!(!body.push(&[b'a'; KIB_64 - 1]));
        assert!(body.push(b"bc"));
        assert!(body.push(b"d"));
        let kept = body.into_bytes();
        assert_eq!((kept.len(), &kept[KIB_64 - 2..]), (KIB_64, &b"ab"[..]));
    }
}

fn tunnel(credentials: Option<(&str, &str)>) -> Connect {
    let credentials = credentials.map(|(user, password)| (user.to_owned(), password.to_owned()));
    Connect::new("example.com:443", credentials.as_ref())
}

#[test]
fn the_request_for_a_tunnel() {
    let start = "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n";
    assert_eq!(tunnel(None).request(), format!("{start}\r\n").as_bytes());
    let login = tunnel(Some(("user", "pass:word")));
    assert_eq!(login.request(), format!("{start}Proxy-Authorization: Basic dXNlcjpwYXNzOndvcmQ=\r\n\r\n").as_bytes());
}

#[test]
fn a_tunnel_begins_behind_the_head_of_an_answer() {
    for status in [200, 204, 299] {
        let mut connect = tunnel(None);
        assert_eq!(connect.receive(b"HTTP/1.1 100 Continue\r\n\r\n").expect("an interim answer"), None);
        let answer = format!("HTTP/1.0 {status} Established\r\nContent-Length: 100\r\n\r\nearly");
        assert_eq!(connect.receive(answer.as_bytes()).expect("a tunnel"), Some(b"early".to_vec()));
        assert!(!connect.is_refused());
    }
}

#[test]
fn a_tunnel_that_is_refused() {
    for (status, kind) in [(300, Kind::Proxy), (403, Kind::Proxy), (401, Kind::ProxyAuth), (407, Kind::ProxyAuth)] {
        let head = format!("HTTP/1.1 {status} No\r\nContent-Length: 4\r\nVia: x\r\n\r\n");
        let check = |error: Error, body: &[u8]| {
            assert_eq!((error.kind, error.phase), (kind, Some(Phase::Proxy)));
            assert!(error.message.contains(&status.to_string()), "{error}");
            let refusal = error.refusal.expect("the answer");
            assert_eq!((refusal.status, &*refusal.body), (status, body));
            assert_eq!(refusal.values("via").collect::<Vec<_>>(), [b"x"]);
        };
        let mut connect = tunnel(None);
        assert!(!connect.is_refused());
        assert_eq!(connect.receive(head.as_bytes()).expect("the body is to come"), None);
        assert!(connect.is_refused());
        check(connect.receive(b"Nope").expect_err("a refusal"), b"Nope");
        // The end comes before that of the body.
        let mut connect = tunnel(None);
        assert_eq!(connect.receive(format!("{head}No").as_bytes()).expect("the body is to come"), None);
        check(connect.interrupted(), b"No");
    }
}

#[test]
fn an_invalid_proxy_answer_fails_in_the_proxy_phase() {
    let error = tunnel(None).receive(b"SSH-2.0\r\n").expect_err("not HTTP");
    assert_eq!((error.kind, error.phase), (Kind::Proxy, Some(Phase::Proxy)));
    let mut connect = tunnel(None);
    assert_eq!(connect.receive(b"HTTP/1.1 2").expect("a beginning"), None);
    let error = connect.interrupted();
    assert_eq!((error.kind, error.phase, error.is_cut_off), (Kind::Proxy, Some(Phase::Proxy), true));
    assert_eq!(error.message, "the proxy ended the connection after 10 bytes of its answer");
    for (status, works) in [(99, false), (100, true), (199, true), (101, false)] {
        let answer = format!("HTTP/1.1 {status:03} Odd\r\n\r\nHTTP/1.1 200 OK\r\n\r\n");
        assert_eq!(tunnel(None).receive(answer.as_bytes()).is_ok_and(|tunnel| tunnel.is_some()), works, "{status}");
    }
}

#[test]
fn challenges_with_base64_in_place_of_parameters() {
    let shown = |text: &str| -> Vec<(String, usize)> {
        auth_challenge::parse(text)
            .into_iter()
            .map(|Challenge { scheme, parameters }| (scheme, parameters.len()))
            .collect()
    };
    let pair = |scheme: &str, parameters: usize| (scheme.to_owned(), parameters);
    assert_eq!(shown("A abc=, B x=1"), [pair("A", 0), pair("B", 1)]);
    assert_eq!(shown("A abc== , B x=1"), [pair("A", 0), pair("B", 1)]);
    assert_eq!(shown("A -._~+/9z"), [pair("A", 0)]);
    // What is no base64 is a parameter, or the scheme after the one before.
    assert_eq!(shown("A x=1"), [pair("A", 1)]);
    assert_eq!(shown("A =, B"), [] as [(String, usize); 0]);
    assert_eq!(shown("A x y=1"), [pair("A", 0), pair("x", 1)]);
}

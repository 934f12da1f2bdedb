//! Extension negotiation (RFC 6455 section 4.1, RFC 7692 section 7.1): which responses the client accepts.

use ktorws::error::{Error, Kind};
use ktorws::http::Upgrade as _;
use ktorws::http::headers::Headers;
use ktorws::protocol::Extension;
use ktorws::protocol::deflate::{Options, PermessageDeflate};
use ktorws::protocol::handshake::{HandshakeRequest, HandshakeResponse};
use ktorws::protocol::handshake_h1::{Handshake, accept_for};

const NONCE: &[u8; 16] = b"the sample nonce";

/// The offer that the options make, and what comes of an answer to it: the agreed extensions, as text.
fn negotiate(options: Options, answer: &str) -> (String, Result<Vec<String>, Error>) {
    let deflate = PermessageDeflate(options);
    let headers = Headers::default();
    let extensions: [&dyn Extension; 1] = [&deflate];
    let request =
        HandshakeRequest { resource: "/", host: "h", headers: &headers, subprotocols: &[], extensions: &extensions };
    let mut handshake = Handshake::new(request, *NONCE).expect("a valid offer");
    let header = |name: &str| handshake.headers().find(|(n, _)| *n == name).map(|(_, value)| value.to_owned());
    let accept = accept_for(&header("Sec-WebSocket-Key").expect("a key"));
    let offer = header("Sec-WebSocket-Extensions").expect("an offer");
    let head = format!(
        "HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n{answer}\r\n"
    );
    let outcome = handshake.receive(head.as_bytes()).map(|opened| {
        let HandshakeResponse { extensions, .. } = opened.expect("a whole answer");
        extensions.iter().map(|extension| format!("{extension:?}")).collect()
    });
    (offer, outcome)
}

fn answer(options: Options, parameters: &str) -> Result<Vec<String>, Error> {
    negotiate(options, &format!("Sec-WebSocket-Extensions: permessage-deflate{parameters}\r\n")).1
}

fn all() -> Options {
    Options {
        client_max_window_bits: Some(12),
        server_max_window_bits: Some(10),
        client_no_context_takeover: true,
        server_no_context_takeover: true,
        ..Options::default()
    }
}

#[test]
fn the_offer() {
    assert_eq!(negotiate(Options::default(), "").0, "permessage-deflate; client_max_window_bits");
    assert_eq!(
        negotiate(all(), "").0,
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=10; \
         client_max_window_bits=12"
    );
}

#[test]
fn an_offer_can_leave_client_max_window_bits_out() {
    let bare = Options { omits_client_max_window_bits: true, ..Options::default() };
    assert_eq!(negotiate(bare, "").0, "permessage-deflate");
    let small = Options { client_max_window_bits: Some(9), server_max_window_bits: Some(10), ..bare };
    assert_eq!(negotiate(small, "").0, "permessage-deflate; server_max_window_bits=10");
    for parameters in ["", "; server_no_context_takeover", "; client_no_context_takeover", "; server_max_window_bits=9"]
    {
        answer(bare, parameters).expect(parameters);
    }
    answer(small, "; server_max_window_bits=10").expect("an answer");
    let error = answer(bare, "; client_max_window_bits=15").expect_err("it was not offered");
    assert!(error.message.contains("RFC 7692 section 7.1.2.2"), "{error}");
    answer(small, "").expect_err("it was asked for");
}

#[test]
fn a_second_offer_without_parameters() {
    let both = Options { offers_fallback: true, ..all() };
    assert_eq!(
        negotiate(both, "").0,
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=10; \
         client_max_window_bits=12, permessage-deflate"
    );
    // An answer to either of them.
    for parameters in [
        "; server_no_context_takeover; server_max_window_bits=10",
        "; server_no_context_takeover; server_max_window_bits=8; client_max_window_bits=12",
        "",
        "; server_no_context_takeover",
        "; client_no_context_takeover",
        "; server_max_window_bits=15",
    ] {
        answer(both, parameters).expect(parameters);
    }
    // And to none.
    for parameters in [
        "; client_max_window_bits=12",
        "; server_no_context_takeover; server_max_window_bits=10; client_max_window_bits=13",
        "; unknown",
        ", permessage-deflate",
    ] {
        assert_eq!(answer(both, parameters).expect_err(parameters).kind, Kind::HandshakeInvalid);
    }
    // What has no parameters is offered once.
    let bare = Options { offers_fallback: true, omits_client_max_window_bits: true, ..Options::default() };
    assert_eq!(negotiate(bare, "").0, "permessage-deflate");
}

#[test]
fn a_server_need_not_agree() {
    assert_eq!(negotiate(Options::default(), "").1.expect("no extension"), [""; 0]);
}

#[test]
fn answers_to_the_default_offer() {
    for parameters in [
        "",
        "; server_no_context_takeover",
        "; client_no_context_takeover",
        "; server_max_window_bits=8; client_max_window_bits=15",
        "; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=15; client_max_window_bits=8",
    ] {
        let agreed = answer(Options::default(), parameters).expect(parameters);
        assert_eq!(agreed, [format!("permessage-deflate; {}", parameters.trim_start_matches("; "))]);
    }
    let agreed = answer(Options::default(), " ;server_max_window_bits = \"10\" ").expect("another spelling");
    assert_eq!(agreed, ["permessage-deflate; server_max_window_bits=10"]);
}

#[test]
fn what_is_no_answer_to_an_offer() {
    for parameters in [
        "; unknown",
        "; Server_no_context_takeover",
        "; server_no_context_takeover=1",
        "; server_no_context_takeover; server_no_context_takeover",
        "; server_max_window_bits=10; server_max_window_bits=10",
        "; server_max_window_bits",
        "; server_max_window_bits=7",
        "; server_max_window_bits=16",
        "; server_max_window_bits=08",
        "; server_max_window_bits=+8",
        "; server_max_window_bits=x",
        "; client_max_window_bits",
        "; client_max_window_bits=16",
        ", permessage-deflate",
        ", foo",
        "; ",
    ] {
        let error = answer(Options::default(), parameters).expect_err(parameters);
        assert_eq!(error.kind, Kind::HandshakeInvalid, "{parameters}: {error}");
    }
}

#[test]
fn what_was_asked_for_has_to_be_granted() {
    let granted = "; server_no_context_takeover; server_max_window_bits=10";
    answer(all(), granted).expect("as asked for");
    answer(all(), "; server_no_context_takeover; server_max_window_bits=9").expect("less than asked for");
    answer(all(), &format!("{granted}; client_max_window_bits=12")).expect("as offered");
    for parameters in [
        "",
        "; server_no_context_takeover",
        "; server_max_window_bits=10",
        "; server_no_context_takeover; server_max_window_bits=11",
        &format!("{granted}; client_max_window_bits=13"),
    ] {
        let error = answer(all(), parameters).expect_err(parameters);
        assert_eq!(error.kind, Kind::HandshakeInvalid, "{parameters}: {error}");
    }
}

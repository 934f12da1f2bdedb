//! Handshake messages: the handshake itself, session tickets and key updates.

use std::io::Write as _;

use rustls::{AlertDescription, HandshakeKind};

use super::{Pair, TLS12, TLS13, client_config, server_config, tls_error};

#[test]
fn application_data_behind_the_handshake() {
    let mut config = server_config(TLS13);
    config.send_half_rtt_data = true;
    let mut pair = Pair::new(config);
    pair.stream.sender.flush().unwrap();
    pair.server_reads();
    pair.server_sends(b"early bird");
    pair.stream.receive_tls_handshake().unwrap();
    assert!(!pair.stream.is_tls_handshaking());
    assert_eq!(pair.receive_all(5), b"early bird");
    pair.stream.sender.flush().unwrap();
    pair.server_reads();
    pair.echoes();
}

/// A handshake message arrives in several records, and the client sends before the last one.
#[test]
fn handshake_messages_in_small_records() {
    for versions in [TLS12, TLS13] {
        let mut config = server_config(versions);
        config.max_fragment_size = Some(40);
        let mut pair = Pair::new(config);
        pair.shake_hands(3);
        let tickets = pair.server_bytes();
        for bytes in tickets.chunks(10) {
            pair.socket.write_all(bytes).unwrap();
            assert_eq!(pair.receive_all(100), b"");
            assert_eq!(pair.stream.sender.send(b"in between").unwrap(), 10);
            assert_eq!(pair.server_reads(), b"in between");
        }
        pair.echoes();
    }
}

#[test]
fn key_updates_are_followed_and_answered() {
    let mut pair = Pair::open(server_config(TLS13));
    for _ in 0..3 {
        pair.server.refresh_traffic_keys().unwrap();
        pair.echoes();
        // Nothing is sent in between.
        pair.server.refresh_traffic_keys().unwrap();
        pair.server.refresh_traffic_keys().unwrap();
        pair.server_sends(b"new keys");
        assert_eq!(pair.receive_all(100), b"new keys");
    }
    pair.echoes();
    pair.server.refresh_traffic_keys().unwrap();
    pair.stays_silent();
    pair.stream.sender.finish();
    pair.server_reads();
    assert!(pair.server.process_new_packets().unwrap().peer_has_closed());
}

#[test]
fn tickets_resume() {
    for versions in [TLS12, TLS13] {
        let shared = client_config();
        let mut server = server_config(versions);
        server.ticketer = rustls::crypto::ring::Ticketer::new().unwrap();
        for expected in [HandshakeKind::Full, HandshakeKind::Resumed, HandshakeKind::Resumed] {
            let mut pair = Pair::between(&shared, server.clone());
            pair.shake_hands(usize::MAX);
            pair.stays_silent();
            pair.echoes();
            assert_eq!(pair.server.handshake_kind(), Some(expected));
        }
    }
}

#[test]
fn what_is_not_tls_is_refused_at_its_first_bytes() {
    for greeting in ["SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1 400 Bad Request\r\n", "\x16\x03\x03\u{7f}\u{7f}"] {
        let mut pair = Pair::new(server_config(TLS13));
        pair.stream.sender.flush().unwrap();
        pair.server_reads();
        pair.socket.write_all(greeting.as_bytes()).unwrap();
        let error = pair.stream.receive_tls_handshake().unwrap_err();
        assert!(matches!(tls_error(&error), rustls::Error::InvalidMessage(_)), "{error}");
        pair.stream.sender.flush().unwrap();
        pair.server.read_tls(&mut pair.socket).unwrap();
        let error = pair.server.process_new_packets().unwrap_err();
        assert_eq!(error, rustls::Error::AlertReceived(AlertDescription::DecodeError));
    }
}

#[test]
fn a_handshake_message_in_endless_records_is_refused() {
    let mut pair = Pair::new(server_config(TLS13));
    pair.stream.sender.flush().unwrap();
    // A ServerHello of 60000 bytes, one byte per record.
    let mut records = [[0x16, 3, 3, 0, 1, 0]; 1000];
    for (record, byte) in records.iter_mut().zip([2, 0, 0xea, 0x60]) {
        record[5] = byte;
    }
    let refused = (0..60).any(|_| {
        pair.socket.write_all(records.as_flattened()).unwrap();
        // The other bytes are zeros.
        records = [[0x16, 3, 3, 0, 1, 0]; 1000];
        pair.stream.receive_tls_handshake().is_err()
    });
    assert!(refused);
}

//! The end of a TLS stream.

use std::io::{Read as _, Write as _};

use rustls::AlertDescription;

use super::{Pair, TLS12, TLS13, server_config, tls_error};

#[test]
fn close_notify_ends_the_stream_behind_its_data() {
    for versions in [TLS12, TLS13] {
        let mut pair = Pair::open(server_config(versions));
        pair.server.writer().write_all(b"last words").unwrap();
        pair.server.send_close_notify();
        let mut bytes = pair.server_bytes();
        bytes.extend_from_slice(b"ignored");
        pair.socket.write_all(&bytes).unwrap();
        assert_eq!(pair.receive(100).unwrap(), b"last words");
        assert_eq!(pair.receive(100).unwrap(), b"");
        assert_eq!(pair.receive(100).unwrap(), b"");
        // The other direction is still open.
        assert_eq!(pair.stream.sender.send(b"answer").unwrap(), 6);
        assert_eq!(pair.server_reads(), b"answer");
        pair.stream.sender.finish();
        pair.server_reads();
        assert!(pair.server.process_new_packets().unwrap().peer_has_closed());
    }
}

#[test]
fn the_end_of_the_socket_is_an_end() {
    let mut pair = Pair::open(server_config(TLS13));
    pair.server_sends(b"half a rec");
    pair.server.writer().write_all(b"ord").unwrap();
    let bytes = pair.server_bytes();
    pair.socket.write_all(&bytes[..9]).unwrap();
    pair.socket.shutdown(std::net::Shutdown::Write).unwrap();
    assert_eq!(pair.receive(100).unwrap(), b"half a rec");
    assert_eq!(pair.receive(100).unwrap(), b"");
}

#[test]
fn a_bad_record_is_answered_with_an_alert() {
    for versions in [TLS12, TLS13] {
        let mut pair = Pair::open(server_config(versions));
        pair.server.writer().write_all(b"good").unwrap();
        let mut bytes = pair.server_bytes();
        pair.server.writer().write_all(b"bad").unwrap();
        bytes.extend_from_slice(&pair.server_bytes());
        *bytes.last_mut().unwrap() ^= 1;
        pair.socket.write_all(&bytes).unwrap();
        assert_eq!(pair.receive(100).unwrap(), b"good");
        for _ in 0..2 {
            assert_eq!(tls_error(&pair.receive(100).unwrap_err()), &rustls::Error::DecryptError);
        }
        assert!(pair.stream.receiver.wants_flush() && pair.stream.sender.is_flushing());
        pair.stream.sender.flush().unwrap();
        assert!(!pair.stream.receiver.wants_flush() && !pair.stream.sender.is_flushing());
        pair.server.read_tls(&mut pair.socket).unwrap();
        let error = pair.server.process_new_packets().unwrap_err();
        assert_eq!(error, rustls::Error::AlertReceived(AlertDescription::BadRecordMac));
        assert_eq!(tls_error(&pair.stream.sender.send(b"too late").unwrap_err()), &rustls::Error::DecryptError);
        pair.stream.sender.finish();
        assert_eq!(pair.socket.read(&mut [0]).unwrap(), 0);
    }
}

#[test]
fn an_alert_of_the_peer_is_an_error() {
    for versions in [TLS12, TLS13] {
        let mut pair = Pair::open(server_config(versions));
        pair.stream.sender.send(b"hello").unwrap();
        let mut record = [0; 100];
        let size = pair.socket.read(&mut record).unwrap();
        record[size - 1] ^= 1;
        pair.server.read_tls(&mut &record[..size]).unwrap();
        pair.server.process_new_packets().unwrap_err();
        let bytes = pair.server_bytes();
        pair.socket.write_all(&bytes).unwrap();
        let error = pair.receive(100).unwrap_err();
        assert_eq!(tls_error(&error), &rustls::Error::AlertReceived(AlertDescription::BadRecordMac));
    }
}

//! Plaintext through records that arrive in any pieces.

use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use super::{Pair, TLS12, TLS13, client_config, pattern, server_config, stream};
use crate::transport::{DirectStream, Waiting};

#[test]
fn records_split_at_any_byte() {
    for versions in [TLS12, TLS13] {
        let mut pair = Pair::new(server_config(versions));
        pair.shake_hands(1);
        pair.stays_silent();
        pair.server.writer().write_all(b"first").unwrap();
        let mut bytes = pair.server_bytes();
        pair.server.writer().write_all(b"second").unwrap();
        let first = bytes.len();
        bytes.extend_from_slice(&pair.server_bytes());
        for (index, byte) in bytes.iter().enumerate() {
            pair.socket.write_all(&[*byte]).unwrap();
            let expected: &[u8] = match index + 1 {
                complete if complete == first => b"first",
                complete if complete == bytes.len() => b"second",
                _ => b"",
            };
            assert_eq!(pair.receive_all(100), expected);
        }
        pair.echoes();
    }
}

#[test]
fn many_records_in_one_segment_and_buffers_of_any_size() {
    for size in [1, 7, 100, 4096, 1 << 20] {
        let mut pair = Pair::open(server_config(TLS13));
        let (mut bytes, mut expected) = (Vec::new(), Vec::new());
        for index in 0..100 {
            let message = pattern(index * 11 + 1);
            pair.server.writer().write_all(&message).unwrap();
            bytes.extend_from_slice(&pair.server_bytes());
            expected.extend_from_slice(&message);
        }
        pair.socket.write_all(&bytes).unwrap();
        let first = pair.receive(size).unwrap();
        assert!(first == expected[..first.len()] && first.len() >= size.min(16_000), "{}", first.len());
        pair.stream.receiver.release();
        assert!(pair.receive_all(size) == expected[first.len()..]);
        pair.stream.receiver.release();
        pair.echoes();
    }
}

#[test]
fn much_in_both_directions() {
    for versions in [TLS12, TLS13] {
        let mut pair = Pair::open(server_config(versions));
        let message = pattern(1 << 20);
        let (mut sent, mut at_server) = (0, Vec::new());
        while sent < message.len() || pair.stream.sender.is_flushing() {
            match pair.stream.sender.send(&message[sent..]) {
                Ok(count) => sent += count,
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
            pair.stream.sender.release();
            let read = pair.server_reads();
            at_server.extend_from_slice(&read);
            if sent == message.len() {
                let _ = pair.stream.sender.flush();
            }
        }
        at_server.extend_from_slice(&pair.server_reads());
        assert!(at_server == message);
        let mut at_client = Vec::new();
        for piece in message.chunks(50_000) {
            pair.server_sends(piece);
            at_client.extend_from_slice(&pair.receive_all(30_000));
        }
        assert!(at_client == message);
        pair.stream.sender.release();
        pair.stream.receiver.release();
        pair.echoes();
    }
}

#[test]
fn waiting_in_the_kernel_ends_with_each_arrival() {
    let mut pair = Pair::open(server_config(TLS13));
    pair.server.writer().write_all(b"in two parts").unwrap();
    let bytes = pair.server_bytes();
    let (first, second) = bytes.split_at(20);
    pair.socket.write_all(first).unwrap();
    let Pair { mut stream, mut socket, .. } = pair;
    std::thread::scope(|scope| {
        let receiver = scope.spawn(|| {
            let mut buffer = [0; 100];
            // The bytes are not a complete record. The caller can check its deadline.
            let error = stream.receiver.receive(&mut buffer, Waiting::Kernel).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Interrupted);
            socket.write_all(second).unwrap();
            let count = stream.receiver.receive(&mut buffer, Waiting::Kernel).unwrap();
            assert_eq!(&buffer[..count], b"in two parts");
        });
        receiver.join().unwrap();
    });
}

#[test]
fn waiting_in_the_kernel_ends_with_the_sockets_timeout() {
    let shared = client_config();
    let (near, _far) = UnixStream::pair().unwrap();
    near.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
    let mut stream = stream(near, &shared);
    let error = stream.receiver.receive(&mut [0; 100], Waiting::Kernel).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
}

/// Two threads use the halves, with frequent key updates.
#[test]
fn two_threads() {
    const ROUNDS: usize = 200;
    let Pair { stream, mut server, mut socket } = Pair::open(server_config(TLS13));
    socket.set_nonblocking(false).unwrap();
    let DirectStream { mut receiver, mut sender } = stream;
    let message = pattern(20_000);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..ROUNDS {
                let mut rest = &message[..];
                while !rest.is_empty() || sender.is_flushing() {
                    match sender.send(rest) {
                        Ok(count) => rest = &rest[count..],
                        Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
                    }
                    std::thread::yield_now();
                }
            }
        });
        scope.spawn(|| {
            let (mut received, mut buffer) = (0, [0; 5000]);
            while received < ROUNDS * message.len() {
                let count = match receiver.receive(&mut buffer, Waiting::Kernel) {
                    Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                    received => received.unwrap(),
                };
                for (index, byte) in buffer[..count].iter().enumerate() {
                    assert_eq!(*byte, message[(received + index) % message.len()]);
                }
                received += count;
            }
        });
        let mut echoed = 0;
        while echoed < ROUNDS * message.len() {
            server.read_tls(&mut socket).unwrap();
            server.process_new_packets().unwrap();
            let mut plaintext = Vec::new();
            let _ = server.reader().read_to_end(&mut plaintext);
            echoed += plaintext.len();
            server.writer().write_all(&plaintext).unwrap();
            while server.wants_write() {
                server.write_tls(&mut socket).unwrap();
            }
            // rustls refuses many key updates without application data in between.
            if !plaintext.is_empty() {
                server.refresh_traffic_keys().unwrap();
            }
        }
    });
}

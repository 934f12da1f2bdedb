//! Sends a request over a stream and reads its answer, which may arrive before the whole request is sent.

use std::io;
use std::time::{Duration, Instant};

use crate::error::{Error, Kind, Phase, Result};
use crate::http::Upgrade;
use crate::transport::limit::{Step, TimeLimit};
use crate::transport::{Readiness, Socket, Stream, Waiting, tls};

/// How long to wait for the body of a refusal, and for an answer to a request that could not be sent.
const REFUSAL_WAIT: Duration = Duration::from_secs(1);

const BUFFER_SIZE: usize = 4096;

/// The outcome of a step of sending.
enum Progress {
    Sent(usize),
    Flushed,
    /// The peer answers already.
    Received(usize),
}

/// Returns what the exchange yields when it is accepted. `early` precedes the bytes of the stream.
pub(crate) fn exchange<E: Upgrade>(
    stream: &mut Stream,
    socket: &Socket,
    step: &Step,
    exchange: &mut E,
    early: Vec<u8>,
    limit: TimeLimit<'_>,
) -> Result<E::Accepted> {
    let mut accepted = if early.is_empty() { None } else { receive(exchange, step, &early)? };
    drop(early);
    let unsent = send(stream, socket, step, exchange, &mut accepted, limit)?;
    let broken_sending = |error: &io::Error| broken(step, "could not send the request", error);
    let mut buffer = [0; BUFFER_SIZE];
    let mut refusal_deadline = None;
    loop {
        if let Some(accepted) = accepted {
            return unsent.map_or(Ok(accepted), |error| Err(broken_sending(&error)));
        }
        let limit = if exchange.is_refused() || unsent.is_some() {
            limit.until(*refusal_deadline.get_or_insert_with(|| Instant::now() + REFUSAL_WAIT))
        } else {
            limit
        };
        let receiver = &mut stream.receiver;
        let received = limit.hold(step, socket, Readiness::Receive, || receiver.receive(&mut buffer, Waiting::No));
        let count = match received {
            Ok(Ok(count)) => count,
            // The error reports the part of the refusal that has arrived.
            Err(Error { kind: Kind::Timeout, .. }) | Ok(Err(_)) if exchange.is_refused() => 0,
            Err(Error { kind: Kind::Timeout, .. }) if unsent.is_some() => 0,
            Err(error) => return Err(error),
            // The peer's TLS alert explains more than the error of sending.
            Ok(Err(error)) if unsent.is_none() || error.kind() == io::ErrorKind::InvalidData => {
                let _ = stream.sender.flush();
                return Err(broken(step, &format!("the connection was lost while {}", step.doing), &error));
            }
            Ok(Err(_)) => 0,
        };
        accepted = match (count, &unsent) {
            (0, Some(error)) if !exchange.is_refused() => return Err(broken_sending(error)),
            (0, _) => return Err(exchange.interrupted().in_phase(step.phase)),
            (count, _) => receive(exchange, step, &buffer[..count])?,
        };
    }
}

/// Sends the request, unless the peer refuses it meanwhile. Returns the error if sending fails, because an answer may have
/// arrived nevertheless.
fn send<E: Upgrade>(
    stream: &mut Stream,
    socket: &Socket,
    step: &Step,
    exchange: &mut E,
    accepted: &mut Option<E::Accepted>,
    limit: TimeLimit<'_>,
) -> Result<Option<io::Error>> {
    let mut buffer = [0; BUFFER_SIZE];
    let mut sent = 0;
    while !exchange.is_refused() {
        let request = &exchange.request()[sent..];
        let listens = accepted.is_none();
        let readiness = if listens { Readiness::Either } else { Readiness::Send };
        let Stream { sender, receiver } = &mut *stream;
        let progress = limit.hold(step, socket, readiness, || {
            let progress = match request {
                [] => sender.flush().map(|()| Progress::Flushed),
                request => sender.send(request).map(Progress::Sent),
            };
            match progress {
                Err(error) if listens && error.kind() == io::ErrorKind::WouldBlock => {
                    receiver.receive(&mut buffer, Waiting::No).map(Progress::Received)
                }
                progress => progress,
            }
        })?;
        match progress {
            Ok(Progress::Sent(count)) => sent += count,
            Ok(Progress::Flushed) => break,
            Ok(Progress::Received(0)) => return Err(exchange.interrupted().in_phase(step.phase)),
            Ok(Progress::Received(count)) => *accepted = receive(exchange, step, &buffer[..count])?,
            Err(error) => return Ok(Some(error)),
        }
    }
    Ok(None)
}

fn receive<E: Upgrade>(exchange: &mut E, step: &Step, bytes: &[u8]) -> Result<Option<E::Accepted>> {
    exchange.receive(bytes).map_err(|error| error.in_phase(step.phase))
}

/// A server that refuses our certificate under TLS 1.3 says so only now: that is a fault of TLS.
fn broken(step: &Step, doing: &str, error: &io::Error) -> Error {
    let error = tls::error(doing, error);
    let phase = match (error.kind, step.phase) {
        (Kind::Io, phase) | (_, phase @ Phase::Proxy) => phase,
        _ => Phase::Tls,
    };
    error.in_phase(phase)
}

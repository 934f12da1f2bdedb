//! Sends an upgrade request over a stream and reads the response, which may arrive before the whole request is sent.

use std::io;
use std::time::{Duration, Instant};

use crate::error::{Error, Kind, Phase, Result};
use crate::http::Upgrade;
use crate::transport::deadline::{ConnectDeadline, Step};
use crate::transport::{DirectStream, Readiness, Socket, Waiting, tls};

/// How long to wait for the body of a refusal, and for the response to a request that could not be sent.
const REFUSAL_WAIT: Duration = Duration::from_secs(1);

const BUFFER_SIZE: usize = 4096;

/// The result of one call while sending.
enum Progress {
    Sent(usize),
    Flushed,
    /// Bytes of the response have arrived.
    Received(usize),
}

/// Returns the result of the request when the peer accepts it. `early` precedes the bytes of the stream.
pub(crate) fn upgrade<U: Upgrade>(
    stream: &mut DirectStream,
    socket: &Socket,
    step: &Step,
    request: &mut U,
    early: Vec<u8>,
    deadline: ConnectDeadline<'_>,
) -> Result<U::Accepted> {
    let mut accepted = if early.is_empty() { None } else { receive(request, step, &early)? };
    drop(early);
    let unsent = send(stream, socket, step, request, &mut accepted, deadline)?;
    let broken_sending = |error: &io::Error| broken(step, "could not send the request", error);
    let mut buffer = [0; BUFFER_SIZE];
    let mut refusal_deadline = None;
    loop {
        if let Some(accepted) = accepted {
            return unsent.map_or(Ok(accepted), |error| Err(broken_sending(&error)));
        }
        let deadline = if request.is_refused() || unsent.is_some() {
            deadline.until(*refusal_deadline.get_or_insert_with(|| Instant::now() + REFUSAL_WAIT))
        } else {
            deadline
        };
        let receiver = &mut stream.receiver;
        let received =
            deadline.run_until_ready(step, socket, Readiness::Receive, || receiver.receive(&mut buffer, Waiting::No));
        let count = match received {
            Ok(Ok(count)) => count,
            // The refusal is reported with the part of its body that has arrived.
            Err(Error { kind: Kind::Timeout, .. }) | Ok(Err(_)) if request.is_refused() => 0,
            Err(Error { kind: Kind::Timeout, .. }) if unsent.is_some() => 0,
            Err(error) => return Err(error),
            // A TLS alert of the peer says more than the error of sending.
            Ok(Err(error)) if unsent.is_none() || error.kind() == io::ErrorKind::InvalidData => {
                let _ = stream.sender.flush();
                return Err(broken(step, &format!("the connection was lost during {}", step.doing), &error));
            }
            Ok(Err(_)) => 0,
        };
        accepted = match (count, &unsent) {
            (0, Some(error)) if !request.is_refused() => return Err(broken_sending(error)),
            (0, _) => return Err(request.interrupted().in_phase(step.phase)),
            (count, _) => receive(request, step, &buffer[..count])?,
        };
    }
}

/// Sends the request. Stops if the peer refuses it. Returns the error if sending fails, because a response may have arrived
/// nevertheless.
fn send<U: Upgrade>(
    stream: &mut DirectStream,
    socket: &Socket,
    step: &Step,
    request: &mut U,
    accepted: &mut Option<U::Accepted>,
    deadline: ConnectDeadline<'_>,
) -> Result<Option<io::Error>> {
    let mut buffer = [0; BUFFER_SIZE];
    let mut sent = 0;
    while !request.is_refused() {
        let unsent = &request.request()[sent..];
        let listens = accepted.is_none();
        let readiness = if listens { Readiness::Either } else { Readiness::Send };
        let DirectStream { sender, receiver } = &mut *stream;
        let progress = deadline.run_until_ready(step, socket, readiness, || {
            let progress = match unsent {
                [] => sender.flush().map(|()| Progress::Flushed),
                unsent => sender.send(unsent).map(Progress::Sent),
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
            Ok(Progress::Received(0)) => return Err(request.interrupted().in_phase(step.phase)),
            Ok(Progress::Received(count)) => *accepted = receive(request, step, &buffer[..count])?,
            Err(error) => return Ok(Some(error)),
        }
    }
    Ok(None)
}

fn receive<U: Upgrade>(request: &mut U, step: &Step, bytes: &[u8]) -> Result<Option<U::Accepted>> {
    request.receive(bytes).map_err(|error| error.in_phase(step.phase))
}

/// Under TLS 1.3, a server refuses the client's certificate after the handshake. The error then belongs to the TLS phase.
fn broken(step: &Step, doing: &str, error: &io::Error) -> Error {
    let error = tls::error(doing, error);
    let phase = match (error.kind, step.phase) {
        (Kind::Io, phase) | (_, phase @ Phase::Proxy) => phase,
        _ => Phase::Tls,
    };
    error.in_phase(phase)
}

//! Sends a request over a stream and reads its answer.

use std::io;
use std::time::{Duration, Instant};

use crate::error::{Error, Kind, Phase, Result};
use crate::http::Exchange;
use crate::transport::limit::{Step, TimeLimit};
use crate::transport::{Readiness, Socket, Stream, Waiting, tls};

/// How long the body of a refusal is waited for.
const REFUSAL_BODY_WAIT: Duration = Duration::from_secs(1);

/// Returns what a yes brings. `early` has come in front of everything that the stream gives.
pub(crate) fn exchange<E: Exchange>(
    stream: &mut Stream,
    socket: &Socket,
    step: &Step,
    exchange: &mut E,
    early: Vec<u8>,
    limit: TimeLimit<'_>,
) -> Result<E::Accepted> {
    let unsent = |error: io::Error| broken(step, "could not send the request", &error);
    let sender = &mut stream.sender;
    let mut request = exchange.request();
    while !request.is_empty() {
        let sent = limit.hold(step, socket, Readiness::Send, || sender.send(request))?;
        request = &request[sent.map_err(unsent)?..];
    }
    limit.hold(step, socket, Readiness::Send, || sender.flush())?.map_err(unsent)?;
    if !early.is_empty()
        && let Some(accepted) = exchange.receive(&early).map_err(|error| error.in_phase(step.phase))?
    {
        return Ok(accepted);
    }
    drop(early);
    let mut buffer = vec![0; 4096];
    let mut refusal_deadline = None;
    loop {
        let limit = if exchange.is_refused() {
            limit.until(*refusal_deadline.get_or_insert_with(|| Instant::now() + REFUSAL_BODY_WAIT))
        } else {
            limit
        };
        let receiver = &mut stream.receiver;
        let received = limit.hold(step, socket, Readiness::Receive, || receiver.receive(&mut buffer, Waiting::No));
        let count = match received {
            Ok(Ok(count)) => count,
            // What there is of the refusal is told.
            Err(Error { kind: Kind::Timeout, .. }) | Ok(Err(_)) if exchange.is_refused() => 0,
            Err(error) => return Err(error),
            Ok(Err(error)) => {
                let _ = stream.sender.flush();
                return Err(broken(step, &format!("the connection was lost while {}", step.doing), &error));
            }
        };
        let answer = match count {
            0 => Err(exchange.interrupted()),
            count => exchange.receive(&buffer[..count]),
        };
        if let Some(accepted) = answer.map_err(|error| error.in_phase(step.phase))? {
            return Ok(accepted);
        }
    }
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

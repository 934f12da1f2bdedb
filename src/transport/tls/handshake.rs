//! The TLS handshake.

use std::io;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::client::UnbufferedClientConnection;
use rustls::pki_types::ServerName;
use url::Host;

use crate::error::{Error, Kind, Result};
use crate::transport::tls::error::error as tls_error;
use crate::transport::tls::stream::{TlsReceiver, TlsSender};
use crate::transport::{ConnectDeadline, Endpoint, Readiness, Socket, Step, Waiting};

/// Creates a connection to `peer`. The handshake follows. `name` replaces the peer's host as the name to request and verify.
pub(in crate::transport) fn connection(
    config: &Arc<ClientConfig>,
    peer: &Endpoint,
    name: Option<&ServerName<'static>>,
) -> Result<UnbufferedClientConnection> {
    let unfit = |why: &dyn std::fmt::Display| {
        Error::new(Kind::Tls, format!("cannot use TLS with the host {}: {why}", peer.host))
    };
    let name = match (name, &peer.host) {
        (Some(name), _) => name.clone(),
        (None, Host::Domain(name)) => {
            // Certificates do not contain the final dot of a fully qualified name.
            let name = name.strip_suffix('.').unwrap_or(name).to_owned();
            ServerName::try_from(name).map_err(|error| unfit(&error))?
        }
        (None, Host::Ipv4(address)) => ServerName::IpAddress(std::net::IpAddr::from(*address).into()),
        (None, Host::Ipv6(address)) => ServerName::IpAddress(std::net::IpAddr::from(*address).into()),
    };
    UnbufferedClientConnection::new(Arc::clone(config), name).map_err(|error| unfit(&error))
}

/// Performs the handshake on the two halves of a stream.
pub(in crate::transport) fn handshake(
    receiver: &mut TlsReceiver,
    sender: &mut TlsSender,
    socket: &Socket,
    step: &Step,
    deadline: &ConnectDeadline<'_>,
) -> Result<()> {
    let failed = |error: io::Error| tls_error("TLS handshake failed", &error).in_phase(step.phase);
    let (mut has_early, mut has_answered) = (true, false);
    // The last flight of the handshake is sent together with the first application data.
    while receiver.is_handshaking() {
        deadline
            .run_until_ready(step, socket, Readiness::Send, || sender.flush(socket))?
            .map_err(|error| failed(received_alert(receiver, socket).unwrap_or(error)))?;
        let is_early = std::mem::take(&mut has_early);
        let received = if is_early {
            Ok(receiver.receive_early_handshake().map(|()| 1))
        } else {
            deadline
                .run_until_ready(step, socket, Readiness::Receive, || receiver.receive_handshake(socket, Waiting::No))
        };
        match received? {
            Ok(0) => {
                let message = if has_answered {
                    "the server ended the connection"
                } else {
                    "the server ended the connection without an answer: is it one for ws:// or http://?"
                };
                return Err(failed(io::Error::new(io::ErrorKind::UnexpectedEof, message)));
            }
            Ok(_) => has_answered = has_answered || !is_early,
            Err(error) => {
                // Sends the alert that tells the server why the handshake failed.
                let _ = sender.flush(socket);
                return Err(failed(error));
            }
        }
    }
    Ok(())
}

/// Returns the error of the alert that the peer sent before its connection failed.
fn received_alert(receiver: &mut TlsReceiver, socket: &Socket) -> Option<io::Error> {
    loop {
        match receiver.receive_handshake(socket, Waiting::No) {
            Ok(0) => return None,
            Ok(_) => {}
            Err(error) => return (error.kind() == io::ErrorKind::InvalidData).then_some(error),
        }
    }
}

//! Opens a tunnel through a proxy, by CONNECT or by SOCKS 5.

use std::net::SocketAddr;

use ::url::Host;

use crate::error::{Error, Kind, Phase, Result};
use crate::http::Connect;
use crate::transport::proxy::socks5::{Destination, Socks5};
use crate::transport::proxy::url::{Protocol, Proxy};
use crate::transport::{ConnectDeadline, DirectStream, Endpoint, Readiness, Socket, Step, Waiting, upgrade};

const OPENING_TUNNEL: Step = Step { phase: Phase::Proxy, doing: "the tunnel handshake with the proxy" };

/// Opens a tunnel to `address`, or to `to` if there is no address. Returns the bytes that have already arrived through the
/// tunnel.
pub(in crate::transport) fn open_tunnel(
    proxy: &Proxy,
    stream: &mut DirectStream,
    socket: &Socket,
    to: &Endpoint,
    address: Option<SocketAddr>,
    deadline: &ConnectDeadline<'_>,
) -> Result<Vec<u8>> {
    let opened = match proxy.protocol {
        Protocol::Http | Protocol::Https => {
            let mut connect = Connect::new(&to.authority(), proxy.credentials.as_ref());
            upgrade(stream, socket, &OPENING_TUNNEL, &mut connect, Vec::new(), *deadline)
        }
        Protocol::Socks5 | Protocol::Socks5Remote => {
            let to = match (&to.host, address) {
                (_, Some(address)) => Destination::Address(address),
                (Host::Domain(name), None) => Destination::Name(name, to.port),
                (Host::Ipv4(address), None) => Destination::Address((*address, to.port).into()),
                (Host::Ipv6(address), None) => Destination::Address((*address, to.port).into()),
            };
            Socks5::new(to, proxy.credentials.as_ref())
                .and_then(|client| run_socks5(stream, socket, client, deadline))
                .map(|()| Vec::new())
        }
    };
    opened.map_err(|error| proxy.to_proxy_error(error))
}

fn run_socks5(
    stream: &mut DirectStream,
    socket: &Socket,
    mut client: Socks5<'_>,
    deadline: &ConnectDeadline<'_>,
) -> Result<()> {
    let broken = |error: std::io::Error| Error::os(Kind::Proxy, "the connection was lost", &error);
    while !client.is_done() {
        let mut request = client.request();
        while !request.is_empty() {
            let sender = &mut stream.sender;
            let sent = deadline.run_until_ready(&OPENING_TUNNEL, socket, Readiness::Send, || sender.send(request))?;
            request = &request[sent.map_err(broken)?..];
        }
        // Reads only the bytes of the answer. The next byte is the server's.
        let mut answer = vec![0; client.expects()];
        let mut received = 0;
        while received < answer.len() {
            let (space, receiver) = (&mut answer[received..], &mut stream.receiver);
            let count = deadline
                .run_until_ready(&OPENING_TUNNEL, socket, Readiness::Receive, || {
                    receiver.receive(&mut *space, Waiting::No)
                })?
                .map_err(broken)?;
            if count == 0 {
                return Err(Error::new(Kind::Proxy, "it ended the connection instead of answering"));
            }
            received += count;
        }
        client.receive(&answer)?;
    }
    Ok(())
}

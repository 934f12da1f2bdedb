//! Endpoints and IP addresses in text form.

use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};

use rustix::net::{AddressFamily, SocketFlags, SocketType, netdevice, socket_with};
use url::Host;

use crate::error::{Error, Kind, Result};

/// A host and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(crate) host: Host<String>,
    /// The zone of a link-local address (RFC 6874).
    pub(crate) zone: Option<String>,
    pub(crate) port: u16,
}

impl Endpoint {
    /// Returns the address if the host is an IP address.
    pub(super) fn address(&self) -> Result<Option<SocketAddr>> {
        Ok(match &self.host {
            Host::Domain(_) => None,
            Host::Ipv4(address) => Some((*address, self.port).into()),
            Host::Ipv6(address) => Some(SocketAddrV6::new(*address, self.port, 0, scope(self.zone.as_deref())?).into()),
        })
    }

    /// Returns `host:port`, as in a CONNECT request.
    pub(super) fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

/// Parses an address without a port: "127.0.0.1", "::1", "[::1]", "fe80::1%eth0".
pub(crate) fn parse(text: &str) -> Result<SocketAddr> {
    let inner = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let (address, zone) = match inner.split_once('%') {
        Some((address, zone)) => (address, Some(zone)),
        None => (inner, None),
    };
    match (address.parse(), zone) {
        (Ok(IpAddr::V4(address)), None) => Ok((address, 0).into()),
        (Ok(IpAddr::V6(address)), zone) => {
            let scope = scope(zone).map_err(|error| Error { kind: Kind::InvalidArgument, ..error })?;
            Ok(SocketAddrV6::new(address, 0, 0, scope).into())
        }
        _ => Err(Error::new(Kind::InvalidArgument, format!("{text:?} is not an IP address"))),
    }
}

/// Returns the index of a network interface, or 0 without a zone.
fn scope(zone: Option<&str>) -> Result<u32> {
    let Some(zone) = zone else { return Ok(0) };
    if let Ok(number) = zone.parse() {
        return Ok(number);
    }
    let named = || -> rustix::io::Result<u32> {
        let socket = socket_with(AddressFamily::INET6, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?;
        netdevice::name_to_index(&socket, zone)
    };
    named().map_err(|error| {
        Error::os(Kind::Connect, format_args!("there is no network interface {zone:?}"), &error.into())
    })
}

/// Removes the zone from an IPv6 address in a URL. The zone is `%25eth0` (RFC 6874) or `%eth0`. Returns the URL and the zone, or
/// `None` if there is no zone.
pub(super) fn take_zone(url: &str) -> Option<(String, String)> {
    let start = url.find("://")? + 3;
    let end = url[start..].find(['/', '?', '#']).map_or(url.len(), |length| start + length);
    let open = start + url[start..end].rfind('@').map_or(0, |at| at + 1);
    let close = open + url[open..end].strip_prefix('[')?.find(']')? + 1;
    let percent = open + url[open..close].find('%')?;
    let zone = &url[percent + 1..close];
    let zone = zone.strip_prefix("25").unwrap_or(zone);
    let is_zone = !zone.is_empty() && zone.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte));
    let is_address = url[open + 1..percent].parse::<Ipv6Addr>().is_ok();
    (is_zone && is_address).then(|| (format!("{}{}", &url[..percent], &url[close..]), zone.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_zone_is_taken_out_of_an_address_only() {
        for (url, taken) in [
            ("ws://[fe80::1%25eth0]:80/p%25q", Some(("ws://[fe80::1]:80/p%25q", "eth0"))),
            ("ws://u%40:p@[fe80::1%eth0]/", Some(("ws://u%40:p@[fe80::1]/", "eth0"))),
            ("ws://[fe80::1%25]/", None),
            ("ws://[fe80::1]/%25eth0", None),
            ("ws://host%25eth0/", None),
            ("ws://[fe80::1%25a/b]/", None),
            ("ws://[fe80::1%]/", None),
        ] {
            let found = take_zone(url);
            let found = found.as_ref().map(|(url, zone)| (url.as_str(), zone.as_str()));
            assert_eq!(found, taken, "{url}");
        }
    }

    #[test]
    fn addresses_with_and_without_brackets_and_zones() {
        assert_eq!(parse("127.0.0.1").unwrap().to_string(), "127.0.0.1:0");
        assert_eq!(parse("[::1]").unwrap().to_string(), "[::1]:0");
        assert_eq!(parse("fe80::1%7").unwrap().to_string(), "[fe80::1%7]:0");
        for text in ["", "localhost", "127.0.0.1%1", "127.0.0.1:80", "::1%no-such-interface", "[::1"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}

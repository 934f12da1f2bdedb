//! The proxy that the environment names, by the rules that users of curl know.

use std::env;
use std::net::IpAddr;

use url::Host;

use crate::error::{Error, Kind, Phase, Result};
use crate::transport::{Proxy, Target, address};

/// The variables in their order. HTTP_PROXY is not among them: in a CGI program it is a header of the request.
const PLAIN: &[&str] = &["ws_proxy", "WS_PROXY", "http_proxy", "all_proxy", "ALL_PROXY"];
const SECURE: &[&str] = &["wss_proxy", "WSS_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];
const EXCEPTIONS: &[&str] = &["no_proxy", "NO_PROXY"];

/// The proxy on the way to a target, if there is one.
pub(super) fn proxy(target: &Target) -> Result<Option<Proxy>> {
    let Some((name, url)) = first_of(if target.secure { SECURE } else { PLAIN })? else { return Ok(None) };
    if url.is_empty() {
        return Ok(None);
    }
    if let Some((name, exceptions)) = first_of(EXCEPTIONS)?
        && is_excepted(target, &exceptions).map_err(|why| unusable(name, why))?
    {
        return Ok(None);
    }
    Proxy::parse(&url).map(Some).map_err(|error| unusable(name, error))
}

/// The first of the variables that is set, with its value.
fn first_of(names: &[&'static str]) -> Result<Option<(&'static str, String)>> {
    let Some((name, value)) = names.iter().find_map(|name| Some((*name, env::var_os(name)?))) else { return Ok(None) };
    match value.into_string() {
        Ok(value) => Ok(Some((name, value.trim().to_owned()))),
        Err(_) => Err(unusable(name, "it is not UTF-8")),
    }
}

/// Whether the list in no_proxy holds the target.
fn is_excepted(target: &Target, list: &str) -> std::result::Result<bool, String> {
    let mut is_excepted = false;
    for entry in list.split([',', ' ', '\t']).filter(|entry| !entry.is_empty()) {
        // Also behind one that holds it: a list is in order or it is not.
        is_excepted |= entry == "*" || holds(entry, target)?;
    }
    Ok(is_excepted)
}

fn holds(entry: &str, target: &Target) -> std::result::Result<bool, String> {
    let malformed = || format!("{entry:?} is not a host, an address or a network");
    if let Some((network, bits)) = entry.split_once('/') {
        let network = address::parse(network).map_err(|_| malformed())?.ip();
        let bits: u32 = bits.parse().map_err(|_| malformed())?;
        if bits > if network.is_ipv4() { 32 } else { 128 } {
            return Err(malformed());
        }
        return Ok(address_of(target).is_some_and(|address| is_within(address, network, bits)));
    }
    if let Ok(address) = address::parse(entry) {
        return Ok(address_of(target) == Some(address.ip()));
    }
    let (host, port) = match entry.rsplit_once(':') {
        Some((host, port)) => (host, Some(port.parse::<u16>().map_err(|_| malformed())?)),
        None => (entry, None),
    };
    if port.is_some_and(|port| port != target.endpoint.port) {
        return Ok(false);
    }
    if let Ok(address) = address::parse(host) {
        return Ok(address_of(target) == Some(address.ip()));
    }
    let host = host.trim_start_matches("*.").trim_matches('.');
    // As the target's own host was read: lower case, IDNA.
    let Ok(Host::Domain(host)) = Host::parse(host) else { return Err(malformed()) };
    let Host::Domain(name) = &target.endpoint.host else { return Ok(false) };
    let name = name.trim_end_matches('.');
    let above = name.strip_suffix(&host);
    Ok(above.is_some_and(|above| above.is_empty() || above.ends_with('.')))
}

fn address_of(target: &Target) -> Option<IpAddr> {
    match target.endpoint.host {
        Host::Domain(_) => None,
        Host::Ipv4(address) => Some(address.into()),
        Host::Ipv6(address) => Some(address.into()),
    }
}

fn is_within(address: IpAddr, network: IpAddr, bits: u32) -> bool {
    match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            (address.to_bits() ^ network.to_bits()) & mask == 0
        }
        (IpAddr::V6(address), IpAddr::V6(network)) => {
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            (address.to_bits() ^ network.to_bits()) & mask == 0
        }
        _ => false,
    }
}

fn unusable(name: &str, why: impl std::fmt::Display) -> Error {
    Error::new(Kind::Proxy, format!("the environment variable {name} cannot be used: {why}")).in_phase(Phase::Proxy)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excepted(url: &str, list: &str) -> std::result::Result<bool, String> {
        is_excepted(&Target::parse(url).unwrap(), list)
    }

    #[test]
    fn the_list_of_exceptions() {
        for (url, list, expected) in [
            ("ws://example.com/", "", false),
            ("ws://example.com/", "*", true),
            ("ws://example.com/", "a,example.com", true),
            ("ws://EXAMPLE.com./", "Example.COM", true),
            ("ws://www.example.com/", "example.com", true),
            ("ws://www.example.com/", ".example.com", true),
            ("ws://example.com/", ".example.com", true),
            ("ws://www.example.com/", "*.example.com", true),
            ("ws://badexample.com/", "example.com", false),
            ("ws://example.com.evil/", "example.com", false),
            ("ws://example.com:81/", "example.com:81", true),
            ("ws://example.com:81/", "example.com:80", false),
            ("wss://example.com/", "example.com:443", true),
            ("ws://10.1.2.3/", "10.0.0.0/8", true),
            ("ws://11.1.2.3/", "10.0.0.0/8 11.1.2.3", true),
            ("ws://11.1.2.3/", "10.0.0.0/8", false),
            ("ws://11.1.2.3/", "0.0.0.0/0", true),
            ("ws://127.0.0.1:90/", "127.0.0.1:90", true),
            ("ws://[fd00::1]/", "fd00::/8", true),
            ("ws://[fe00::1]/", "fd00::/8", false),
            ("ws://[::1]/", "[::1]", true),
            ("ws://[::1]:90/", "[::1]:90", true),
            ("ws://[::1]:90/", "::1", true),
            ("ws://example.com/", "10.0.0.0/8", false),
        ] {
            assert_eq!(excepted(url, list), Ok(expected), "{url} {list}");
        }
    }

    #[test]
    fn malformed_exceptions_are_told() {
        for list in ["10.0.0.0/33", "10.0.0.0/x", "host/8", "host:99999", "host:x", "fd00::/129", "a b/c"] {
            assert!(excepted("ws://example.com/", list).is_err(), "{list}");
            assert!(excepted("ws://example.com/", &format!("*,{list}")).is_err(), "{list} behind *");
        }
    }
}

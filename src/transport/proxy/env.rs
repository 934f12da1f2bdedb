//! The environment variables that name a proxy, by the rules of curl.

use std::env;
use std::ffi::OsString;
use std::net::IpAddr;

use url::Host;

use crate::error::{Error, Kind, Phase, Result};
use crate::transport::proxy::url::Proxy;
use crate::transport::{Target, address};

/// The variables in the order of precedence. HTTP_PROXY is not used, because a CGI program gets the request header `Proxy` in it.
const PLAIN: &[&str] = &["ws_proxy", "WS_PROXY", "http_proxy", "all_proxy", "ALL_PROXY"];
const SECURE: &[&str] = &["wss_proxy", "WSS_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"];
const EXCEPTIONS: &[&str] = &["no_proxy", "NO_PROXY"];

/// The proxies that the environment variables name.
#[derive(Debug, Default)]
pub(in crate::transport) struct ProxyEnv {
    /// For ws URLs.
    plain: Option<Variable>,
    /// For wss URLs.
    secure: Option<Variable>,
    /// The targets without a proxy.
    exceptions: Vec<Exception>,
    /// A message for each invalid entry of no_proxy.
    ignored: Vec<String>,
}

/// A variable that is set.
#[derive(Clone, Debug)]
struct Variable {
    name: &'static str,
    value: OsString,
}

/// An entry of no_proxy.
#[derive(Debug, PartialEq, Eq)]
enum Exception {
    Everything,
    Network(IpAddr, u32),
    /// With `None`, every port.
    Address(IpAddr, Option<u16>),
    /// A domain with its subdomains.
    Name(String, Option<u16>),
}

impl ProxyEnv {
    /// Reads the variables.
    pub(in crate::transport) fn read() -> Self {
        let (plain, secure) = (first_of(PLAIN), first_of(SECURE));
        let mut read = Self { plain, secure, ..Self::default() };
        let is_empty = |variable: &Option<Variable>| variable.as_ref().is_none_or(|variable| variable.value.is_empty());
        if !(is_empty(&read.plain) && is_empty(&read.secure))
            && let Some(Variable { name, value }) = first_of(EXCEPTIONS)
        {
            (read.exceptions, read.ignored) = exceptions(name, &value.to_string_lossy());
        }
        read
    }

    /// Returns a message for each invalid entry of no_proxy.
    pub(in crate::transport) fn ignored(&self) -> &[String] {
        &self.ignored
    }

    /// Returns the proxy for a target.
    pub(in crate::transport) fn proxy(&self, target: &Target) -> Result<Option<Proxy>> {
        let Some(Variable { name, value }) = (if target.secure { &self.secure } else { &self.plain }) else {
            return Ok(None);
        };
        let Some(url) = value.to_str() else { return Err(unusable(name, "it is not UTF-8")) };
        if url.trim().is_empty() || self.exceptions.iter().any(|exception| exception.matches(target)) {
            return Ok(None);
        }
        Proxy::parse(url.trim()).map(Some).map_err(|error| unusable(name, error))
    }
}

/// Returns the first variable that is set.
fn first_of(names: &[&'static str]) -> Option<Variable> {
    names.iter().find_map(|name| Some(Variable { name, value: env::var_os(name)? }))
}

/// Parses the entries of no_proxy. Returns them, and a message for each invalid entry, which is ignored.
fn exceptions(name: &str, list: &str) -> (Vec<Exception>, Vec<String>) {
    let (mut exceptions, mut ignored) = (Vec::new(), Vec::new());
    let entries = list.split([',', ' ', '\t', '\r', '\n']).filter(|entry| !entry.is_empty());
    for (index, entry) in entries.enumerate() {
        match Exception::parse(entry) {
            Some(exception) => exceptions.push(exception),
            // The message does not contain the entry, which may be a password.
            None => ignored.push(format!(
                "entry {} of the environment variable {name} is ignored: it is not a host, an address or a network",
                index + 1
            )),
        }
    }
    (exceptions, ignored)
}

impl Exception {
    /// Returns `None` if the entry is invalid.
    fn parse(entry: &str) -> Option<Self> {
        if entry == "*" {
            return Some(Self::Everything);
        }
        if let Some((network, bits)) = entry.split_once('/') {
            let network = address::parse(network).ok()?.ip();
            let bits = number(bits)?;
            let most = if network.is_ipv4() { 32 } else { 128 };
            return (bits <= most).then_some(Self::Network(network, bits));
        }
        if let Ok(address) = address::parse(entry) {
            return Some(Self::Address(address.ip(), None));
        }
        let (host, port) = match entry.rsplit_once(':') {
            Some((host, port)) => (host, Some(number(port)?)),
            None => (entry, None),
        };
        if let Ok(address) = address::parse(host) {
            return Some(Self::Address(address.ip(), port));
        }
        // Normalizes the host as in the target's URL: lower case, IDNA.
        match Host::parse(host.trim_start_matches("*.").trim_matches('.')) {
            Ok(Host::Domain(host)) => Some(Self::Name(host, port)),
            _ => None,
        }
    }

    /// Whether the entry matches the target.
    fn matches(&self, target: &Target) -> bool {
        let is_port = |port: &Option<u16>| port.is_none_or(|port| port == target.endpoint.port);
        match self {
            Self::Everything => true,
            Self::Network(network, bits) => {
                address_of(target).is_some_and(|address| is_within(address, *network, *bits))
            }
            Self::Address(address, port) => is_port(port) && address_of(target) == Some(*address),
            Self::Name(host, port) => {
                let Host::Domain(name) = &target.endpoint.host else { return false };
                let above = name.trim_end_matches('.').strip_suffix(host.as_str());
                is_port(port) && above.is_some_and(|above| above.is_empty() || above.ends_with('.'))
            }
        }
    }
}

/// Parses a number of digits without a sign.
fn number<T: std::str::FromStr>(text: &str) -> Option<T> {
    text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
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

    fn excepted(url: &str, list: &str) -> (bool, Vec<String>) {
        let target = Target::parse(url).unwrap();
        let (exceptions, ignored) = exceptions("no_proxy", list);
        (exceptions.iter().any(|exception| exception.matches(&target)), ignored)
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
            assert_eq!(excepted(url, list), (expected, vec![]), "{url} {list}");
        }
    }

    #[test]
    fn invalid_no_proxy_entries_are_ignored_and_reported() {
        for entry in [
            "10.0.0.0/33",
            "10.0.0.0/+8",
            "10.0.0.0/x",
            "host/8",
            "host:",
            "host:99999",
            "host:+80",
            "host:x",
            "fd00::/129",
            "192.168.",
            "<local>",
            "a|b",
            "u:p@10.0.0.1:1",
            "\u{fffd}",
        ] {
            let others = format!("other.test,{entry},example.com");
            for (list, number, expected) in [(entry, 1, false), (&others, 2, true)] {
                let (is_excepted, ignored) = excepted("ws://example.com:99/", list);
                assert_eq!(is_excepted, expected, "{list}");
                assert_eq!(ignored.len(), 1, "{list}");
                assert!(ignored[0].contains(&format!("entry {number} of")), "{ignored:?}");
                assert!(entry.len() < 3 || !ignored[0].contains(entry), "{ignored:?}");
            }
        }
    }
}

//! Cookies that sessions share: later handshakes return the cookies that servers set (RFC 6265).

use cookie_store::{Cookie, CookieDomain, RawCookie};
use once_cell::race::OnceBox;
use publicsuffix::{List, Psl as _};
use url::{Host, Url};

use super::stored_cookies::KeptCookies;
use crate::error::{Error, Kind, Result};
use crate::fork::PerProcess;
use crate::lock::RwLock;
use crate::transport::Target;

/// The longest cookie, attributes included: the minimum of RFC 6265 section 6.1.
const MAX_COOKIE: usize = 4096;

/// How many cookies of one response are parsed. The jar keeps no more of a domain.
const MAX_COOKIES_OF_ANSWER: usize = super::stored_cookies::MAX_OF_DOMAIN.count;

/// Where systems have the public suffix list. It is not built in, because it would be a third of the library.
const PUBLIC_SUFFIX_LIST: &str = "/usr/share/publicsuffix/public_suffix_list.dat";

/// The list; None if the system has none. It also contains international names in their ASCII form.
static PUBLIC_SUFFIXES: OnceBox<Option<List>> = OnceBox::new();

/// Threads that need the list for the first time at once all read it. None waits for another thread, which a forked child would
/// not have.
fn public_suffixes() -> Option<&'static List> {
    let read = || std::fs::read_to_string(PUBLIC_SUFFIX_LIST).ok()?.parse().ok();
    PUBLIC_SUFFIXES.get_or_init(|| Box::new(read())).as_ref()
}

/// A cookie jar. Any thread may use it at any time. A forked child has a copy.
#[derive(Default)]
pub(crate) struct CookieJar(PerProcess<RwLock<KeptCookies>>);

impl CookieJar {
    fn kept(&self) -> &RwLock<KeptCookies> {
        self.0.get(|inherited| {
            // If another thread was changing the jar at the fork, the child begins with an empty one.
            let copy = inherited.and_then(|kept| Some(kept.try_read()?.clone()));
            RwLock::new(copy.unwrap_or_default())
        })
    }

    /// Adds the cookie of a Set-Cookie value for a URL.
    pub(crate) fn add(&self, url: &str, text: &str) -> Result<()> {
        let target = Target::parse(url)?;
        self.insert(&as_http(&target)?, text)
            .map_err(|why| Error::new(Kind::InvalidArgument, format!("the cookie is not accepted: {why}")))
    }

    /// Adds the cookies of a response. Ignores cookies that are not acceptable, as browsers do.
    pub(crate) fn take(&self, target: &Target, headers: &[(String, Vec<u8>)]) {
        let Ok(url) = as_http(target) else { return };
        let cookies = headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("Set-Cookie"));
        for (_, value) in cookies.take(MAX_COOKIES_OF_ANSWER) {
            if let Ok(text) = std::str::from_utf8(value) {
                let _ = self.insert(&url, text);
            }
        }
    }

    fn insert(&self, url: &Url, text: &str) -> std::result::Result<(), &'static str> {
        if text.len() > MAX_COOKIE {
            return Err("it is too long");
        }
        if text.chars().any(char::is_control) {
            return Err("it contains a control character");
        }
        let cookie = RawCookie::parse(text.to_owned()).map_err(|_| "it is malformed")?;
        check_prefix(&cookie, url)?;
        let is_secure = url.scheme() == "https";
        if cookie.secure() == Some(true) && !is_secure {
            return Err("only a secure connection may set it");
        }
        let mut cookie = Cookie::try_from_raw_cookie(&cookie, url).map_err(|_| "it is not for this URL")?.into_owned();
        // By now the domain is in its ASCII form.
        if let CookieDomain::Suffix(domain) = &cookie.domain
            && is_public_suffix(domain)
        {
            // The cookie of a host that is itself a public suffix becomes host-only (section 5.3).
            if public_suffixes().is_some() && url.host_str() != Some(domain) {
                return Err("its domain is a public suffix");
            }
            cookie.domain = CookieDomain::host_only(url).map_err(|_| "it is not for this URL")?;
        }
        let mut kept = self.kept().write();
        let is_shadowed = |kept: &Cookie<'_>| kept.name() == cookie.name() && kept.secure() == Some(true);
        if !is_secure && kept.of_host(url).any(is_shadowed) {
            return Err("a secure cookie with this name exists");
        }
        let domain = registrable_domain(&cookie.domain, url);
        kept.put(domain, cookie, text.len());
        Ok(())
    }

    /// Returns the value of Cookie for a URL, or None if there is no cookie for it.
    pub(crate) fn header(&self, target: &Target) -> Option<String> {
        let url = as_http(target).ok()?;
        let kept = self.kept().read();
        // A secure cookie requires a secure connection, also on a loopback address.
        let mut cookies =
            kept.used_for(&url, |cookie| cookie.matches(&url) && (target.secure || cookie.secure() != Some(true)));
        // Longer paths first (section 5.4).
        cookies.sort_by_key(|cookie| (std::cmp::Reverse(cookie.path.len()), cookie.name().to_owned()));
        let pairs: Vec<_> = cookies.iter().map(|cookie| format!("{}={}", cookie.name(), cookie.value())).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    /// Like [`header`](Self::header), for a URL as text. Returns an empty string if there is no cookie.
    pub(crate) fn header_for(&self, url: &str) -> Result<String> {
        Ok(self.header(&Target::parse(url)?).unwrap_or_default())
    }

    pub(crate) fn clear(&self) {
        *self.kept().write() = KeptCookies::default();
    }
}

/// Checks the prefix of a cookie's name (draft-ietf-httpbis-rfc6265bis section 4.1.3).
fn check_prefix(cookie: &RawCookie<'_>, url: &Url) -> std::result::Result<(), &'static str> {
    let has_prefix =
        |prefix: &str| cookie.name().get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    let is_secure = cookie.secure() == Some(true) && url.scheme() == "https";
    if (has_prefix("__Secure-") || has_prefix("__Host-")) && !is_secure {
        return Err("the prefix of its name requires a secure cookie");
    }
    if has_prefix("__Host-") && (cookie.domain().is_some() || cookie.path() != Some("/")) {
        return Err("the prefix of its name requires a cookie for one host");
    }
    Ok(())
}

/// Whether a domain is a public suffix. Without the list, any domain may be one.
fn is_public_suffix(domain: &str) -> bool {
    public_suffixes()
        .is_none_or(|list| list.suffix(domain.as_bytes()).is_some_and(|suffix| suffix.as_bytes() == domain.as_bytes()))
}

/// The domain that the bounds of a cookie count for: the name directly below a public suffix, else the cookie's own domain.
fn registrable_domain(domain: &CookieDomain, url: &Url) -> String {
    let name = String::from(domain);
    let is_name = matches!(url.host(), Some(Host::Domain(_)));
    let list = public_suffixes().filter(|_| is_name);
    let registrable = list.and_then(|list| list.domain(name.as_bytes()));
    let registrable = registrable.and_then(|domain| std::str::from_utf8(domain.as_bytes()).map(str::to_owned).ok());
    registrable.unwrap_or(name)
}

fn as_http(target: &Target) -> Result<Url> {
    let text = target.text.replacen("ws", "http", 1);
    Url::parse(&text).map_err(|error| Error::new(Kind::Url, format!("not a WebSocket URL: {error}")))
}

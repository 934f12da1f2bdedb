//! Cookies that sessions share: what servers set comes back to them with later handshakes (RFC 6265).

use cookie_store::{Cookie, CookieStore, RawCookie};
use once_cell::race::OnceBox;
use parking_lot::RwLock;
use publicsuffix::{List, Psl as _};
use url::Url;

use crate::error::{Error, Kind, Result};
use crate::fork::PerProcess;
use crate::transport::Target;

/// What a jar holds at most (RFC 6265 section 6.1 asks for no less). The server decides what comes, so there is a bound.
const MAX_COOKIES: usize = 3000;
const MAX_COOKIES_OF_HOST: usize = 50;
const MAX_COOKIE: usize = 4096;

/// Where systems have the list of public suffixes. In the library it would be a third of it.
const PUBLIC_SUFFIX_LIST: &str = "/usr/share/publicsuffix/public_suffix_list.dat";

/// The list, none where the system has none.
static PUBLIC_SUFFIXES: OnceBox<Option<List>> = OnceBox::new();

/// Threads that need it first at the same time all read it: none waits for another, which a forked child would not have.
fn public_suffixes() -> Option<&'static List> {
    let read = || std::fs::read_to_string(PUBLIC_SUFFIX_LIST).ok()?.parse().ok();
    PUBLIC_SUFFIXES.get_or_init(|| Box::new(read())).as_ref()
}

/// A jar. Any thread may use it at any time. A forked child has a copy.
#[derive(Default)]
pub(crate) struct CookieJar(PerProcess<RwLock<CookieStore>>);

impl CookieJar {
    fn store(&self) -> &RwLock<CookieStore> {
        self.0.get(|inherited| {
            // What another thread was changing at the fork may be half changed.
            let copy = inherited.and_then(|store| Some(store.try_read()?.clone()));
            RwLock::new(copy.unwrap_or_default())
        })
    }

    /// Takes a Set-Cookie value for a URL.
    pub(crate) fn add(&self, url: &str, text: &str) -> Result<()> {
        let target = Target::parse(url)?;
        self.insert(&as_http(&target)?, text)
            .map_err(|why| Error::new(Kind::InvalidArgument, format!("the cookie is not accepted: {why}")))
    }

    /// Takes what a server has set. What is not acceptable is passed over, as browsers do.
    pub(super) fn take(&self, target: &Target, headers: &[(String, Vec<u8>)]) {
        let Ok(url) = as_http(target) else { return };
        for (name, value) in headers {
            if name.eq_ignore_ascii_case("Set-Cookie")
                && let Ok(text) = std::str::from_utf8(value)
            {
                let _ = self.insert(&url, text);
            }
        }
    }

    fn insert(&self, url: &Url, text: &str) -> std::result::Result<(), &'static str> {
        if text.len() > MAX_COOKIE {
            return Err("it is too long");
        }
        if text.chars().any(char::is_control) {
            return Err("it holds a control character");
        }
        let mut cookie = RawCookie::parse(text.to_owned()).map_err(|_| "it is malformed")?;
        check_prefix(&cookie, url)?;
        let is_secure = url.scheme() == "https";
        if cookie.secure() == Some(true) && !is_secure {
            return Err("only a secure connection may set it");
        }
        let domain = cookie.domain().map(|domain| domain.trim_start_matches('.').to_ascii_lowercase());
        if let Some(domain) = domain.filter(|domain| is_public_suffix(domain)) {
            // A host that is one itself keeps its cookies to itself (section 5.3).
            if public_suffixes().is_some() && url.host_str() != Some(&domain) {
                return Err("its domain belongs to many");
            }
            cookie.unset_domain();
        }
        let cookie = Cookie::try_from_raw_cookie(&cookie, url).map_err(|_| "it is not for this URL")?.into_owned();
        let mut store = self.store().write();
        let is_shadowed =
            |kept: &Cookie<'_>| kept.name() == cookie.name() && kept.secure() == Some(true) && kept.domain.matches(url);
        if !is_secure && store.iter_unexpired().any(is_shadowed) {
            return Err("a secure cookie has its name");
        }
        if !store.contains_any(&String::from(&cookie.domain), &cookie.path, cookie.name()) {
            make_room(&mut store, url)?;
        }
        store.insert(cookie, url).map(drop).map_err(|_| "it is not for this URL")
    }

    /// The Cookie header for a URL; none where there is no cookie for it.
    pub(crate) fn header(&self, target: &Target) -> Option<String> {
        let url = as_http(target).ok()?;
        let store = self.store().read();
        // Also on a loopback address a secure cookie is for secure connections only.
        let mut cookies: Vec<_> =
            store.matches(&url).into_iter().filter(|cookie| target.secure || cookie.secure() != Some(true)).collect();
        // Longer paths first (section 5.4).
        cookies.sort_by_key(|cookie| (std::cmp::Reverse(cookie.path.len()), cookie.name().to_owned()));
        let pairs: Vec<_> = cookies.iter().map(|cookie| format!("{}={}", cookie.name(), cookie.value())).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    /// The same, empty for none, for a URL as text.
    pub(crate) fn header_for(&self, url: &str) -> Result<String> {
        Ok(self.header(&Target::parse(url)?).unwrap_or_default())
    }

    pub(crate) fn clear(&self) {
        self.store().write().clear();
    }
}

/// Forgets what has expired when there is no room for one more.
fn make_room(store: &mut CookieStore, url: &Url) -> std::result::Result<(), &'static str> {
    let is_full = |store: &CookieStore| {
        let of_host = store.iter_any().filter(|kept| kept.domain.matches(url)).count();
        of_host >= MAX_COOKIES_OF_HOST || store.iter_any().count() >= MAX_COOKIES
    };
    if is_full(store) {
        let expired: Vec<_> = store
            .iter_any()
            .filter(|kept| kept.is_expired())
            .map(|kept| (String::from(&kept.domain), String::from(&kept.path), kept.name().to_owned()))
            .collect();
        for (domain, path, name) in expired {
            store.remove(&domain, &path, &name);
        }
    }
    if is_full(store) { Err("the jar is full") } else { Ok(()) }
}

/// The names that promise something (draft-ietf-httpbis-rfc6265bis section 4.1.3).
fn check_prefix(cookie: &RawCookie<'_>, url: &Url) -> std::result::Result<(), &'static str> {
    let has_prefix =
        |prefix: &str| cookie.name().get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    let is_secure = cookie.secure() == Some(true) && url.scheme() == "https";
    if (has_prefix("__Secure-") || has_prefix("__Host-")) && !is_secure {
        return Err("its name promises that it is secure");
    }
    if has_prefix("__Host-") && (cookie.domain().is_some() || cookie.path() != Some("/")) {
        return Err("its name promises that it is for one host");
    }
    Ok(())
}

/// Without the list every domain may be one.
fn is_public_suffix(domain: &str) -> bool {
    public_suffixes()
        .is_none_or(|list| list.suffix(domain.as_bytes()).is_some_and(|suffix| suffix.as_bytes() == domain.as_bytes()))
}

fn as_http(target: &Target) -> Result<Url> {
    let text = target.text.replacen("ws", "http", 1);
    Url::parse(&text).map_err(|error| Error::new(Kind::Url, format!("not a WebSocket URL: {error}")))
}

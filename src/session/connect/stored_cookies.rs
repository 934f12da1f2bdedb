//! The cookies of a jar, found by host. Their number and memory are bounded, for each domain and in total. To make room, the jar
//! removes the least recently used cookie, of the domain or of all.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use cookie_store::Cookie;
use url::Url;

/// A number of cookies and the memory that they take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) count: usize,
    pub(crate) bytes: usize,
}

/// The bound for the cookies of one registrable domain. The minimum of RFC 6265 section 6.1 is 50 cookies of 4096 bytes.
pub(crate) const MAX_OF_DOMAIN: Size = Size { count: 180, bytes: 256 * 1024 };

/// The bound for all cookies. The minimum of RFC 6265 section 6.1 is 3000 cookies.
const MAX: Size = Size { count: 3000, bytes: 4 * 1024 * 1024 };

#[derive(Clone, Debug, Default)]
pub(crate) struct KeptCookies {
    /// By registrable domain.
    domains: HashMap<String, Vec<Kept>>,
    size: Size,
    /// Advances with each use of cookies.
    now: UseCount,
}

#[derive(Clone, Debug)]
struct Kept {
    cookie: Cookie<'static>,
    bytes: usize,
    /// When it was last sent or set.
    used: UseCount,
}

/// A logical time: a count of uses. Atomic, because sending cookies only takes the jar's read lock.
#[derive(Debug, Default)]
struct UseCount(AtomicU64);

impl UseCount {
    /// Advances the time, and returns it.
    fn advance(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Clone for UseCount {
    fn clone(&self) -> Self {
        Self(self.get().into())
    }
}

impl KeptCookies {
    /// Adds a cookie of the registrable domain `domain`. It replaces the one with the same name, domain and path; an expired cookie
    /// only removes that one. `length` is the size of the cookie's text.
    pub(crate) fn put(&mut self, domain: String, cookie: Cookie<'static>, length: usize) {
        let used = UseCount(self.now.advance().into());
        let names = cookie.path.len() + String::from(&cookie.domain).len();
        let bytes = size_of::<Kept>() + length + names;
        let (key, kept) = (domain.clone(), self.domains.entry(domain).or_default());
        let before = Size::of(kept);
        kept.retain(|kept| !kept.is_replaced_by(&cookie) && !kept.cookie.is_expired());
        if !cookie.is_expired() {
            kept.push(Kept { cookie, bytes, used });
        }
        while Size::of(kept).exceeds(MAX_OF_DOMAIN) {
            let oldest = kept.iter().enumerate().min_by_key(|(_, kept)| kept.used.get());
            let Some((oldest, _)) = oldest else { break };
            kept.swap_remove(oldest);
        }
        self.size = self.size.less(before).plus(Size::of(kept));
        if kept.is_empty() {
            self.domains.remove(&key);
        }
        while self.size.exceeds(MAX) && self.evict() {}
    }

    /// The unexpired cookies whose domain matches the URL's host.
    pub(crate) fn of_host(&self, url: &Url) -> impl Iterator<Item = &Cookie<'static>> {
        let kept = domains_above(url).filter_map(|domain| self.domains.get(domain)).flatten();
        kept.map(|kept| &kept.cookie).filter(|cookie| cookie.domain.matches(url) && !cookie.is_expired())
    }

    /// Returns those of them that `is_sent` accepts, and records their use.
    pub(crate) fn used_for(&self, url: &Url, is_sent: impl Fn(&Cookie<'_>) -> bool) -> Vec<&Cookie<'static>> {
        let now = self.now.advance();
        for kept in domains_above(url).filter_map(|domain| self.domains.get(domain)).flatten() {
            if is_sent(&kept.cookie) {
                kept.used.0.store(now, Ordering::Relaxed);
            }
        }
        self.of_host(url).filter(|cookie| is_sent(cookie)).collect()
    }

    /// Removes an expired cookie, or the least recently used one. Returns whether there was one.
    fn evict(&mut self) -> bool {
        let all = self
            .domains
            .iter()
            .flat_map(|(domain, kept)| kept.iter().enumerate().map(move |(i, kept)| (domain, i, kept)));
        let oldest = all.min_by_key(|(_, _, kept)| (!kept.cookie.is_expired(), kept.used.get()));
        let Some((domain, index)) = oldest.map(|(domain, index, _)| (domain.clone(), index)) else { return false };
        if let Some(kept) = self.domains.get_mut(&domain) {
            let gone = kept.swap_remove(index);
            self.size = self.size.less(Size { count: 1, bytes: gone.bytes });
            if kept.is_empty() {
                self.domains.remove(&domain);
            }
        }
        true
    }
}

impl Kept {
    fn is_replaced_by(&self, cookie: &Cookie<'_>) -> bool {
        let same = |other: &Cookie<'_>| (String::from(&other.domain), String::from(&other.path));
        self.cookie.name() == cookie.name() && same(&self.cookie) == same(cookie)
    }
}

impl Size {
    fn of(kept: &[Kept]) -> Self {
        Self { count: kept.len(), bytes: kept.iter().map(|kept| kept.bytes).sum() }
    }

    fn exceeds(self, most: Self) -> bool {
        self.count > most.count || self.bytes > most.bytes
    }

    fn plus(self, other: Self) -> Self {
        Self { count: self.count + other.count, bytes: self.bytes + other.bytes }
    }

    fn less(self, other: Self) -> Self {
        Self { count: self.count - other.count, bytes: self.bytes - other.bytes }
    }
}

/// The URL's host and all its parent domains.
fn domains_above(url: &Url) -> impl Iterator<Item = &str> {
    let host = url.host_str();
    std::iter::successors(host, |domain| domain.split_once('.').map(|(_, above)| above))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(kept: &mut KeptCookies, host: &str, text: &str) {
        let cookie = Cookie::parse(text.to_owned(), &url(host)).expect("a cookie");
        kept.put(host.to_owned(), cookie, text.len());
    }

    fn url(host: &str) -> Url {
        Url::parse(&format!("http://{host}/")).expect("a URL")
    }

    fn names(kept: &mut KeptCookies, host: &str) -> Vec<String> {
        let url = url(host);
        let mut names: Vec<_> = kept.used_for(&url, |_| true).iter().map(|cookie| cookie.name().to_owned()).collect();
        names.sort();
        names
    }

    /// The counted size is the size of the kept cookies, and within the bounds.
    fn check(kept: &KeptCookies) {
        let total = kept.domains.values().fold(Size::default(), |size, kept| size.plus(Size::of(kept)));
        assert_eq!(total, kept.size);
        assert!(!total.exceeds(MAX));
        assert!(kept.domains.values().all(|kept| !kept.is_empty() && !Size::of(kept).exceeds(MAX_OF_DOMAIN)));
    }

    #[test]
    fn the_least_recently_used_cookie_of_a_domain_is_removed() {
        let mut kept = KeptCookies::default();
        put(&mut kept, "other.test", "a=1");
        for number in 0..MAX_OF_DOMAIN.count {
            put(&mut kept, "h.test", &format!("c{number}=1; Path=/{number}"));
        }
        let first = Url::parse("http://h.test/0").expect("a URL");
        assert_eq!(kept.used_for(&first, |cookie| cookie.matches(&first)).len(), 1);
        put(&mut kept, "h.test", "new=1");
        check(&kept);
        let left = names(&mut kept, "h.test");
        assert_eq!(left.len(), MAX_OF_DOMAIN.count);
        assert!(
            left.contains(&"c0".to_owned()) && left.contains(&"new".to_owned()) && !left.contains(&"c1".to_owned())
        );
        assert_eq!(names(&mut kept, "other.test"), ["a"]);
    }

    #[test]
    fn memory_is_bounded_too() {
        let mut kept = KeptCookies::default();
        let long = "v".repeat(4000);
        for number in 0..400 {
            put(&mut kept, "h.test", &format!("c{number}={long}"));
            put(&mut kept, "g.test", &format!("c{number}=1; x={long}"));
        }
        check(&kept);
        let count = names(&mut kept, "h.test").len();
        assert!((50..MAX_OF_DOMAIN.count).contains(&count), "{count}");
        assert!(kept.size.bytes > MAX_OF_DOMAIN.bytes, "{:?}", kept.size);
        for number in 0..2000 {
            put(&mut kept, &format!("h{number}.test"), &format!("c={long}"));
        }
        check(&kept);
        assert!(kept.size.count < 1100 && names(&mut kept, "h.test").is_empty(), "{:?}", kept.size);
    }

    #[test]
    fn the_least_recently_used_cookie_of_all_is_removed() {
        let mut kept = KeptCookies::default();
        for number in 0..MAX.count {
            put(&mut kept, &format!("h{number}.test"), "a=1");
        }
        assert_eq!(names(&mut kept, "h0.test"), ["a"]);
        for number in 0..10 {
            put(&mut kept, &format!("new{number}.test"), "a=1");
        }
        check(&kept);
        assert_eq!(kept.size.count, MAX.count);
        assert_eq!(names(&mut kept, "h0.test"), ["a"]);
        assert!((1..11).all(|number| names(&mut kept, &format!("h{number}.test")).is_empty()));
        assert_eq!(names(&mut kept, "h11.test"), ["a"]);
    }

    #[test]
    fn expired_cookies_are_removed() {
        let mut kept = KeptCookies::default();
        put(&mut kept, "h.test", "a=1");
        put(&mut kept, "h.test", "b=1; Max-Age=0");
        put(&mut kept, "h.test", "a=1; Max-Age=0");
        check(&kept);
        assert_eq!((kept.size, kept.domains.len()), (Size::default(), 0));
    }

    #[test]
    fn cookies_of_a_domain_are_found_for_the_hosts_in_it() {
        let mut kept = KeptCookies::default();
        let at = url("a.h.test");
        for text in ["own=1", "all=1; Domain=h.test"] {
            kept.put("h.test".to_owned(), Cookie::parse(text, &at).expect("a cookie").into_owned(), text.len());
        }
        assert_eq!(names(&mut kept, "a.h.test"), ["all", "own"]);
        assert_eq!(names(&mut kept, "b.h.test"), ["all"]);
        assert!(names(&mut kept, "xh.test").is_empty());
    }
}

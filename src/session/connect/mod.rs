//! Opens a session: attempts, redirects, credentials, cookies, and cancellation.

pub(crate) mod authentication;
pub(crate) mod cancel;
#[expect(clippy::module_inception, reason = "named for the call that it serves")]
pub(crate) mod connect;
pub(crate) mod cookies;
pub(crate) mod establish;
pub(crate) mod handshake_info;
pub(crate) mod stored_cookies;

//! Opens a session: attempts, redirects, credentials, cookies, and cancellation.

pub(crate) mod attempt;
pub(crate) mod authentication;
pub(crate) mod cancel;
#[expect(clippy::module_inception, reason = "named for the call that it serves")]
pub(crate) mod connect;
pub(crate) mod cookies;
pub(crate) mod establish;
pub(crate) mod handshake_info;
mod opening_attempts;
pub(crate) mod stored_cookies;

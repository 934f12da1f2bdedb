//! Makes attempts until a server accepts the opening handshake. A further attempt follows when a server requires credentials or
//! redirects the client.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use super::attempt::OF_ORIGIN;
use super::authentication::{AuthChallenge, MAX_ATTEMPTS, basic};
use super::handshake_info::HandshakeInfo;
use crate::error::{Error, Kind, Phase, Refusal, Result};
use crate::http::Headers;
use crate::protocol::extension::Negotiated;
use crate::protocol::handshake::HandshakeRequest;
use crate::protocol::handshake_h1::Handshake;
use crate::session::background::runtime::Runtime;
use crate::session::config::Config;
use crate::session::counters::Timings;
use crate::session::log::log;
use crate::transport::{
    CancelSources, ConnectDeadline, Connected, ConnectionInfo, Environment, Socket, Step, Stream, Target, connect,
    upgrade,
};

const HANDSHAKE: Step = Step { phase: Phase::Handshake, doing: "the opening handshake" };

const REQUEST: Step = Step { phase: Phase::Handshake, doing: "preparing the handshake request" };

const AUTHENTICATION: Step = Step { phase: Phase::Handshake, doing: "asking the application for credentials" };

/// The statuses of redirects (RFC 9110 section 15.4).
const REDIRECTS: &[u16] = &[301, 302, 303, 307, 308];

const UNAUTHORIZED: u16 = 401;

/// A connection after the opening handshake.
pub(crate) struct Established {
    pub(crate) stream: Stream,
    /// None for a multiplexed stream.
    pub(crate) socket: Option<Arc<Socket>>,
    pub(crate) handshake_info: HandshakeInfo,
    pub(crate) extensions: Vec<Negotiated>,
    /// The bytes that were received after the response.
    pub(crate) early: Vec<u8>,
    pub(crate) timings: Timings,
    pub(crate) info: ConnectionInfo,
    pub(crate) masking_seed: [u8; 32],
}

/// Opens a connection to `target`, or to the target that it redirects to.
pub(crate) fn establish(
    id: u64,
    target: &Target,
    config: &Config,
    environment: &Environment,
    runtime: &Runtime,
    stops: CancelSources<'_>,
) -> Result<Established> {
    let limit = ConnectDeadline::overall(config.connect.timeouts.all, stops);
    let mut connect_loop = ConnectLoop {
        id,
        config,
        environment,
        target: Cow::Borrowed(target),
        authorization: authorization_of(target, config)?,
        is_home: true,
        redirects: 0,
        auth_attempts: 0,
    };
    loop {
        match connect_loop.attempt(runtime, limit) {
            Ok(established) => return Ok(established),
            Err(error) => connect_loop.prepare_retry(error, limit)?,
        }
    }
}

/// The state of opening a connection.
struct ConnectLoop<'a> {
    id: u64,
    config: &'a Config,
    environment: &'a Environment,
    target: Cow<'a, Target>,
    /// The value of Authorization, which replaces the configured one.
    authorization: Option<String>,
    /// The target still has the origin that the application's own credentials are for.
    is_home: bool,
    redirects: u32,
    auth_attempts: u32,
}

impl ConnectLoop<'_> {
    fn attempt(&self, runtime: &Runtime, limit: ConnectDeadline<'_>) -> Result<Established> {
        let Secrets { nonce, masking_seed } = Secrets::draw()?;
        let (target, config) = (&*self.target, self.config);
        let headers = self.headers()?;
        let extensions = config.offered()?;
        let request = HandshakeRequest {
            resource: &target.resource,
            host: &target.authority,
            headers: &headers,
            subprotocols: &config.subprotocols,
            extensions: &extensions,
        };
        let mut handshake = Handshake::new(request, nonce)?;
        if !extensions.is_empty() {
            // Extensions of the application may have taken a long time.
            limit.check(&REQUEST)?;
        }
        let Connected { mut stream, socket, early, handshake_deadline, timings, info } =
            connect(target, &config.connect, self.environment, runtime.resolver(), limit)?;
        let start = Instant::now();
        let agreed = upgrade(&mut stream, &socket, &HANDSHAKE, &mut handshake, early, handshake_deadline)?;
        if !extensions.is_empty() {
            handshake_deadline.check(&HANDSHAKE)?;
        }
        let timings = Timings::new(&timings, start.elapsed());
        if let Some(jar) = &config.cookies {
            jar.take(target, &agreed.response.headers);
        }
        log!(
            Info,
            self.id,
            "open: resolved in {} us, connected in {} us, proxy in {} us, TLS in {} us, handshake in {} us; subprotocol \
             {:?}, {} extensions",
            timings.resolve,
            timings.connect,
            timings.proxy,
            timings.tls,
            timings.handshake,
            agreed.subprotocol.as_deref().unwrap_or_default(),
            agreed.extensions.len(),
        );
        let (subprotocol, response) = (agreed.subprotocol.as_deref(), &agreed.response);
        let handshake_info =
            HandshakeInfo::new(&target.text, subprotocol, handshake.headers(), response.status, &response.headers);
        let (extensions, early) = (agreed.extensions, agreed.early);
        let (stream, socket) = (Stream::from(stream), Some(socket));
        Ok(Established { stream, socket, handshake_info, extensions, early, timings, info, masking_seed })
    }

    /// Returns the application's header fields, with the credentials and cookies for this server.
    fn headers(&self) -> Result<Cow<'_, Headers>> {
        let mut headers = Cow::Borrowed(&self.config.headers);
        if !self.is_home {
            for name in OF_ORIGIN {
                headers.to_mut().remove(name)?;
            }
        }
        if let Some(authorization) = &self.authorization {
            headers.to_mut().set("Authorization", authorization)?;
        }
        if let Some(cookies) = self.config.cookies.as_ref().and_then(|jar| jar.header(&self.target)) {
            // A request has one Cookie field (RFC 6265 section 5.4), even if the application has added several.
            let own = headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("Cookie")).map(|(_, value)| value);
            let cookies: Vec<_> = own.chain([cookies.as_str()]).collect();
            let cookies = cookies.join("; ");
            headers.to_mut().set("Cookie", &cookies)?;
        }
        Ok(headers)
    }

    /// Prepares another attempt after an error. Returns the error if there is none to make.
    fn prepare_retry(&mut self, mut error: Error, limit: ConnectDeadline<'_>) -> Result<()> {
        let refusal = match (error.kind, error.refusal.take()) {
            (Kind::HandshakeStatus, Some(refusal)) => refusal,
            (_, refusal) => return Err(Error { refusal, ..error }),
        };
        if let Some(jar) = &self.config.cookies {
            jar.take(&self.target, &refusal.headers);
        }
        if refusal.status == UNAUTHORIZED && self.authenticate(&refusal) {
            return limit.check(&AUTHENTICATION);
        }
        if REDIRECTS.contains(&refusal.status) && self.config.max_redirects > 0 {
            return self.follow(refusal);
        }
        Err(Error { refusal: Some(refusal), ..error })
    }

    /// Asks the application for credentials. Returns whether it has supplied them.
    fn authenticate(&mut self, refusal: &Refusal) -> bool {
        let Some(authenticator) = self.config.authenticator.as_ref().filter(|_| self.auth_attempts < MAX_ATTEMPTS)
        else {
            return false;
        };
        self.auth_attempts += 1;
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        let challenge = AuthChallenge {
            url: self.target.text.clone(),
            resource: self.target.resource.clone(),
            challenges: refusal.values("WWW-Authenticate").map(text).collect(),
            attempt: self.auth_attempts,
        };
        log!(Info, self.id, "the server asks for credentials");
        let answer = authenticator.answer(&challenge);
        let has_answer = answer.is_some();
        if has_answer {
            self.authorization = answer;
        }
        has_answer
    }

    /// Follows a redirect.
    fn follow(&mut self, refusal: Box<Refusal>) -> Result<()> {
        let status = refusal.status;
        let failed = |kind, message: String| {
            Err(Error { phase: Some(Phase::Handshake), refusal: None, ..Error::new(kind, message) })
        };
        let outcome = if self.redirects == self.config.max_redirects {
            failed(Kind::TooManyRedirects, format!("the server redirects more than {} times", self.redirects))
        } else {
            let mut locations = refusal.values("Location");
            match (locations.next(), locations.next()) {
                (Some(location), None) => {
                    let target = std::str::from_utf8(location)
                        .map_err(|_| "its Location is not UTF-8".to_owned())
                        .and_then(|location| self.target.redirected(location));
                    match target {
                        Ok(target) => {
                            self.move_to(target, status);
                            return Ok(());
                        }
                        Err(why) => failed(
                            Kind::HandshakeInvalid,
                            format!("a redirect with the status {status} cannot be followed: {why}"),
                        ),
                    }
                }
                (None, _) => {
                    failed(Kind::HandshakeInvalid, format!("a redirect with the status {status} has no Location"))
                }
                (Some(_), Some(_)) => failed(
                    Kind::HandshakeInvalid,
                    format!("a redirect with the status {status} has more than one Location"),
                ),
            }
        };
        outcome.map_err(|error| Error { refusal: Some(refusal), ..error })
    }

    fn move_to(&mut self, target: Target, status: u16) {
        self.redirects += 1;
        log!(Info, self.id, "redirected with the status {status} to {}", target.place());
        if !self.target.has_origin_of(&target) {
            self.is_home = false;
            self.authorization = None;
        }
        // A digest covers the path, so the server requires another one.
        self.authorization.take_if(|authorization| authorization.starts_with("Digest "));
        self.target = Cow::Owned(target);
    }
}

/// Returns Authorization for the credentials of the URL, unless the configuration sets it.
fn authorization_of(target: &Target, config: &Config) -> Result<Option<String>> {
    match &target.credentials {
        Some((user, password)) if config.headers.get("Authorization").is_none() => {
            basic(user, password).map(Some).map_err(|error| Error { kind: Kind::Url, ..error })
        }
        _ => Ok(None),
    }
}

/// The values that need the operating system's random source.
struct Secrets {
    nonce: [u8; 16],
    masking_seed: [u8; 32],
}

impl Secrets {
    fn draw() -> Result<Self> {
        let mut bytes = [0; 48];
        getrandom::fill(&mut bytes).map_err(|error| {
            Error::new(Kind::Internal, format!("could not get random bytes from the system: {error}"))
        })?;
        let mut secrets = Self { nonce: [0; 16], masking_seed: [0; 32] };
        secrets.nonce.copy_from_slice(&bytes[..16]);
        secrets.masking_seed.copy_from_slice(&bytes[16..]);
        Ok(secrets)
    }
}

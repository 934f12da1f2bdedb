//! From a URL to a connection that a server has agreed to: an attempt, and others where the server asks for credentials or
//! sends the client elsewhere.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use super::authentication::{AuthChallenge, MAX_ATTEMPTS, basic};
use super::handshake_info::Opened;
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
    CancelSources, ConnectDeadline, Connected, Environment, Socket, Step, Stream, Target, connect, upgrade,
};

const SHAKING_HANDS: Step = Step { phase: Phase::Handshake, doing: "shaking hands" };

const ASKING: Step = Step { phase: Phase::Handshake, doing: "asking the application for credentials" };

/// Statuses that send the client elsewhere (RFC 9110 section 15.4).
const REDIRECTS: &[u16] = &[301, 302, 303, 307, 308];

const UNAUTHORIZED: u16 = 401;

/// A connection that a server has agreed to.
pub(crate) struct Established {
    pub(crate) stream: Stream,
    /// None for a multiplexed stream.
    pub(crate) socket: Option<Arc<Socket>>,
    pub(crate) opened: Opened,
    pub(crate) extensions: Vec<Negotiated>,
    /// What came right behind the answer.
    pub(crate) early: Vec<u8>,
    pub(crate) timings: Timings,
    pub(crate) is_tls_resumed: bool,
    pub(crate) masking_seed: [u8; 32],
}

/// Opens a connection to `target`, or where that leads to.
pub(crate) fn establish(
    id: u64,
    target: &Target,
    config: &Config,
    environment: &Environment,
    runtime: &Runtime,
    stops: CancelSources<'_>,
) -> Result<Established> {
    let limit = ConnectDeadline::overall(config.connect.timeouts.all, stops);
    let mut visit = ConnectLoop {
        id,
        config,
        environment,
        target: Cow::Borrowed(target),
        authorization: authorization_of(target, config)?,
        is_home: true,
        redirects: 0,
        questions: 0,
    };
    loop {
        match visit.attempt(runtime, limit) {
            Ok(established) => return Ok(established),
            Err(error) => visit.go_on(error, limit)?,
        }
    }
}

/// Where opening stands.
struct ConnectLoop<'a> {
    id: u64,
    config: &'a Config,
    environment: &'a Environment,
    target: Cow<'a, Target>,
    /// Instead of the configuration's.
    authorization: Option<String>,
    /// It is still the origin that the application's own credentials are for.
    is_home: bool,
    redirects: u32,
    questions: u32,
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
        let Connected { mut stream, socket, early, handshake_deadline, timings } =
            connect(target, &config.connect, self.environment, runtime.resolver(), limit)?;
        let start = Instant::now();
        let agreed = upgrade(&mut stream, &socket, &SHAKING_HANDS, &mut handshake, early, handshake_deadline)?;
        if !extensions.is_empty() {
            // They may be the application's own, and have taken their time.
            handshake_deadline.check(&SHAKING_HANDS)?;
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
        let opened = Opened::new(&target.text, subprotocol, handshake.headers(), response.status, &response.headers);
        let is_tls_resumed = target.secure && stream.is_tls_resumed();
        let (extensions, early) = (agreed.extensions, agreed.early);
        let (stream, socket) = (Stream::from(stream), Some(socket));
        Ok(Established { stream, socket, opened, extensions, early, timings, is_tls_resumed, masking_seed })
    }

    /// The application's header fields, with the credentials and cookies that are for this server.
    fn headers(&self) -> Result<Cow<'_, Headers>> {
        let mut headers = Cow::Borrowed(&self.config.headers);
        if !self.is_home {
            for name in ["Authorization", "Cookie", "Cookie2", "Host"] {
                headers.to_mut().remove(name)?;
            }
        }
        if let Some(authorization) = &self.authorization {
            headers.to_mut().set("Authorization", authorization)?;
        }
        if let Some(cookies) = self.config.cookies.as_ref().and_then(|jar| jar.header(&self.target)) {
            // There is one Cookie header (RFC 6265 section 5.4), however many the application has added.
            let own = headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("Cookie")).map(|(_, value)| value);
            let cookies: Vec<_> = own.chain([cookies.as_str()]).collect();
            let cookies = cookies.join("; ");
            headers.to_mut().set("Cookie", &cookies)?;
        }
        Ok(headers)
    }

    /// Whether there is something to try after an error. If not, it is returned.
    fn go_on(&mut self, mut error: Error, limit: ConnectDeadline<'_>) -> Result<()> {
        let refusal = match (error.kind, error.refusal.take()) {
            (Kind::HandshakeStatus, Some(refusal)) => refusal,
            (_, refusal) => return Err(Error { refusal, ..error }),
        };
        if let Some(jar) = &self.config.cookies {
            jar.take(&self.target, &refusal.headers);
        }
        if refusal.status == UNAUTHORIZED && self.authenticate(&refusal) {
            return limit.check(&ASKING);
        }
        if REDIRECTS.contains(&refusal.status) && self.config.max_redirects > 0 {
            return self.follow(refusal);
        }
        Err(Error { refusal: Some(refusal), ..error })
    }

    /// Asks the application for credentials. Returns whether it has given some.
    fn authenticate(&mut self, refusal: &Refusal) -> bool {
        let Some(authenticator) = self.config.authenticator.as_ref().filter(|_| self.questions < MAX_ATTEMPTS) else {
            return false;
        };
        self.questions += 1;
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        let question = AuthChallenge {
            url: self.target.text.clone(),
            resource: self.target.resource.clone(),
            challenges: refusal.values("WWW-Authenticate").map(text).collect(),
            attempt: self.questions,
        };
        log!(Info, self.id, "the server asks for credentials");
        let answer = authenticator.answer(&question);
        let has_answer = answer.is_some();
        if has_answer {
            self.authorization = answer;
        }
        has_answer
    }

    /// Goes where the server says.
    fn follow(&mut self, refusal: Box<Refusal>) -> Result<()> {
        let status = refusal.status;
        let failed = |kind, message: String| {
            Err(Error { phase: Some(Phase::Handshake), refusal: None, ..Error::new(kind, message) })
        };
        let outcome = if self.redirects == self.config.max_redirects {
            failed(Kind::TooManyRedirects, format!("the server redirects further than {} times", self.redirects))
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
        // A digest covers the path; the server asks for another one.
        self.authorization.take_if(|authorization| authorization.starts_with("Digest "));
        self.target = Cow::Owned(target);
    }
}

/// The credentials of the URL, unless the configuration has others.
fn authorization_of(target: &Target, config: &Config) -> Result<Option<String>> {
    match &target.credentials {
        Some((user, password)) if config.headers.get("Authorization").is_none() => {
            basic(user, password).map(Some).map_err(|error| Error { kind: Kind::Url, ..error })
        }
        _ => Ok(None),
    }
}

/// What has to come from the operating system's random source.
struct Secrets {
    nonce: [u8; 16],
    masking_seed: [u8; 32],
}

impl Secrets {
    fn draw() -> Result<Self> {
        let mut bytes = [0; 48];
        getrandom::fill(&mut bytes)
            .map_err(|error| Error::new(Kind::Internal, format!("the system gives no random bytes: {error}")))?;
        let mut secrets = Self { nonce: [0; 16], masking_seed: [0; 32] };
        secrets.nonce.copy_from_slice(&bytes[..16]);
        secrets.masking_seed.copy_from_slice(&bytes[16..]);
        Ok(secrets)
    }
}

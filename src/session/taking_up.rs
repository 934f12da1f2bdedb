//! Between two connections of a session: letting go of the one that is lost, and taking up the next.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use crate::lock::MutexGuard;

use super::config::Config;
use super::handshaking::Established;
use super::logging::log;
use super::outbox::{Outbox, Wire};
use super::{Reader, Session, Verdict};
use crate::error::{Kind, Result};
use crate::protocol::encoder::OutboundMessage;
use crate::protocol::extension::CodecStats;
use crate::protocol::extension::{self, Negotiated};
use crate::protocol::{Connection, ConnectionSetup, Encoders, FrameDecoder, FrameEncoder, MaskKeys, MessageChunk};

/// The halves of a connection that was agreed on.
pub(super) fn halves(
    config: &Config,
    extensions: Vec<Negotiated>,
    masking_seed: [u8; 32],
    early: &[u8],
    decoded: CodecStats,
) -> (FrameDecoder, FrameEncoder, Encoders, Vec<extension::ExtensionInfo>) {
    let (encoders, mut decoders, told) = extension::build_pipelines(extensions);
    decoders.continue_from(decoded);
    let agreement = ConnectionSetup { encoders, decoders, is_raw: config.raw };
    let keys = MaskKeys::from_seed(masking_seed);
    let connection = Connection::new(agreement, config.limits, config.terms.close_timeout, keys, early);
    let (incoming, mut outgoing, encoders) = connection.into_halves();
    outgoing.set_fragment(config.fragment);
    outgoing.set_masking(config.masking);
    outgoing.set_auto_reply(config.auto_pong && !config.raw, !config.raw);
    (incoming, outgoing, encoders, told)
}

impl Session {
    /// Whether the connection is lost and another one is being opened.
    pub(super) fn is_away(&self) -> bool {
        self.reconnect.as_ref().is_some_and(|reconnecting| reconnecting.is_away.load(Ordering::Acquire))
            && self.ending.verdict().is_none()
    }

    /// Takes the end of a connection for an outage, where the session survives it. Called with the outbox locked, so that
    /// nothing is queued for the connection any more.
    pub(super) fn survive(&self, outbox: &mut Outbox, verdict: &Verdict) -> bool {
        let (Some(reconnecting), Some(resending)) = (&self.reconnect, &mut outbox.resending) else { return false };
        let kind = verdict.error.as_ref().map(|error| error.kind);
        let is_ours = matches!(kind, Some(Kind::Aborted | Kind::Internal | Kind::Overflow));
        if is_ours || resending.is_ending || self.ending.is_aborted() || self.ending.verdict().is_some() {
            return false;
        }
        if resending.is_away {
            // Whatever else the old connection brings.
            return true;
        }
        if !reconnecting.survives(verdict) {
            return false;
        }
        resending.is_away = true;
        resending.losses += 1;
        match &mut resending.unsent {
            Some(unsent) => unsent.hold(),
            None => outbox.fragments.lose(),
        }
        reconnecting.begin(verdict.clone());
        // A thread that reads leaves, and waits for the next connection.
        self.reader.handoff().keep();
        self.interrupts.wake_reader();
        match &verdict.error {
            Some(error) => log!(Warning, self.id, "the connection is lost: {error}"),
            None => log!(Info, self.id, "the server has closed the connection"),
        }
        true
    }

    /// Lets go of the connection that is lost.
    pub(super) fn let_go(&self) {
        self.drop_reader();
        let mut wire = self.wire.lock();
        let mut outbox = self.outbox.lock();
        outbox.load(&mut wire.flight);
        outbox.forget_sent_but(wire.held());
        drop(outbox);
        wire.drop_transport(true);
        drop(wire);
        self.drop_socket();
        self.keepalive.lock().stop();
    }

    fn put_reader(&self, reader: Reader) {
        let mut reader = Some(reader);
        loop {
            match self.reader.enter_as_driver(|present| *present = reader.take()) {
                Some(((), left)) => return self.left(left),
                // A thread that looks for the reader leaves soon.
                None => std::thread::yield_now(),
            }
        }
    }

    /// Goes on with another connection.
    pub(super) fn take_up(self: &Arc<Self>, established: Established) -> Result<()> {
        let Some(reconnecting) = &self.reconnect else { return Ok(()) };
        let Established { stream, socket, extensions, early, masking_seed, .. } = established;
        let (incoming, mut outgoing, mut encoders, _) =
            halves(reconnecting.config(), extensions, masking_seed, &early, self.counts.decoded());
        self.counts.note_bytes(early.len());
        self.put_reader(Reader::new(incoming, stream.receiver));
        {
            let mut present = self.socket.lock();
            self.watch_socket(&socket);
            *present = Some(socket);
        }
        let mut present = self.encoders.as_ref().map(|present| present.lock());
        if let Some(present) = &mut present {
            encoders.continue_from(present.stats());
            std::mem::swap(&mut **present, &mut encoders);
        }
        let mut keepalive = self.keepalive.lock();
        let interval = keepalive.interval();
        keepalive.set_interval(interval, Instant::now());
        drop(keepalive);
        let mut wire = self.wire.lock();
        *wire = Wire::new(stream.sender);
        let mut outbox = self.outbox.lock();
        outgoing.set_masking(outbox.outgoing.is_masking());
        outbox.renew(outgoing);
        drop(wire);
        self.is_blocked.store(false, Ordering::Relaxed);
        if std::mem::take(&mut outbox.wants_room) {
            self.is_writable.store(true, Ordering::Release);
        }
        let resent = resend(&mut outbox, present.as_deref_mut());
        reconnecting.is_away.store(false, Ordering::Release);
        drop((outbox, present));
        self.reader.handoff().give_back();
        if self.is_signalled() {
            // Messages may have come with the server's answer.
            self.check_buffered();
        }
        self.inbox.wake_all();
        // They may be the last that have an extension of the application's.
        drop(encoders);
        self.note_received();
        self.sent.open_for_all();
        self.ask_to_tell();
        self.flush_or_leave();
        resent
    }
}

/// Queues again what the kernel did not get, and what was kept meanwhile: until all of it is queued, the others only keep.
/// Encoding may call the application, so it is done without the outbox.
fn resend(outbox: &mut MutexGuard<'_, Outbox>, mut encoders: Option<&mut Encoders>) -> Result<()> {
    let mut resent = Ok(());
    for index in 0.. {
        let Some(kept) = outbox.unsent_mut().and_then(|unsent| unsent.messages.get_mut(index)) else { break };
        let (opcode, compress, payload) = (kept.opcode, kept.compress, std::mem::take(&mut kept.payload));
        let outbound = OutboundMessage { opcode, payload: &payload, fin: true, is_utf8: true };
        resent = outbox.outgoing.permit(&outbound).and_then(|admitted| {
            let (rsv, encoded) = match &mut encoders {
                None => (0, &payload[..]),
                Some(encoders) => {
                    let piece = MessageChunk { opcode, payload: &payload, first: true, last: true, compress };
                    MutexGuard::unlocked(outbox, || encoders.encode(piece))?
                }
            };
            outbox.outgoing.queue(admitted, rsv, encoded)
        });
        let end = outbox.outgoing.queued();
        // Nothing of what is kept goes while the session is away.
        let Some(kept) = outbox.unsent_mut().and_then(|unsent| unsent.messages.get_mut(index)) else { break };
        kept.payload = payload;
        if resent.is_err() {
            break;
        }
        kept.end = end;
        let counted = std::mem::replace(&mut kept.counted, (true, kept.payload.len()));
        outbox.outgoing.subtract_counted(counted);
    }
    if let Some(encoders) = &encoders {
        outbox.encoded = encoders.stats();
    }
    if let Some(resending) = &mut outbox.resending {
        resending.is_away = false;
    }
    resent
}

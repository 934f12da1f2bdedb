//! Detaches a lost connection from its session, and attaches the next one.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use crate::lock::MutexGuard;

use crate::error::{Kind, Result};
use crate::protocol::encoder::OutboundMessage;
use crate::protocol::extension::CodecStats;
use crate::protocol::extension::{self, Negotiated};
use crate::protocol::{
    Connection, ConnectionSetup, Encoders, FrameDecoder, FrameEncoder, MaskKeys, MessageChunk, SessionEvent,
};
use crate::session::CloseOutcome;
use crate::session::Session;
use crate::session::config::Config;
use crate::session::connect::establish::Established;
use crate::session::fork::number_of;
use crate::session::log::log;
use crate::session::recv::reader::Reader;
use crate::session::send::queue::{SendQueue, SocketWriter};

/// Creates the halves of a connection after its handshake, and the information about its extensions.
pub(crate) fn halves(
    config: &Config,
    extensions: Vec<Negotiated>,
    masking_seed: [u8; 32],
    early: &[u8],
    decoded: CodecStats,
) -> (FrameDecoder, FrameEncoder, Encoders, Vec<extension::ExtensionInfo>) {
    let (encoders, mut decoders, infos) = extension::build_pipelines(extensions);
    decoders.continue_from(decoded);
    let agreement = ConnectionSetup { encoders, decoders, is_raw: config.raw };
    let keys = MaskKeys::from_seed(masking_seed);
    let connection = Connection::new(agreement, config.limits, config.shared_options.close_timeout, keys, early);
    let (mut incoming, mut outgoing, encoders) = connection.into_halves();
    incoming.set_validate_utf8(config.validates_utf8);
    incoming.set_part_size(config.part_size);
    outgoing.set_fragment(config.fragment);
    outgoing.set_masking(config.masking);
    outgoing.set_auto_reply(config.auto_pong && !config.raw, !config.raw);
    (incoming, outgoing, encoders, infos)
}

impl Session {
    /// Whether the connection is lost and another one is being opened.
    pub(crate) fn is_away(&self) -> bool {
        self.reconnect.as_ref().is_some_and(|reconnecting| reconnecting.is_away.load(Ordering::Acquire))
            && self.close_state.close_outcome().is_none()
    }

    /// Begins an outage at the end of a connection, if the session reconnects after this end. Called with the send queue locked,
    /// so that nothing more is queued for the connection. Returns whether there is an outage.
    pub(crate) fn begin_outage(&self, send_queue: &mut SendQueue, close_outcome: &CloseOutcome) -> bool {
        let (Some(reconnecting), Some(resending)) = (&self.reconnect, &mut send_queue.resending) else { return false };
        let kind = close_outcome.error.as_ref().map(|error| error.kind);
        let is_ours = matches!(kind, Some(Kind::Aborted | Kind::Internal | Kind::Overflow));
        if is_ours || resending.is_ending || self.close_state.is_aborted() || self.close_state.close_outcome().is_some()
        {
            return false;
        }
        if resending.is_away {
            // Further errors of the old connection change nothing.
            return true;
        }
        if !reconnecting.begins_outage(close_outcome) {
            return false;
        }
        resending.is_away = true;
        resending.losses += 1;
        match &mut resending.unsent {
            Some(unsent) => unsent.hold(),
            None => send_queue.fragments.lose(),
        }
        reconnecting.begin(close_outcome.clone());
        // A thread that reads leaves, and waits for the next connection.
        self.recv.reader.word().reserve();
        self.interrupts.wake_reader();
        match &close_outcome.error {
            Some(error) => log!(Warning, self.identity.id, "the connection is lost: {error}"),
            None => log!(Info, self.identity.id, "the server has closed the connection"),
        }
        true
    }

    /// Drops the lost connection.
    pub(crate) fn detach(&self) {
        self.drop_reader();
        let mut writer = self.send.writer.lock();
        let mut send_queue = self.send.queue.lock();
        send_queue.load(&mut writer.flight);
        send_queue.forget_sent_but(writer.held());
        drop(send_queue);
        writer.drop_transport(true);
        drop(writer);
        self.drop_socket();
        self.keepalive.state.lock().stop();
    }

    fn put_reader(&self, reader: Reader) {
        let mut reader = Some(reader);
        loop {
            match self.recv.reader.enter_as_driver(|present| *present = reader.take()) {
                Some(((), actions)) => return self.released(actions),
                // A thread that holds the read lock finds no reader and leaves soon.
                None => std::thread::yield_now(),
            }
        }
    }

    /// Continues the session with another connection.
    pub(crate) fn attach(self: &Arc<Self>, established: Established) -> Result<()> {
        let Some(reconnecting) = &self.reconnect else { return Ok(()) };
        let Established { stream, socket, extensions, early, masking_seed, info, .. } = established;
        let (incoming, mut outgoing, mut encoders, _) =
            halves(&reconnecting.config, extensions, masking_seed, &early, self.recv.counts.decoded());
        self.recv.counts.record_bytes(early.len());
        self.put_reader(Reader::new(incoming, stream.receiver));
        {
            let mut present = self.socket.lock();
            if let Some(socket) = &socket {
                self.watch_socket(socket);
            }
            self.socket_number.store(number_of(socket.as_deref()), Ordering::Release);
            *present = socket;
        }
        let is_muxed = stream.readiness.is_some();
        *self.muxed.lock() = stream.readiness;
        *self.connection_info.lock() = info;
        let mut present = self.send.encoders.as_ref().map(|present| present.lock());
        if let Some(present) = &mut present {
            encoders.continue_from(present.stats());
            std::mem::swap(&mut **present, &mut encoders);
        }
        let mut keepalive = self.keepalive.state.lock();
        let interval = keepalive.interval();
        keepalive.set_interval(interval, Instant::now());
        drop(keepalive);
        let mut writer = self.send.writer.lock();
        *writer = SocketWriter::new(stream.sender);
        let mut send_queue = self.send.queue.lock();
        outgoing.set_masking(send_queue.outgoing.is_masking());
        send_queue.renew(outgoing);
        drop(writer);
        self.send.is_blocked.store(false, Ordering::Relaxed);
        if std::mem::take(&mut send_queue.wants_room) {
            self.listener.is_writable.store(true, Ordering::Release);
        }
        let resent = resend(&mut send_queue, present.as_deref_mut());
        reconnecting.is_away.store(false, Ordering::Release);
        drop((send_queue, present));
        // Before the messages of the connection, and when the application can send.
        self.recv.push_event(SessionEvent::Resumed, "", 0);
        if !is_muxed {
            self.recv.reader.word().unreserve();
        }
        if self.delivery.is_signalled() {
            // Messages may have arrived with the server's response.
            self.check_buffered();
        }
        self.recv.queue.wake_all();
        // They may be the last owners of an extension of the application.
        drop(encoders);
        self.record_received();
        self.send.sent.open_for_all();
        self.request_callbacks();
        self.notify_ready();
        self.flush_or_leave();
        resent
    }
}

/// Queues the messages that the kernel has not accepted, and those that were kept during the outage. Until all are queued, other
/// threads only keep messages. Encoding may call the application, so the send queue is unlocked for it.
fn resend(send_queue: &mut MutexGuard<'_, SendQueue>, mut encoders: Option<&mut Encoders>) -> Result<()> {
    let mut resent = Ok(());
    for index in 0.. {
        let Some(kept) = send_queue.unsent_mut().and_then(|unsent| unsent.messages.get_mut(index)) else { break };
        let (opcode, compress, payload) = (kept.opcode, kept.compress, std::mem::take(&mut kept.payload));
        let outbound = OutboundMessage { opcode, payload: &payload, fin: true, is_utf8: true };
        resent = send_queue.outgoing.permit(&outbound).and_then(|admitted| {
            let (rsv, encoded) = match &mut encoders {
                None => (0, &payload[..]),
                Some(encoders) => {
                    let piece = MessageChunk { opcode, payload: &payload, first: true, last: true, compress };
                    MutexGuard::unlocked(send_queue, || encoders.encode(piece))?
                }
            };
            send_queue.outgoing.queue(admitted, rsv, encoded)
        });
        let end = send_queue.outgoing.queued();
        // No kept message is removed while the session is away.
        let Some(kept) = send_queue.unsent_mut().and_then(|unsent| unsent.messages.get_mut(index)) else { break };
        kept.payload = payload;
        if resent.is_err() {
            break;
        }
        kept.end = end;
        let counted = std::mem::replace(&mut kept.counted, (true, kept.payload.len()));
        send_queue.outgoing.subtract_counted(counted);
    }
    if let Some(encoders) = &encoders {
        send_queue.encoded = encoders.stats();
    }
    if let Some(resending) = &mut send_queue.resending {
        resending.is_away = false;
    }
    resent
}

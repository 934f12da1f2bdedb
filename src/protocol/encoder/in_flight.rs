//! Frames that are being written to the transport.

use crate::frame::header;

/// Frames taken from the queue of a [`FrameEncoder`](super::FrameEncoder), partly written to the transport. It is a separate
/// object so that other threads can queue frames while one thread writes.
#[derive(Debug, Default)]
pub struct InFlight {
    /// Data frames and the Close, back to back. The first `sent` bytes are written.
    pub(super) data: Vec<u8>,
    pub(super) sent: usize,
    /// A frame boundary at or before `sent`. [`boundary`](Self::boundary) advances it.
    frame_start: usize,
    /// Pings and pongs. They are written between two frames of `data`.
    pub(super) control: Vec<u8>,
    pub(super) control_sent: usize,
    /// The position of this side's Close in `data`.
    pub(super) close_start: Option<usize>,
}

impl InFlight {
    /// The next bytes for the transport; empty if there are none.
    pub fn to_send(&mut self) -> &[u8] {
        if self.control_sent == self.control.len() {
            return &self.data[self.sent..];
        }
        // A control frame must not interrupt another frame.
        let boundary = self.boundary();
        if self.control_sent > 0 || boundary == self.sent {
            &self.control[self.control_sent..]
        } else {
            &self.data[self.sent..boundary]
        }
    }

    /// The transport accepted `count` bytes of [`to_send`](Self::to_send). Returns whether they belong to pings and pongs.
    pub fn sent(&mut self, count: usize) -> bool {
        let from_control =
            self.control_sent < self.control.len() && (self.control_sent > 0 || self.boundary() == self.sent);
        if from_control {
            self.control_sent += count;
        } else {
            self.sent += count;
        }
        from_control
    }

    /// The number of bytes of this side's Close that are sent.
    pub fn sent_of_close(&self) -> usize {
        self.close_start.map_or(0, |start| self.sent.saturating_sub(start))
    }

    /// Whether everything is sent.
    pub fn is_empty(&self) -> bool {
        self.data_left() == 0 && self.control_sent == self.control.len()
    }

    /// Unsent bytes of data frames and of the Close.
    pub(super) fn data_left(&self) -> usize {
        self.data.len() - self.sent
    }

    /// Whether the first byte of the Close is sent.
    pub(super) fn has_begun_close(&self) -> bool {
        self.sent_of_close() > 0
    }

    /// Whether the whole Close is sent.
    pub(super) fn has_sent_close(&self) -> bool {
        self.close_start.is_some() && self.data_left() == 0
    }

    /// Removes the frames that are not yet begun, except the Close.
    pub(super) fn discard_unsent(&mut self) {
        let keep = self.boundary();
        match &mut self.close_start {
            None => self.data.truncate(keep),
            Some(close_start) if keep < *close_start => {
                self.data.drain(keep..*close_start);
                *close_start = keep;
            }
            Some(_) => {}
        }
    }

    /// Takes the next data frames. All earlier ones must be sent. Swaps the buffers.
    pub(super) fn take_data(&mut self, data: &mut Vec<u8>) {
        debug_assert_eq!(self.data_left(), 0);
        self.data.clear();
        std::mem::swap(&mut self.data, data);
        self.sent = 0;
        self.frame_start = 0;
    }

    /// Takes the next pings and pongs. All earlier ones must be sent. Swaps the buffers.
    pub(super) fn take_control(&mut self, control: &mut Vec<u8>) {
        debug_assert_eq!(self.control_sent, self.control.len());
        self.control.clear();
        std::mem::swap(&mut self.control, control);
        self.control_sent = 0;
    }

    /// Frees memory that holds no unsent bytes.
    pub(super) fn release(&mut self) {
        if self.is_empty() && self.close_start.is_none() {
            *self = Self::default();
        }
    }

    /// The end of the partly sent frame; `sent` if no frame is partly sent.
    fn boundary(&mut self) -> usize {
        while self.frame_start < self.sent {
            // Decoding cannot fail: the buffer holds whole frames that this side encoded.
            let Ok(Some((header, size))) = header::decode(&self.data[self.frame_start..]) else { break };
            let end = usize::try_from(header.length).map_or(self.data.len(), |length| self.frame_start + size + length);
            if end > self.sent {
                return end;
            }
            self.frame_start = end;
        }
        self.sent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn release_frees_memory_without_unsent_bytes() {
        let idle =
            || InFlight { data: vec![1; 10], sent: 10, control: vec![2; 5], control_sent: 5, ..InFlight::default() };
        let mut in_flight = idle();
        in_flight.release();
        assert_eq!(
            (in_flight.data.capacity(), in_flight.control.capacity(), in_flight.sent, in_flight.control_sent),
            (0, 0, 0, 0)
        );
        for waiting in [InFlight { sent: 9, ..idle() }, InFlight { control_sent: 4, ..idle() }] {
            let left = (waiting.data_left(), waiting.control.len() - waiting.control_sent);
            let mut in_flight = waiting;
            in_flight.release();
            assert_eq!((in_flight.data_left(), in_flight.control.len() - in_flight.control_sent), left);
        }
        // `release` keeps the record that the Close is sent.
        let mut in_flight = InFlight { close_start: Some(4), ..idle() };
        in_flight.release();
        assert!(in_flight.has_sent_close());
    }
}

//! What is under way to the transport: frames taken from [`Outgoing`](super::Outgoing), and which of their bytes come
//! next.

use crate::frame::header;

/// Frames on their way out. Whoever sends holds it, so that others can queue meanwhile.
#[derive(Debug, Default)]
pub struct Flight {
    /// Frames back to back, of which `sent` bytes are gone.
    pub(super) data: Vec<u8>,
    pub(super) sent: usize,
    /// Where the frame that `sent` stands in, or at the start of, begins; brought up to date when it is asked for.
    frame_start: usize,
    /// Pongs; they overtake `data` between two of its frames.
    pub(super) control: Vec<u8>,
    pub(super) control_sent: usize,
    /// Where our Close begins in `data`.
    pub(super) close_start: Option<usize>,
}

impl Flight {
    /// The next bytes for the transport; empty when there are none.
    pub fn to_send(&mut self) -> &[u8] {
        if self.control_sent == self.control.len() {
            return &self.data[self.sent..];
        }
        // A control frame may go out between two frames, not inside one.
        let boundary = self.boundary();
        if self.control_sent > 0 || boundary == self.sent {
            &self.control[self.control_sent..]
        } else {
            &self.data[self.sent..boundary]
        }
    }

    /// The transport took `count` of the bytes of [`to_send`](Self::to_send). Returns whether they are of pings and pongs.
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

    /// How many bytes of our Close are sent.
    pub fn sent_of_close(&self) -> usize {
        self.close_start.map_or(0, |start| self.sent.saturating_sub(start))
    }

    /// Whether nothing of it is left to send.
    pub fn is_empty(&self) -> bool {
        self.data_left() == 0 && self.control_sent == self.control.len()
    }

    /// Bytes of messages and our Close not sent.
    pub(super) fn data_left(&self) -> usize {
        self.data.len() - self.sent
    }

    /// Whether the first byte of our Close is sent.
    pub(super) fn has_begun_close(&self) -> bool {
        self.sent_of_close() > 0
    }

    /// Whether all of our Close is sent.
    pub(super) fn has_sent_close(&self) -> bool {
        self.close_start.is_some() && self.data_left() == 0
    }

    /// Leaves of the messages only the frame that is partly sent. Our Close stays.
    pub(super) fn cut(&mut self) {
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

    /// Takes the next frames, all those before being sent. `data` gets the empty buffer in exchange.
    pub(super) fn take_data(&mut self, data: &mut Vec<u8>) {
        debug_assert_eq!(self.data_left(), 0);
        self.data.clear();
        std::mem::swap(&mut self.data, data);
        self.sent = 0;
        self.frame_start = 0;
    }

    /// Takes the next pongs, all those before being sent.
    pub(super) fn take_control(&mut self, control: &mut Vec<u8>) {
        debug_assert_eq!(self.control_sent, self.control.len());
        self.control.clear();
        std::mem::swap(&mut self.control, control);
        self.control_sent = 0;
    }

    /// Gives back memory that nothing waits in.
    pub(super) fn release(&mut self) {
        if self.is_empty() && self.close_start.is_none() {
            *self = Self::default();
        }
    }

    /// The end of the frame that is partly sent, or `sent` itself between two frames.
    fn boundary(&mut self) -> usize {
        while self.frame_start < self.sent {
            // The buffer holds whole frames that this side wrote; each has a header.
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
    fn memory_is_given_back_where_nothing_waits_in_it() {
        let idle = || Flight { data: vec![1; 10], sent: 10, control: vec![2; 5], control_sent: 5, ..Flight::default() };
        let mut flight = idle();
        flight.release();
        assert_eq!((flight.data.capacity(), flight.control.capacity(), flight.sent, flight.control_sent), (0, 0, 0, 0));
        for waiting in [Flight { sent: 9, ..idle() }, Flight { control_sent: 4, ..idle() }] {
            let left = (waiting.data_left(), waiting.control.len() - waiting.control_sent);
            let mut flight = waiting;
            flight.release();
            assert_eq!((flight.data_left(), flight.control.len() - flight.control_sent), left);
        }
        // That our Close is sent is not forgotten.
        let mut flight = Flight { close_start: Some(4), ..idle() };
        flight.release();
        assert!(flight.has_sent_close());
    }
}

//! The memory that received bytes are read into: the read buffer, or the message itself for a large frame.

use super::FrameDecoder;

/// If so many bytes of a frame are missing, they are read directly into the message.
const DIRECT_FROM: u64 = 32 * 1024;

impl FrameDecoder {
    /// The memory for the next bytes from the transport. Not empty after [`poll`](Self::poll) has returned `None`.
    pub fn read_buffer(&mut self) -> &mut [u8] {
        self.is_direct = self.prepare_direct_read();
        if self.is_direct
            && let (Some(message), Some(frame)) = (&mut self.message, &self.frame)
        {
            let space = message.payload.space();
            let size = usize::try_from(frame.left).map_or(space.len(), |left| left.min(space.len()));
            return &mut space[..size];
        }
        self.buffer.space()
    }

    /// Reserves memory in the message for the rest of a large frame. Returns whether to read into that memory. If no memory
    /// is available, later parts of the frame try again and report the error.
    fn prepare_direct_read(&mut self) -> bool {
        match (&mut self.message, &self.frame) {
            (Some(message), Some(frame))
                if !frame.opcode.is_control() && !message.is_encoded && self.buffer.is_empty() =>
            {
                let wanted = frame.left.min(message.part_room());
                wanted >= DIRECT_FROM && message.reserve(1, frame.left - 1).is_ok()
            }
            _ => false,
        }
    }

    /// Records that the first `count` bytes of [`read_buffer`](Self::read_buffer) were written.
    pub fn bytes_read(&mut self, count: usize) {
        if self.is_direct {
            self.direct = count;
        } else {
            self.buffer.filled(count);
        }
    }

    /// Frees memory that is needed only for much traffic.
    pub fn shrink(&mut self) {
        if self.buffer.is_empty() && self.buffer.is_grown() {
            self.release();
        }
    }

    /// Frees memory that is needed only while bytes arrive.
    pub fn release(&mut self) {
        if let Some(decoders) = self.decoders.as_mut().filter(|_| self.message.is_none()) {
            decoders.release();
        }
        self.buffer.release();
    }
}

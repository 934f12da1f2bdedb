//! UTF-8 validation of text that arrives in pieces (RFC 6455 section 8.1). It fails at the first invalid byte, however the
//! text is split.

/// The length of the longest encoding of a code point.
const MAX_SEQUENCE: usize = 4;

/// The text is not valid UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidUtf8 {
    /// The number of valid bytes at the start of the text.
    pub valid_up_to: u64,
}

/// Validates one text piece by piece.
#[derive(Clone, Debug, Default)]
pub struct Utf8Validator {
    /// The first bytes of a code point whose other bytes have not arrived.
    pending: [u8; MAX_SEQUENCE],
    pending_size: usize,
    /// The number of bytes of complete code points.
    validated: u64,
}

impl Utf8Validator {
    /// Validates the next piece.
    pub fn push(&mut self, mut piece: &[u8]) -> Result<(), InvalidUtf8> {
        while self.pending_size > 0 {
            let Some((&byte, rest)) = piece.split_first() else { return Ok(()) };
            piece = rest;
            // `pending_size` is below MAX_SEQUENCE, because a complete sequence is either valid or invalid.
            self.pending[self.pending_size] = byte;
            self.pending_size += 1;
            match std::str::from_utf8(&self.pending[..self.pending_size]) {
                Ok(_) => {
                    self.validated += self.pending_size as u64;
                    self.pending_size = 0;
                }
                Err(error) if error.error_len().is_none() => {}
                Err(_) => return Err(self.invalid(0)),
            }
        }
        match simdutf8::compat::from_utf8(piece) {
            Ok(_) => self.validated += piece.len() as u64,
            Err(error) if error.error_len().is_none() => {
                let (valid, cut) = piece.split_at(error.valid_up_to());
                self.validated += valid.len() as u64;
                self.pending[..cut.len()].copy_from_slice(cut);
                self.pending_size = cut.len();
            }
            Err(error) => return Err(self.invalid(error.valid_up_to())),
        }
        Ok(())
    }

    /// Ends the text. Returns an error if its last code point is incomplete.
    pub fn finish(&self) -> Result<(), InvalidUtf8> {
        if self.pending_size == 0 { Ok(()) } else { Err(self.invalid(0)) }
    }

    fn invalid(&self, further: usize) -> InvalidUtf8 {
        InvalidUtf8 { valid_up_to: self.validated + further as u64 }
    }
}

//! UTF-8 validation of text that arrives in pieces (RFC 6455 section 8.1): fails at the first byte that cannot
//! belong to valid text, whatever the pieces.

/// A code point's longest encoding.
const MAX_SEQUENCE: usize = 4;

/// The text holds bytes that are not UTF-8; where the first of them stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidUtf8 {
    /// The offset, in bytes from the start of the text, up to which it was valid.
    pub valid_up_to: u64,
}

/// Validates one text, piece by piece.
#[derive(Clone, Debug, Default)]
pub struct Utf8Validator {
    /// The valid beginning of a code point whose other bytes have not arrived.
    pending: [u8; MAX_SEQUENCE],
    pending_size: usize,
    /// Bytes of whole code points seen.
    validated: u64,
}

impl Utf8Validator {
    /// Takes the next piece.
    pub fn push(&mut self, mut piece: &[u8]) -> Result<(), InvalidUtf8> {
        while self.pending_size > 0 {
            let Some((&byte, rest)) = piece.split_first() else { return Ok(()) };
            piece = rest;
            // Below MAX_SEQUENCE here: a whole sequence is either valid or not.
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

    /// The text has ended: a code point cut in two is an error.
    pub fn finish(&self) -> Result<(), InvalidUtf8> {
        if self.pending_size == 0 { Ok(()) } else { Err(self.invalid(0)) }
    }

    fn invalid(&self, further: usize) -> InvalidUtf8 {
        InvalidUtf8 { valid_up_to: self.validated + further as u64 }
    }
}

//! The library's errors, as far as the files under test make some.

pub(crate) type Result<T> = std::result::Result<T, Error>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Internal,
    Interrupted,
}

#[derive(Debug)]
pub(crate) struct Error {
    pub(crate) kind: Kind,
}

impl Error {
    pub(crate) fn new(kind: Kind, _message: &str) -> Self {
        Self { kind }
    }

    pub(crate) fn no_descriptor(_error: &std::io::Error) -> Self {
        Self { kind: Kind::Internal }
    }
}

//! The primitives that the model-checked files use. `tests/model` replaces this file with loom's primitives.

pub(super) use std::sync::OnceLock;
pub(super) use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

pub(super) use crate::lock::Mutex;

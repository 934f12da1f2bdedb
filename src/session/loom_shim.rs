//! What the files that are model-checked (`tests/model`) build on; the model has its own in their place.

pub(super) use std::sync::OnceLock;
pub(super) use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

pub(super) use crate::lock::Mutex;

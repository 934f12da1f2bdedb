//! What came in compressed sessions since it was last asked for.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::deflate::Parameters;

static COMPRESSED: AtomicU64 = AtomicU64::new(0);
static UNCOMPRESSED: AtomicU64 = AtomicU64::new(0);
static INFLATED_BYTES: AtomicU64 = AtomicU64::new(0);
static DEFLATED_BYTES: AtomicU64 = AtomicU64::new(0);
/// Of the latest session.
static EXTENSION: Mutex<String> = Mutex::new(String::new());

pub fn begin_session(parameters: Parameters) {
    *EXTENSION.lock().unwrap_or_else(PoisonError::into_inner) = parameters.to_string();
}

pub fn add_message(is_compressed: bool, deflated: usize, inflated: usize) {
    let count = if is_compressed { &COMPRESSED } else { &UNCOMPRESSED };
    count.fetch_add(1, Ordering::Relaxed);
    DEFLATED_BYTES.fetch_add(deflated as u64, Ordering::Relaxed);
    INFLATED_BYTES.fetch_add(inflated as u64, Ordering::Relaxed);
}

/// As JSON; they begin at 0 again.
pub fn take() -> String {
    let take = |total: &AtomicU64| total.swap(0, Ordering::Relaxed);
    format!(
        r#"{{"compressed":{},"uncompressed":{},"inflated_bytes":{},"deflated_bytes":{},"extension":"{}"}}"#,
        take(&COMPRESSED),
        take(&UNCOMPRESSED),
        take(&INFLATED_BYTES),
        take(&DEFLATED_BYTES),
        std::mem::take(&mut *EXTENSION.lock().unwrap_or_else(PoisonError::into_inner)),
    )
}

use std::{
    fmt,
    sync::atomic::{AtomicBool, Ordering},
};

use crate::SCRUBBED;

static UNSAFE_LOGGING: AtomicBool = AtomicBool::new(false);

/// Makes every [`Sensitive`] value of this process print itself, from now on and for good.
///
/// Called at most once, before the first log line, when the operator gave `-unsafe-logging`.
pub fn allow_unsafe_logging() {
    UNSAFE_LOGGING.store(true, Ordering::Relaxed);
}

/// Whether [`allow_unsafe_logging`] was called.
pub fn unsafe_logging_allowed() -> bool {
    UNSAFE_LOGGING.load(Ordering::Relaxed)
}

/// A value that may be used freely but is not printed: an address, a session description, a
/// ClientID.
///
/// `Display` and `Debug` write [`SCRUBBED`], whatever the format options, unless
/// [`allow_unsafe_logging`] was called.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sensitive<T>(T);

impl<T> Sensitive<T> {
    /// Wraps a value, or a reference to one just for the sake of a log line.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself.
    pub const fn get(&self) -> &T {
        &self.0
    }

    /// The value itself, without the wrapper.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> From<T> for Sensitive<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T: fmt::Display> fmt::Display for Sensitive<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if unsafe_logging_allowed() { self.0.fmt(f) } else { f.write_str(SCRUBBED) }
    }
}

impl<T: fmt::Debug> fmt::Debug for Sensitive<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if unsafe_logging_allowed() { self.0.fmt(f) } else { f.write_str(SCRUBBED) }
    }
}

// Unsafe logging is for the whole process, so each way has a test binary of its own:
// tests/sensitive_values_are_hidden.rs and tests/unsafe_logging_shows_values.rs.

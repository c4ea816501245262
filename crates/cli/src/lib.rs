//! What every program does first: Go's flag syntax, durations, version and logging.

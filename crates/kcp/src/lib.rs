//! A reliable byte stream over packets that may be lost: KCP, sans-IO.

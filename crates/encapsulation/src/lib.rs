//! Packets and padding in a byte stream: length-prefixed chunks.

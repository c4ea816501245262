//! Packets and padding in a byte stream: length-prefixed chunks.
//!
//! **Pure**: no I/O, no clock. A carrier is a stream of bytes whose message borders mean nothing; a chunk is how a
//! packet keeps its own borders inside that stream. A chunk is a prefix of one to three bytes, then as many bytes as
//! the prefix says:
//!
//! ```text
//!  first byte             second byte        third byte
//! +-+-+-----------+      +-+-------------+  +-+-------------+
//! |d|c|  6 bits   |      |c|   7 bits    |  |0|   7 bits    |     length, most significant bits first
//! +-+-+-----------+      +-+-------------+  +-+-------------+
//!  d: 1 = a packet, 0 = padding, which readers skip
//!  c: 1 = another prefix byte follows; a third byte with c is an error
//! ```
//!
//! Writers use the shortest prefix; readers accept longer ones. The format is that of Go's
//! `common/encapsulation`; a chunk holds at most [`MAX_CHUNK`] bytes.
//!
//! In the data path this lies between the packets of KCP and the carrier; the proxy passes chunks on unread.
//! **Not here:** the token and the ClientID before the first chunk, and what a packet contains.
//!
//! ```
//! use bytes::{Bytes, BytesMut};
//! use snowflake_encapsulation::{Decoder, encode, pad};
//!
//! let mut stream = BytesMut::new();
//! encode(b"one", &mut stream).unwrap();
//! pad(20, &mut stream);
//! encode(b"two", &mut stream).unwrap();
//!
//! let mut decoder = Decoder::new(2048);
//! decoder.push(stream.freeze());
//! assert_eq!(decoder.next_packet().unwrap(), Some(Bytes::from_static(b"one")));
//! assert_eq!(decoder.next_packet().unwrap(), Some(Bytes::from_static(b"two")));
//! assert_eq!(decoder.next_packet().unwrap(), None);
//! ```

mod decoder;
mod encoder;
mod error;
mod padding;
mod prefix;

pub use decoder::Decoder;
pub use encoder::{encode, encoded_len, largest_packet};
pub use error::{DecodeError, TooLong};
pub use padding::pad;
pub use prefix::MAX_CHUNK;

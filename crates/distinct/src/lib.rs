//! How many different addresses there were, in files that remember none of them: pure counting, encoding and decoding,
//! no sockets, no clock and no random numbers.
//!
//! ```text
//!  hash of an address ---> Sketch: HyperLogLog++, 2^18 registers ---> gob ---> a Chunk's line of JSON
//!                             ^                                                       |
//!                             '---------------- merged with others <-----------------'
//! ```
//!
//! - [`Sketch`] counts hashes of which each is counted once, with an error of about 0.2 % and in 256 KiB;
//! - [`Chunk`] is a sketch with the time that it was made in, a line of a file.
//!
//! Sketches, their bytes and their estimates are those of `github.com/clarkduvall/hyperloglog`, with which the Go broker
//! counts; the files are those of its `-ip-count-prefix`, which `distinctcounter` reads.
//!
//! ```
//! use snowflake_distinct::Sketch;
//!
//! let mut sketch = Sketch::new();
//! [1 << 60, 2 << 60, 1 << 60].into_iter().for_each(|hash| sketch.add(hash));
//! assert_eq!(Sketch::decode(&sketch.encode()).unwrap().count(), 2);
//! ```

mod chunk;
mod error;
mod gob;
mod list;
mod sketch;

pub use chunk::{Chunk, MAX_LINE};
pub use error::{ChunkError, SketchError};
pub use sketch::Sketch;

//! Man pages and shell completions of the Snowflake programs.
//!
//! ```text
//! flags of each program (clap) --.
//!                                 }--> man1/PROGRAM.1
//! sections/PROGRAM.man ----------'
//! flags of each program -------------> completions/bash, fish, zsh
//! ```
//!
//! What a flag does is said once, beside the flag. What clap does not know, such as signals, files and torrc lines, is kept in
//! `sections`, in the language of man pages.
//!
//! * [`programs()`]: all that have a page. [`Manual`]: one of them. [`write()`]: all files.

mod completions;
mod page;
mod programs;
mod write;

pub use completions::SHELLS;
pub use programs::{Manual, programs};
pub use write::{WriteError, write};

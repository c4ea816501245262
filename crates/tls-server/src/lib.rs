//! Certificates of a server: from files that are read again, or from Let's Encrypt.
//!
//! ```text
//!              .-- files: PEM, read again on request and when they change
//! Tls -- who --|
//!              '-- acme: one certificate for each name, renewed when a third of its life is left
//!                    order: the conversation with the authority (rustls-acme)
//!                    http01: its questions to port 80; those to the TLS port are answered in the handshake
//!                    cache: what is kept between two runs
//! ```
//!
//! [`Tls`] takes connections with [`Tls::accept`]. Which certificate it shows is decided in each handshake, so that a new
//! one needs neither a new listener nor a new acceptor, and connections that stand are not touched. Somebody has to drive
//! [`Tls::keep`], which watches the files or talks to the authority; there is no other task.
//!
//! The crypto is that of *ring*; TLS 1.2 and 1.3 are taken.
//!
//! * [`Tls`]: the handle of both kinds. [`AcmeConfig`]: which names, and from whom.
//! * [`TlsFlags`], [`TlsChoice`]: which of them a program's flags want, if any.
//! * [`limits`]: every time and size.
//! * [`error`]: what is wrong with files or settings.

mod acme;
mod choice;
pub mod error;
mod files;
pub mod limits;
mod tls;

pub use acme::{AcmeConfig, Directory};
pub use choice::{TlsChoice, TlsFlags};
pub use error::{AcceptError, AcmeError, FileError, TlsChoiceError};
pub use tls::{H2, HTTP1, Tls};

//! What several clients know together.

use crate::events::{EventStream, Events};
use crate::nat::Nat;
use crate::rendezvous::Winners;
use std::path::Path;

/// What several clients of one program know together, and to whom they tell what happens; clones are one.
///
/// That is what this machine's NAT does, which ways to a broker worked lately, what was said already because it is said
/// once, and the readers of events. A [`Client`](crate::Client) has one of its own unless it is given another's, for example
/// because connections of one program have different bridges.
#[derive(Clone, Debug, Default)]
pub struct Shared {
    pub(crate) nat: Nat,
    pub(crate) winners: Winners,
    pub(crate) events: Events,
}

impl Shared {
    /// Keeps in a file of `directory` which ways to a broker worked, for the next run of the program.
    ///
    /// The directory is made (mode 0700) when there is something to keep. Both are touched only if there is a choice
    /// between several ways. A file that cannot be read, or is not one of ours, is as good as none, and said in the log.
    pub fn kept_in(directory: &Path) -> Self {
        Self { winners: Winners::kept_in(directory), ..Self::default() }
    }

    /// What happens from now on to all clients that have this, for any number of readers; see [`EventStream`].
    pub fn events(&self) -> EventStream {
        self.events.subscribe()
    }
}

//! How far the life of a stream has come.

/// The states of a stream: one for each direction, and whether the application still wants it.
///
/// ```text
///   sending      Open ---- finish, close ----> Finishing ---- FIN goes out ----> Finished
///                (write)                       (what was written leaves first)
///
///   receiving    Open ---- FIN comes in -----> Ended -------- reader saw it ---> Finished
///                (data comes in, is read)      (what came before is read)
///
///   abandoned    no ------ close ------------> yes
///                (readers and writers)         (whatever comes in is discarded)
/// ```
///
/// The directions do not wait for each other: that is the half close. The stream is forgotten when
/// our FIN is out and there is nobody to read: either the reader saw the end, or the application
/// abandoned the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct State {
    send: Send,
    receive: Receive,
    abandoned: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Send {
    Open,
    Finishing,
    Finished,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Receive {
    Open,
    Ended,
    Finished,
}

impl State {
    pub(crate) const fn new() -> Self {
        Self { send: Send::Open, receive: Receive::Open, abandoned: false }
    }

    /// The application will write no more.
    pub(crate) fn finish(&mut self) {
        if self.send == Send::Open {
            self.send = Send::Finishing;
        }
    }

    /// The application wants nothing more of the stream.
    pub(crate) fn close(&mut self) {
        self.finish();
        self.abandoned = true;
    }

    /// Our FIN went out.
    pub(crate) fn fin_sent(&mut self) {
        debug_assert_eq!(self.send, Send::Finishing);
        self.send = Send::Finished;
    }

    /// The peer's FIN came in; a second one changes nothing.
    pub(crate) fn fin_received(&mut self) {
        if self.receive == Receive::Open {
            self.receive = Receive::Ended;
        }
    }

    /// The reader was told that nothing more will come.
    pub(crate) fn end_seen(&mut self) {
        debug_assert_ne!(self.receive, Receive::Open);
        self.receive = Receive::Finished;
    }

    /// May the application write?
    pub(crate) fn may_write(self) -> bool {
        self.send == Send::Open
    }

    /// Must a FIN follow what was written?
    pub(crate) fn fin_due(self) -> bool {
        self.send == Send::Finishing
    }

    /// Is incoming data for someone?
    pub(crate) fn may_receive(self) -> bool {
        self.receive == Receive::Open && !self.abandoned
    }

    /// Has the peer's FIN come in?
    pub(crate) fn peer_finished(self) -> bool {
        self.receive != Receive::Open
    }

    /// Has the application closed the stream?
    pub(crate) fn abandoned(self) -> bool {
        self.abandoned
    }

    /// Is everything over?
    pub(crate) fn forgettable(self) -> bool {
        self.send == Send::Finished && (self.abandoned || self.receive == Receive::Finished)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENDS: [Send; 3] = [Send::Open, Send::Finishing, Send::Finished];
    const RECEIVES: [Receive; 3] = [Receive::Open, Receive::Ended, Receive::Finished];

    /// Checks one transition in all eighteen states; `expected` gives the new state, or `None`
    /// where the event cannot happen.
    fn in_every_state(event: fn(&mut State), expected: fn(State) -> Option<State>) {
        for send in SENDS {
            for receive in RECEIVES {
                for abandoned in [false, true] {
                    let before = State { send, receive, abandoned };
                    if let Some(wanted) = expected(before) {
                        let mut after = before;
                        event(&mut after);
                        assert_eq!(after, wanted, "from {before:?}");
                    }
                }
            }
        }
    }

    fn finishing(send: Send) -> Send {
        match send {
            Send::Open | Send::Finishing => Send::Finishing,
            Send::Finished => Send::Finished,
        }
    }

    #[test]
    fn finish_ends_only_the_sending_direction() {
        in_every_state(State::finish, |s| Some(State { send: finishing(s.send), ..s }));
    }

    #[test]
    fn close_finishes_and_abandons() {
        in_every_state(State::close, |s| {
            Some(State { send: finishing(s.send), abandoned: true, ..s })
        });
    }

    #[test]
    fn fin_goes_out_once() {
        in_every_state(State::fin_sent, |s| match s.send {
            Send::Finishing => Some(State { send: Send::Finished, ..s }),
            Send::Open | Send::Finished => None,
        });
    }

    #[test]
    fn fin_comes_in_any_number_of_times() {
        in_every_state(State::fin_received, |s| {
            let receive = match s.receive {
                Receive::Open | Receive::Ended => Receive::Ended,
                Receive::Finished => Receive::Finished,
            };
            Some(State { receive, ..s })
        });
    }

    #[test]
    fn the_end_is_seen_after_fin() {
        in_every_state(State::end_seen, |s| match s.receive {
            Receive::Open => None,
            Receive::Ended | Receive::Finished => Some(State { receive: Receive::Finished, ..s }),
        });
    }

    #[test]
    fn what_each_state_allows() {
        in_every_state(
            |s| {
                assert_eq!(s.may_write(), s.send == Send::Open);
                assert_eq!(s.fin_due(), s.send == Send::Finishing);
                assert_eq!(s.may_receive(), s.receive == Receive::Open && !s.abandoned);
                assert_eq!(
                    s.peer_finished(),
                    matches!(s.receive, Receive::Ended | Receive::Finished)
                );
                let forgettable = match (s.send, s.receive, s.abandoned) {
                    (Send::Finished, Receive::Finished, _) | (Send::Finished, _, true) => true,
                    (Send::Open | Send::Finishing, _, _)
                    | (Send::Finished, Receive::Open | Receive::Ended, false) => false,
                };
                assert_eq!(s.forgettable(), forgettable);
            },
            Some,
        );
    }
}

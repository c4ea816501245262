//! Passing the methods of a trait on to a part of a type, for which Rust has no word of its own.

/// Implements methods of [`PacketConn`](crate::PacketConn) by those of a part of `self`.
///
/// `delegate!(self => self.part; send, close);` in the body of an `impl PacketConn` is the two methods, each of which
/// calls that of the part.
macro_rules! delegate {
    ($self:ident => $part:expr; $($method:ident),+) => {
        $($crate::delegate::delegate!(@$method $self $part);)+
    };
    (@poll_recv $self:ident $part:expr) => {
        fn poll_recv(
            &mut $self,
            cx: &mut std::task::Context<'_>,
            events: &mut Vec<$crate::Event>,
        ) -> std::task::Poll<Result<(), $crate::Closed>> {
            $part.poll_recv(cx, events)
        }
    };
    (@poll_room $self:ident $part:expr) => {
        fn poll_room(
            &mut $self,
            cx: &mut std::task::Context<'_>,
            carrier: $crate::CarrierId,
        ) -> std::task::Poll<usize> {
            $part.poll_room(cx, carrier)
        }
    };
    (@send $self:ident $part:expr) => {
        fn send(&mut $self, carrier: $crate::CarrierId, packets: &mut Vec<bytes::Bytes>) {
            $part.send(carrier, packets);
        }
    };
    (@close $self:ident $part:expr) => {
        fn close(&mut $self, carrier: $crate::CarrierId) {
            $part.close(carrier);
        }
    };
    (@set_proven $self:ident $part:expr) => {
        fn set_proven(&mut $self, carrier: $crate::CarrierId, proven: bool) {
            $part.set_proven(carrier, proven);
        }
    };
    (@set_missing $self:ident $part:expr) => {
        fn set_missing(&mut $self, carriers: usize) {
            $part.set_missing(carriers);
        }
    };
}

pub(crate) use delegate;

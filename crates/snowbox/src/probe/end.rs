//! One end of a measured session at work.

use std::{io, sync::Arc};

use socket2::SockRef;
use tokio::{
    net::TcpStream,
    time::{Instant, sleep_until},
};

use super::{
    ASK_INTERVAL, Bulk, Echoes, Lane,
    frame::{Decoder, Piece},
    outbox::{FRAME, Outbox},
};
use crate::{error::Error, transfer::Direction};

/// Bytes that the kernel may hold of ours without having sent them (TCP_NOTSENT_LOWAT): one frame.
pub const UNSENT: u32 = FRAME as u32;
/// Bytes read at once.
const BLOCK: usize = 64 * 1024;

/// One end: what it sends and what it takes.
#[derive(Debug)]
pub(crate) struct End {
    pub(super) out: Lane,
    pub(super) arrived: Arc<Bulk>,
    pub(super) direction: Direction,
    /// Those that it asks for; the end that answers has none.
    pub(super) echoes: Option<Arc<Echoes>>,
}

impl End {
    /// Moves bytes until the connection ends, which it should not, and says how it did.
    pub(super) async fn run(self, stream: TcpStream) -> Error {
        let direction = self.direction.name();
        let arrived = self.arrived.clone();
        match self.work(&stream).await {
            Ok(error) => error,
            Err(source) => Error::Broken { direction, bytes: arrived.total(), source },
        }
    }

    /// Only damage is an [`Error`] of its own.
    async fn work(self, stream: &TcpStream) -> io::Result<Error> {
        stream.set_nodelay(true)?;
        SockRef::from(stream).set_tcp_notsent_lowat(UNSENT)?;
        let mut load = self.out.load.subscribe();
        let start = self.echoes.as_ref().map(|echoes| echoes.start());
        let mut outbox =
            Outbox::new(self.out.seed, start.unwrap_or_else(Instant::now), start.is_some());
        outbox.set_load(Instant::now(), *load.borrow_and_update());
        let (mut decoder, mut block) = (Decoder::default(), vec![0; BLOCK]);
        loop {
            let now = Instant::now();
            let pending = !outbox.bytes(now).is_empty();
            self.out.sent.send_replace(outbox.bulk());
            let due = outbox.due().unwrap_or(now + ASK_INTERVAL);
            tokio::select! {
                ready = stream.readable() => {
                    ready?;
                    if let Some(error) = self.read(stream, &mut block, &mut decoder, &mut outbox)? {
                        return Ok(error);
                    }
                }
                ready = stream.writable(), if pending => {
                    ready?;
                    let written = unless_it_would_block(stream.try_write(outbox.bytes(now)))?;
                    outbox.wrote(written.unwrap_or(0));
                }
                () = sleep_until(due), if !pending => {}
                _ = load.changed() => outbox.set_load(Instant::now(), *load.borrow_and_update()),
            }
        }
    }

    /// Takes what is there; gives the error if it is not what was sent.
    fn read(
        &self,
        stream: &TcpStream,
        block: &mut [u8],
        decoder: &mut Decoder,
        outbox: &mut Outbox,
    ) -> io::Result<Option<Error>> {
        let Some(count) = unless_it_would_block(stream.try_read(block))? else { return Ok(None) };
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let now = Instant::now();
        let mut input = &block[..count];
        while let Some(piece) = decoder.take(&mut input).map_err(io::Error::other)? {
            match (piece, &self.echoes) {
                (Piece::Bulk(bytes), _) => {
                    if let Err(mismatch) = self.arrived.arrive(now, bytes) {
                        return Ok(Some(Error::Damaged {
                            direction: self.direction.name(),
                            mismatch,
                        }));
                    }
                }
                (Piece::Ask(mark), None) => outbox.answer(mark),
                (Piece::Answer(number), Some(echoes)) if echoes.answered(now, number) => {}
                (Piece::Ask(_) | Piece::Answer(_), _) => {
                    return Err(io::ErrorKind::InvalidData.into());
                }
            }
        }
        Ok(None)
    }
}

fn unless_it_would_block(result: io::Result<usize>) -> io::Result<Option<usize>> {
    match result {
        Ok(count) => Ok(Some(count)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}

//! Bytes between tor and a connection to the bridge, both ways.

use crate::timers::{COPY_BUFFER, HALF_CLOSED, IDLE_COPY_BUFFER};
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split};
use tokio::time::timeout;

/// Copies until both directions have ended, or one of them [`HALF_CLOSED`] ago, or one failed.
pub(crate) async fn both_ways(
    a: &mut (impl AsyncRead + AsyncWrite + Unpin),
    b: &mut (impl AsyncRead + AsyncWrite + Unpin),
) -> io::Result<()> {
    let ((a_read, a_write), (b_read, b_write)) = (split(a), split(b));
    let mut there = std::pin::pin!(one_way(a_read, b_write));
    let mut back = std::pin::pin!(one_way(b_read, a_write));
    let ended = tokio::select! {
        result = &mut there => { result?; timeout(HALF_CLOSED, back).await }
        result = &mut back => { result?; timeout(HALF_CLOSED, there).await }
    };
    ended.unwrap_or(Ok(()))
}

/// Copies to the end. The buffer is as large as what came last suggests, so that an idle connection holds little.
async fn one_way(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
) -> io::Result<()> {
    let mut buffer = Vec::new();
    let mut next = IDLE_COPY_BUFFER;
    loop {
        if buffer.capacity() != next {
            buffer = Vec::with_capacity(next);
        }
        buffer.clear();
        let count = from.read_buf(&mut buffer).await?;
        if count == 0 {
            return to.shutdown().await;
        }
        to.write_all(&buffer).await?;
        next = (2 * count).next_power_of_two().clamp(IDLE_COPY_BUFFER, COPY_BUFFER);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::duplex;
    use tokio::time::Instant;

    #[tokio::test(start_paused = true)]
    async fn the_other_direction_may_finish_and_then_it_ends() {
        let ((mut tor, mut near), (mut far, mut bridge)) = (duplex(1024), duplex(1024));
        let copying = tokio::spawn(async move { both_ways(&mut near, &mut far).await });
        tor.write_all(b"question").await.unwrap();
        tor.shutdown().await.unwrap();
        let mut question = String::new();
        bridge.read_to_string(&mut question).await.unwrap();
        assert_eq!(question, "question");
        bridge.write_all(b"answer").await.unwrap();
        let started = Instant::now();
        copying.await.unwrap().unwrap();
        assert_eq!(started.elapsed(), HALF_CLOSED);
        let mut answer = String::new();
        tor.read_to_string(&mut answer).await.unwrap();
        assert_eq!(answer, "answer");
    }

    #[tokio::test(start_paused = true)]
    async fn it_ends_at_once_when_both_have_ended() {
        let ((tor, mut near), (mut far, bridge)) = (duplex(1024), duplex(1024));
        drop((tor, bridge));
        let started = Instant::now();
        both_ways(&mut near, &mut far).await.unwrap();
        assert_eq!(started.elapsed().as_secs(), 0);
    }
}

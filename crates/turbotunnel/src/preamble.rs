//! The token and the ClientId that begin each carrier.

use crate::{Carrier, ClientId, PreambleError};
use bytes::{BufMut, Bytes, BytesMut};
use futures_util::StreamExt;
use std::time::Duration;

/// The eight bytes that say "Turbo Tunnel" at the start of a carrier.
pub const TOKEN: [u8; 8] = [0x12, 0x93, 0x60, 0x5d, 0x27, 0x81, 0x75, 0xf5];

/// Size of token and ClientId together.
pub const PREAMBLE_LEN: usize = TOKEN.len() + ClientId::LEN;

/// What the client sends first on every carrier; the server sends nothing of the kind.
pub fn preamble(client: ClientId) -> Bytes {
    let mut out = BytesMut::with_capacity(PREAMBLE_LEN);
    out.put_slice(&TOKEN);
    out.put_slice(client.as_bytes());
    out.freeze()
}

/// What the parser wants next.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// More bytes.
    NeedMore,
    /// Nothing: here is the client, and what followed its preamble.
    Finished(ClientId, Bytes),
}

/// Reads a preamble in whatever pieces it comes. Pure; holds at most [`PREAMBLE_LEN`] bytes.
#[derive(Debug, Default)]
pub struct PreambleParser {
    seen: [u8; PREAMBLE_LEN],
    len: usize,
}

impl PreambleParser {
    /// Takes the next bytes of the carrier.
    ///
    /// # Errors
    ///
    /// [`PreambleError::WrongToken`] at the first byte that differs from the token.
    pub fn step(&mut self, mut bytes: Bytes) -> Result<Step, PreambleError> {
        let n = bytes.len().min(PREAMBLE_LEN - self.len);
        self.seen[self.len..self.len + n].copy_from_slice(&bytes.split_to(n));
        self.len += n;
        let token = self.len.min(TOKEN.len());
        if self.seen[..token] != TOKEN[..token] {
            return Err(PreambleError::WrongToken);
        }
        if self.len < PREAMBLE_LEN {
            return Ok(Step::NeedMore);
        }
        let mut id = [0; ClientId::LEN];
        id.copy_from_slice(&self.seen[TOKEN.len()..]);
        Ok(Step::Finished(ClientId::from_bytes(id), bytes))
    }
}

/// Reads the preamble of a new carrier: whose it is, and the bytes that came after.
///
/// # Errors
///
/// [`PreambleError`]; `limit` bounds the whole.
///
/// # Cancel safety
///
/// Not cancel safe: the bytes read so far are lost. Drop the carrier too.
pub async fn read_preamble<C: Carrier>(
    carrier: &mut C,
    limit: Duration,
) -> Result<(ClientId, Bytes), PreambleError> {
    let read = async {
        let mut parser = PreambleParser::default();
        while let Some(message) = carrier.next().await {
            if let Step::Finished(client, rest) =
                parser.step(message.map_err(PreambleError::Failed)?)?
            {
                return Ok((client, rest));
            }
        }
        Err(PreambleError::Ended)
    };
    tokio::time::timeout(limit, read).await.unwrap_or(Err(PreambleError::Timeout(limit)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: ClientId = ClientId::from_bytes([0, 1, 2, 3, 4, 5, 6, 7]);

    // Wire format vectors: the first bytes on each hop.
    #[test]
    fn the_preamble_is_token_and_client_id() {
        assert_eq!(hex::encode(preamble(ID)), "1293605d278175f50001020304050607");
    }

    #[test]
    fn it_is_read_in_any_pieces_and_leaves_the_rest() {
        let mut stream = BytesMut::from(&preamble(ID)[..]);
        stream.put_slice(b"rest");
        let stream = stream.freeze();
        for cut in 0..=stream.len() {
            let mut parser = PreambleParser::default();
            let first = parser.step(stream.slice(..cut)).unwrap();
            if cut < PREAMBLE_LEN {
                assert_eq!(first, Step::NeedMore);
                assert_eq!(
                    parser.step(stream.slice(cut..)).unwrap(),
                    Step::Finished(ID, stream.slice(16..))
                );
            } else {
                assert_eq!(first, Step::Finished(ID, stream.slice(16..cut)));
            }
        }
    }

    #[test]
    fn a_wrong_token_is_refused_at_its_first_wrong_byte() {
        for at in 0..TOKEN.len() {
            let mut bytes = TOKEN;
            bytes[at] ^= 1;
            let mut parser = PreambleParser::default();
            assert_eq!(parser.step(Bytes::copy_from_slice(&bytes[..at])).unwrap(), Step::NeedMore);
            let refused = parser.step(Bytes::copy_from_slice(&bytes[at..=at]));
            assert!(matches!(refused, Err(PreambleError::WrongToken)));
        }
    }
}

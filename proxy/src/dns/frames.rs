//! Messages of a TCP connection, each behind its length in two bytes (RFC 1035, 4.2.2).

use std::io;

use tokio::net::TcpStream;

use crate::room::Share;

/// Bytes of the length.
const PREFIX: usize = 2;
/// Bytes that are read at a time.
const READ: usize = 2048;

/// Bytes of messages that came so far. They take memory as they come, not as they are announced.
#[derive(Debug)]
pub(super) struct Frames {
    bytes: Vec<u8>,
    share: Share,
}

impl Frames {
    /// None yet.
    pub(super) fn new(share: Share) -> Self {
        Self {
            bytes: Vec::new(),
            share,
        }
    }

    /// The next message; `None`: the other end has closed. May be given up and called again: nothing is lost.
    pub(super) async fn next(&mut self, stream: &TcpStream) -> io::Result<Option<Vec<u8>>> {
        loop {
            if let Some(message) = self.take() {
                return Ok(Some(message));
            }
            self.share.room().await?;
            stream.readable().await?;
            let mut buffer = [0; READ];
            match stream.try_read(&mut buffer) {
                Ok(0) => return Ok(None),
                Ok(length) => {
                    self.bytes.extend_from_slice(&buffer[..length]);
                    self.share.set(self.bytes.len());
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The first message, if it has come whole.
    fn take(&mut self) -> Option<Vec<u8>> {
        let (prefix, rest) = self.bytes.split_first_chunk::<PREFIX>()?;
        let length = usize::from(u16::from_be_bytes(*prefix));
        let message = rest.get(..length)?.to_vec();
        self.bytes.drain(..PREFIX + length);
        if self.bytes.is_empty() {
            self.bytes = Vec::new();
        }
        self.share.set(self.bytes.len());
        Some(message)
    }
}

/// A message with its length before it; `None`: it is too long for one.
pub(super) fn framed(message: &[u8]) -> Option<Vec<u8>> {
    let length = u16::try_from(message.len()).ok()?;
    let mut frame = Vec::with_capacity(PREFIX + message.len());
    frame.extend_from_slice(&length.to_be_bytes());
    frame.extend_from_slice(message);
    Some(frame)
}

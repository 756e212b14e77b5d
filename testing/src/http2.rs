//! A client that writes HTTP/2 by the frame: for what well-behaved clients don't send.

use std::{
    io::{self, Read as _, Write as _},
    os::unix::net::UnixStream,
    path::Path,
    time::Duration,
};

/// What opens a connection (RFC 9113, 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// What a receiver takes before it says otherwise.
const WINDOW: u32 = 65_535;
/// Frames are no longer unless the receiver says otherwise.
const FRAME: usize = 16_384;

/// A frame as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// 0 DATA, 1 HEADERS, 3 RST_STREAM, 4 SETTINGS, 6 PING, 7 GOAWAY, 8 WINDOW_UPDATE.
    pub kind: u8,
    /// Of its kind.
    pub flags: u8,
    /// 0: the connection.
    pub stream: u32,
    /// What it holds.
    pub payload: Vec<u8>,
}

/// A connection over a unix socket. Reading fails after 10 s of nothing.
#[derive(Debug)]
pub struct Raw {
    io: UnixStream,
    window: u32,
    stream_window: u32,
}

impl Raw {
    /// Connects and says nothing.
    ///
    /// # Errors
    /// As the system says.
    pub fn silent(socket: &Path) -> io::Result<UnixStream> {
        let io = UnixStream::connect(socket)?;
        io.set_read_timeout(Some(Duration::from_secs(10)))?;
        Ok(io)
    }

    /// Connects and opens HTTP/2.
    ///
    /// # Errors
    /// As the system says.
    pub fn connect(socket: &Path) -> io::Result<Self> {
        let mut raw = Self {
            io: Self::silent(socket)?,
            window: WINDOW,
            stream_window: WINDOW,
        };
        raw.io.write_all(PREFACE)?;
        raw.send(4, 0, 0, &[])?;
        Ok(raw)
    }

    /// Sends a frame.
    ///
    /// # Errors
    /// As the system says.
    pub fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> io::Result<()> {
        let length = u32::try_from(payload.len()).map_err(io::Error::other)?;
        let [_, length @ ..] = length.to_be_bytes();
        let head = [&length[..], &[kind, flags], &stream.to_be_bytes()].concat();
        self.io.write_all(&[&head, payload].concat())
    }

    /// The next frame that is neither the connection's own affair nor a window; those are dealt with.
    /// `None`: the connection is closed.
    ///
    /// # Errors
    /// As the system says.
    pub fn frame(&mut self) -> io::Result<Option<Frame>> {
        loop {
            let Some(frame) = self.read()? else {
                return Ok(None);
            };
            let number = |at: usize| {
                let bytes = frame
                    .payload
                    .get(at..at + 4)
                    .and_then(|four| four.try_into().ok());
                bytes.map_or(0, u32::from_be_bytes)
            };
            match (frame.kind, frame.flags, frame.stream) {
                (4, 0, _) => {
                    for at in (0..frame.payload.len()).step_by(6) {
                        // SETTINGS_INITIAL_WINDOW_SIZE
                        if frame.payload[at..].starts_with(&[0, 4]) {
                            self.stream_window = self.stream_window + number(at + 2) - WINDOW;
                        }
                    }
                    self.send(4, 1, 0, &[])?;
                }
                (4, ..) => {}
                (6, 0, _) => self.send(6, 1, 0, &frame.payload)?,
                (8, _, 0) => self.window += number(0),
                (8, ..) => self.stream_window += number(0),
                _ => return Ok(Some(frame)),
            }
        }
    }

    fn read(&mut self) -> io::Result<Option<Frame>> {
        let mut head = [0; 9];
        match self.io.read_exact(&mut head) {
            Err(error) if is_closed(&error) => return Ok(None),
            read => read?,
        }
        let [high, middle, low, kind, flags, stream @ ..] = head;
        let length = u32::from_be_bytes([0, high, middle, low]);
        let mut payload = vec![0; usize::try_from(length).map_err(io::Error::other)?];
        self.io.read_exact(&mut payload)?;
        Ok(Some(Frame {
            kind,
            flags,
            stream: u32::from_be_bytes(stream),
            payload,
        }))
    }

    /// Begins a call on a stream (1, 3, 5, ...); [`message`](Self::message) goes on with it.
    ///
    /// # Errors
    /// As the system says.
    pub fn call(&mut self, stream: u32, path: &str, authority: &str) -> io::Result<()> {
        self.stream_window = self.stream_window.max(WINDOW);
        // POST, http, then literals that go into the table with their names from the standard's.
        let mut block = vec![0x83, 0x86];
        for (name, value) in [(0x44, path), (0x41, authority), (0x5f, "application/grpc")] {
            block.extend([name, u8::try_from(value.len()).map_err(io::Error::other)?]);
            block.extend(value.as_bytes());
        }
        block.extend(*b"\x00\x02te\x08trailers");
        self.send(1, 4, stream, &block)
    }

    /// Sends the one message of a call, as fast as it is taken. What comes meanwhile is thrown away;
    /// `false`: the call was ended before all of it was sent.
    ///
    /// # Errors
    /// As the system says.
    pub fn message(&mut self, stream: u32, message: &[u8]) -> io::Result<bool> {
        let length = u32::try_from(message.len()).map_err(io::Error::other)?;
        let body = [&[0], &length.to_be_bytes()[..], message].concat();
        let mut rest = &body[..];
        loop {
            let room = self.window.min(self.stream_window);
            let now = usize::try_from(room).map_err(io::Error::other)?;
            let (piece, next) = rest.split_at(rest.len().min(now).min(FRAME));
            if piece.is_empty() {
                match self.frame()? {
                    Some(Frame {
                        kind: 0 | 1,
                        flags: 0 | 4,
                        ..
                    }) => continue,
                    _ => return Ok(false),
                }
            }
            let sent = u32::try_from(piece.len()).map_err(io::Error::other)?;
            self.window -= sent;
            self.stream_window -= sent;
            self.send(0, u8::from(next.is_empty()), stream, piece)?;
            if next.is_empty() {
                return Ok(true);
            }
            rest = next;
        }
    }
}

/// Whether an error of reading says that nothing comes any more.
pub fn is_closed(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), UnexpectedEof | ConnectionReset | BrokenPipe)
}

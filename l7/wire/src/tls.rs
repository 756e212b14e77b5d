//! The server's name that a TLS client asks for, read from its first message as its bytes arrive (RFC 8446,
//! 4.1.2; RFC 6066, 3). Nothing is decrypted, and nothing of the message is kept but the name.
//!
//! What servers' libraries read in different ways is refused: the extension twice, several names or another
//! kind of name in it, lengths that don't fit each other. Of a message with an encrypted inner one (ECH) the
//! outer name is told, which is the one that the network sees.

mod hello;

use core::fmt;

use crate::name::Name;
use hello::Hello;

/// Most bytes that are read for one message, the records' headers included.
pub const MAX_HELLO: usize = 64 * 1024;

/// Most bytes of a record (RFC 8446, 5.1).
const MAX_RECORD: u16 = 1 << 14;
const HANDSHAKE: u8 = 22;
const MAJOR_VERSION: u8 = 3;

/// Why there is no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotHello {
    /// It begins as something else.
    NotTls,
    /// It begins as one, but its lengths don't fit, or the name is told in a way that has several readings.
    Malformed,
    /// It goes on for more than [`MAX_HELLO`] bytes.
    TooLong,
}

impl fmt::Display for NotHello {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotTls => f.write_str("not TLS"),
            Self::Malformed => f.write_str("a malformed TLS ClientHello"),
            Self::TooLong => write!(f, "a TLS ClientHello of more than {MAX_HELLO} bytes"),
        }
    }
}

impl core::error::Error for NotHello {}

/// What is told of a ClientHello.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientHello<'a> {
    /// As sent; `None` if the client names no server.
    pub server_name: Option<&'a ServerName>,
    /// Whether it carries an encrypted inner one, or pretends to (GREASE).
    pub has_inner: bool,
}

/// The name of a server as a client sent it: 1 to 255 bytes of any kind.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ServerName {
    /// What is behind `length` is zero.
    bytes: [u8; 255],
    length: u8,
}

impl ServerName {
    const EMPTY: Self = Self {
        bytes: [0; 255],
        length: 0,
    };

    /// From bytes as sent; `None` if there are none, or more than 255.
    pub fn new(bytes: &[u8]) -> Option<Self> {
        let mut name = Self::EMPTY;
        bytes.iter().try_for_each(|byte| name.push(*byte))?;
        (name.length > 0).then_some(name)
    }

    fn push(&mut self, byte: u8) -> Option<()> {
        *self.bytes.get_mut(usize::from(self.length))? = byte;
        self.length = self.length.saturating_add(1);
        Some(())
    }

    /// As sent.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes
            .get(..usize::from(self.length))
            .unwrap_or_default()
    }

    /// As a name that patterns can match; `None` for what is none, such as one with a dot at its end
    /// (RFC 6066, 3: without it).
    pub fn to_name(&self) -> Option<Name> {
        let text = core::str::from_utf8(self.as_bytes()).ok()?;
        let text = (!text.ends_with('.')).then_some(text)?;
        Name::from_text(text).ok()
    }
}

impl fmt::Display for ServerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.as_bytes().escape_ascii())
    }
}

impl fmt::Debug for ServerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerName({self})")
    }
}

/// Reads a ClientHello from bytes in pieces of any size. What it tells doesn't depend on the pieces.
#[derive(Clone, Debug)]
pub struct Reader {
    hello: Hello,
    record: Record,
    /// Bytes read so far.
    read: usize,
    failed: Option<NotHello>,
}

/// Where in a record the next byte is.
#[derive(Clone, Copy, Debug)]
enum Record {
    Kind,
    Major,
    Minor,
    LengthHigh,
    LengthLow(u8),
    /// Bytes that are left of its content.
    Content(u16),
}

impl Default for Reader {
    fn default() -> Self {
        Self::new()
    }
}

impl Reader {
    /// Before the first byte of a connection.
    pub fn new() -> Self {
        Self {
            hello: Hello::new(),
            record: Record::Kind,
            read: 0,
            failed: None,
        }
    }

    /// Reads on. `None`: the message goes on. Once it is complete, further bytes are not looked at.
    ///
    /// # Errors
    /// If the bytes so far can't begin a ClientHello; then always the same.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Option<ClientHello<'_>>, NotHello> {
        if let Some(failed) = self.failed {
            return Err(failed);
        }
        for byte in bytes {
            if self.hello.is_complete() {
                break;
            }
            if let Err(failed) = self.byte(*byte) {
                self.failed = Some(failed);
                return Err(failed);
            }
        }
        Ok(self.hello.is_complete().then(|| self.hello.told()))
    }

    fn byte(&mut self, byte: u8) -> Result<(), NotHello> {
        self.read = self.read.saturating_add(1);
        if self.read > MAX_HELLO {
            return Err(NotHello::TooLong);
        }
        self.record = match self.record {
            Record::Kind if byte == HANDSHAKE => Record::Major,
            Record::Major if byte == MAJOR_VERSION => Record::Minor,
            Record::Kind | Record::Major if self.hello.has_begun() => {
                return Err(NotHello::Malformed);
            }
            Record::Kind | Record::Major => return Err(NotHello::NotTls),
            Record::Minor => Record::LengthHigh,
            Record::LengthHigh => Record::LengthLow(byte),
            Record::LengthLow(high) => match u16::from_be_bytes([high, byte]) {
                // RFC 8446, 5.1: no empty records of a handshake.
                length @ 1..=MAX_RECORD => Record::Content(length),
                _ => return Err(NotHello::Malformed),
            },
            Record::Content(left) => {
                self.hello.byte(byte)?;
                match left.saturating_sub(1) {
                    0 => Record::Kind,
                    left => Record::Content(left),
                }
            }
        };
        Ok(())
    }
}

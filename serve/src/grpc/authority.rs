//! Clients that talk over a unix socket by gRPC's C library (Python, C++, Ruby, PHP) send the escaped
//! path as `:authority`: `%2Frun%2Fflows%2Fdemo%2Frelay.sock`. An authority has no such characters
//! (RFC 3986, 3.2.2), and HTTP/2 as we use it refuses the call. Nothing of ours looks at the authority,
//! so what can't stand there is replaced while the bytes are read.
//!
//! Each byte takes the place of one byte, so lengths, and what both sides remember of headers (RFC
//! 7541's dynamic table), stay as the client counts them. The name may be a number or be spelled out, as
//! newer versions do. What is in Huffman code passes as it is: that library doesn't use it.

/// Length of the text with which a client opens an HTTP/2 connection.
const PREFACE: u32 = 24;
/// RFC 7541, appendix A.
const AUTHORITY: u8 = 1;
/// The same, spelled out.
const NAME: &[u8] = b":authority";

mod frame {
    pub(super) const HEADERS: u8 = 1;
    pub(super) const CONTINUATION: u8 = 9;
    pub(super) const END_HEADERS: u8 = 0x4;
    pub(super) const PADDED: u8 = 0x8;
    pub(super) const PRIORITY: u8 = 0x20;
}

/// Follows the bytes of one connection.
#[derive(Debug)]
pub(super) struct Rewriter {
    at: At,
    headers: Hpack,
}

/// Where in the sequence of frames.
#[derive(Clone, Copy, Debug)]
enum At {
    /// In what is passed on unread: so many bytes to go.
    Skip(u32),
    /// In a frame's head.
    Head { have: usize, head: [u8; 9] },
    /// At the length of the padding of a frame with headers: so many bytes follow.
    PadLength { left: u32, flags: u8 },
    /// In the priority: so many bytes to go, and what follows them.
    Priority {
        bytes: u32,
        left: u32,
        pad: u32,
        last: bool,
    },
    /// In a block of headers.
    Block { left: u32, pad: u32, last: bool },
}

/// Where in a block of headers.
#[derive(Clone, Copy, Debug)]
enum Hpack {
    /// At a representation.
    Start,
    /// In a number that is longer than its first byte; a literal follows, or not.
    Number { literal: bool },
    /// At the length of a name, of a value.
    Length {
        name: bool,
        authority: bool,
        long: Option<Long>,
    },
    /// In a value, which is rewritten or not.
    Text { left: u64, rewrite: bool },
    /// In a name: so many bytes to go, and what is to come of [`NAME`] if it is that so far.
    Name {
        left: u64,
        rest: Option<&'static [u8]>,
    },
}

/// A length that takes several bytes.
#[derive(Clone, Copy, Debug)]
struct Long {
    value: u64,
    shift: u32,
    huffman: bool,
}

impl Default for Rewriter {
    fn default() -> Self {
        Self {
            at: At::Skip(PREFACE),
            headers: Hpack::Start,
        }
    }
}

impl Rewriter {
    /// Takes what was read next.
    pub(super) fn pass(&mut self, mut bytes: &mut [u8]) {
        loop {
            // What is not of interest is most of it.
            if let At::Skip(left) = &mut self.at {
                let now = bytes
                    .len()
                    .min(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= u32::try_from(now).unwrap_or(0);
                bytes = &mut bytes[now..];
                if *left > 0 {
                    return;
                }
                self.at = HEAD;
            }
            let Some((first, rest)) = bytes.split_first_mut() else {
                return;
            };
            self.byte(first);
            bytes = rest;
        }
    }

    fn byte(&mut self, byte: &mut u8) {
        self.at = match self.at {
            At::Skip(left) => At::Skip(left),
            At::Head { have, mut head } => {
                head[have] = *byte;
                if have + 1 < head.len() {
                    At::Head {
                        have: have + 1,
                        head,
                    }
                } else {
                    of_frame(head)
                }
            }
            At::PadLength { left, flags } => {
                let pad = u32::from(*byte);
                block(left.saturating_sub(1).saturating_sub(pad), pad, flags)
            }
            At::Priority {
                bytes: 1,
                left,
                pad,
                last,
            } => At::Block { left, pad, last },
            At::Priority {
                bytes,
                left,
                pad,
                last,
            } => At::Priority {
                bytes: bytes - 1,
                left,
                pad,
                last,
            },
            At::Block { left, pad, last } => {
                self.headers = self.headers.byte(byte);
                At::Block {
                    left: left - 1,
                    pad,
                    last,
                }
            }
        };
        if let At::Block { left: 0, pad, last } = self.at {
            if last {
                self.headers = Hpack::Start;
            }
            self.at = At::Skip(pad);
        }
    }
}

const HEAD: At = At::Head {
    have: 0,
    head: [0; 9],
};

fn of_frame(head: [u8; 9]) -> At {
    let [high, middle, low, kind, flags, ..] = head;
    let length = u32::from_be_bytes([0, high, middle, low]);
    match kind {
        frame::HEADERS if flags & frame::PADDED != 0 && length > 0 => At::PadLength {
            left: length,
            flags,
        },
        frame::HEADERS => block(length, 0, flags),
        frame::CONTINUATION => block(length, 0, flags & frame::END_HEADERS),
        _ => At::Skip(length),
    }
}

fn block(length: u32, pad: u32, flags: u8) -> At {
    let last = flags & frame::END_HEADERS != 0;
    if flags & frame::PRIORITY != 0 && length >= 5 {
        At::Priority {
            bytes: 5,
            left: length - 5,
            pad,
            last,
        }
    } else {
        At::Block {
            left: length,
            pad,
            last,
        }
    }
}

impl Hpack {
    fn byte(self, byte: &mut u8) -> Self {
        match self {
            Self::Start => Self::representation(*byte),
            Self::Number { literal } if *byte & 0x80 != 0 => Self::Number { literal },
            // Long numbers name no `:authority`.
            Self::Number { literal: true } => Self::value(false),
            Self::Number { literal: false } => Self::Start,
            Self::Length {
                name,
                authority,
                long,
            } => {
                let long = match long {
                    None if *byte & 0x7f == 0x7f => Long {
                        value: 0x7f,
                        shift: 0,
                        huffman: *byte & 0x80 != 0,
                    },
                    None => {
                        return Self::text(
                            u64::from(*byte & 0x7f),
                            *byte & 0x80 != 0,
                            name,
                            authority,
                        );
                    }
                    Some(Long {
                        value,
                        shift,
                        huffman,
                    }) => {
                        let more = u64::from(*byte & 0x7f).checked_shl(shift).unwrap_or(0);
                        let value = value.saturating_add(more);
                        if *byte & 0x80 == 0 {
                            return Self::text(value, huffman, name, authority);
                        }
                        Long {
                            value,
                            shift: shift + 7,
                            huffman,
                        }
                    }
                };
                Self::Length {
                    name,
                    authority,
                    long: Some(long),
                }
            }
            Self::Text { left, rewrite } => {
                if rewrite && !may_stand(*byte) {
                    *byte = b'-';
                }
                Self::in_value(left - 1, rewrite)
            }
            Self::Name { left, rest } => {
                let rest = rest.and_then(|rest| rest.strip_prefix(&[*byte]));
                Self::in_name(left - 1, rest)
            }
        }
    }

    fn representation(byte: u8) -> Self {
        let (prefix, literal) = match byte {
            0x80.. => (0x7f, false),
            0x40.. => (0x3f, true),
            0x20.. => (0x1f, false),
            _ => (0x0f, true),
        };
        let number = byte & prefix;
        match (number, literal) {
            (number, literal) if number == prefix => Self::Number { literal },
            (0, true) => Self::Length {
                name: true,
                authority: false,
                long: None,
            },
            (number, true) => Self::value(number == AUTHORITY),
            (_, false) => Self::Start,
        }
    }

    fn value(authority: bool) -> Self {
        Self::Length {
            name: false,
            authority,
            long: None,
        }
    }

    fn text(length: u64, huffman: bool, name: bool, authority: bool) -> Self {
        match name {
            true => Self::in_name(length, (!huffman).then_some(NAME)),
            false => Self::in_value(length, authority && !huffman),
        }
    }

    fn in_name(left: u64, rest: Option<&'static [u8]>) -> Self {
        match left {
            0 => Self::value(rest.is_some_and(<[u8]>::is_empty)),
            left => Self::Name { left, rest },
        }
    }

    fn in_value(left: u64, rewrite: bool) -> Self {
        match left {
            0 => Self::Start,
            left => Self::Text { left, rewrite },
        }
    }
}

/// What RFC 3986 lets stand in an authority, but for the percent sign.
fn may_stand(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@[]".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len())
            .expect("a short frame")
            .to_be_bytes();
        let head = [length[1], length[2], length[3], kind, flags, 0, 0, 0, 1];
        [&head, payload].concat()
    }

    /// `:method`, `:scheme` and `:path` as C's library writes them, then `:authority`, then one more.
    fn headers(authority: &str) -> Vec<u8> {
        let length = u8::try_from(authority.len()).expect("a short authority");
        let mut block = vec![0x83, 0x86, 0x44, 2];
        block.extend(b"/%");
        block.extend([0x41, length]);
        block.extend(authority.as_bytes());
        block.extend([0x40, 1, b'%', 1, b'%']);
        block
    }

    /// Names as gRPC 1.85 for Python writes them.
    fn spelled(authority: &str) -> Vec<u8> {
        let mut block = Vec::new();
        for (name, value) in [
            (":path", "/%"),
            (":authority", authority),
            (":authorit", "%"),
            (":authority2", "%"),
            ("", "%"),
        ] {
            block.push(0x40);
            for text in [name, value] {
                block.push(u8::try_from(text.len()).expect("a short text"));
                block.extend(text.as_bytes());
            }
        }
        block
    }

    #[test]
    fn only_the_authority_changes() {
        let escaped = headers("%2Frun%2Fflows%2Fdemo%2Frelay.sock");
        let plain = headers("-2Frun-2Fflows-2Fdemo-2Frelay.sock");
        let long = format!("{}%", "a".repeat(200));
        let long_plain = format!("{}-", "a".repeat(200));
        let with_long =
            |text: &str| [&[0x41, 0x7f, 0x80 | (201 - 127)], &[][..], text.as_bytes()].concat();
        let data = frame(0, 0, b"%%%%%%");
        let settings = frame(4, 0, &[]);
        let padded = |block: &[u8]| [&[3, 0x80, 0, 0, 0, 9], block, b"%%%"].concat();
        for (name, sent, want) in [
            ("one frame", frame(1, 4, &escaped), frame(1, 4, &plain)),
            (
                "with priority and padding",
                frame(1, 0x2c, &padded(&escaped)),
                frame(1, 0x2c, &padded(&plain)),
            ),
            (
                "in two frames",
                [frame(1, 0, &escaped[..20]), frame(9, 4, &escaped[20..])].concat(),
                [frame(1, 0, &plain[..20]), frame(9, 4, &plain[20..])].concat(),
            ),
            (
                "twice",
                [frame(1, 4, &escaped), frame(1, 4, &escaped)].concat(),
                [frame(1, 4, &plain), frame(1, 4, &plain)].concat(),
            ),
            (
                "behind a change of the table's size, a long index and a frame that ends early",
                frame(
                    1,
                    4,
                    &[
                        &[0x3f, 0xe1, 0x1f, 0xff, 0x01, 0x0f, 0x2f, 1, b'%'],
                        &escaped[..],
                    ]
                    .concat(),
                ),
                frame(
                    1,
                    4,
                    &[
                        &[0x3f, 0xe1, 0x1f, 0xff, 0x01, 0x0f, 0x2f, 1, b'%'],
                        &plain[..],
                    ]
                    .concat(),
                ),
            ),
            (
                "a good one",
                frame(1, 4, &headers("[::1]:4245")),
                frame(1, 4, &headers("[::1]:4245")),
            ),
            (
                "its name spelled out, among others that begin or end like it",
                frame(1, 4, &spelled("%2Frun%2Fa.sock")),
                frame(1, 4, &spelled("-2Frun-2Fa.sock")),
            ),
            (
                "its name in Huffman code",
                frame(
                    1,
                    4,
                    &[&[0x40, 0x8a][..], b":authority", &[1, b'%']].concat(),
                ),
                frame(
                    1,
                    4,
                    &[&[0x40, 0x8a][..], b":authority", &[1, b'%']].concat(),
                ),
            ),
            (
                "Huffman code",
                frame(1, 4, &[0x41, 0x81, b'%']),
                frame(1, 4, &[0x41, 0x81, b'%']),
            ),
            (
                "in other frames",
                frame(0, 0, &escaped),
                frame(0, 0, &escaped),
            ),
            ("nothing in it", frame(1, 0xc, &[]), frame(1, 0xc, &[])),
        ] {
            let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
            let stream = |middle: &[u8]| [preface, &settings[..], middle, &data].concat();
            for step in [1, 7, usize::MAX] {
                let (mut rewriter, mut got) = (Rewriter::default(), stream(&sent));
                for piece in got.chunks_mut(step) {
                    rewriter.pass(piece);
                }
                assert_eq!(got, stream(&want), "{name}, {step} bytes at a time");
            }
        }
        let mut sent = [&[0; 24], &frame(1, 4, &with_long(&long))[..]].concat();
        Rewriter::default().pass(&mut sent);
        assert!(sent.ends_with(&with_long(&long_plain)));
    }

    #[test]
    fn nonsense_is_passed_on() {
        let number = |n: u32| n.wrapping_mul(2_654_435_761).to_le_bytes()[2];
        let mut bytes: Vec<u8> = (0..100_000).map(number).collect();
        let before = bytes.len();
        let mut rewriter = Rewriter::default();
        for piece in bytes.chunks_mut(13) {
            rewriter.pass(piece);
        }
        assert_eq!(bytes.len(), before);
    }
}

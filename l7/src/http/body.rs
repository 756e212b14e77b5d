//! A body in chunks (RFC 9112, 7.1): where it ends, strictly, so that the server finds the same end.

#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

/// Most bytes of the line that begins a chunk: the size, and extensions, which nobody uses.
const MAX_LINE: usize = 256;

/// A body whose end can't be told with certainty. The connection must be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChunksError {
    /// A size that is not a hexadecimal number of up to 15 digits.
    #[error("a malformed chunk size")]
    Size,
    /// A line that doesn't end with CR LF, or a chunk that is longer than it says.
    #[error("a line of a chunked body does not end with CR LF")]
    LineEnd,
    /// A line that begins a chunk, or the lines behind the last, are too long.
    #[error("a line of a chunked body is too long")]
    TooLong,
    /// Headers behind the body: what was judged already is not added to.
    #[error("trailers behind a chunked body")]
    Trailer,
}

/// Most bytes of a response's trailers, with the line that ends them.
const MAX_TRAILERS: usize = 8 * 1024;

/// Follows a chunked body to its end.
#[derive(Clone, Debug)]
pub struct Chunks {
    step: Step,
    /// Bytes of the present line, or of all trailers.
    line: usize,
    has_trailers: bool,
    failed: Option<ChunksError>,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    /// So many digits, and their value.
    Size(u8, u64),
    Extension {
        size: u64,
    },
    SizeEnd {
        size: u64,
    },
    Data(u64),
    DataReturn,
    DataEnd,
    /// Behind the last chunk, where a line begins.
    Trailer,
    TrailerLine,
    TrailerLineEnd,
    TrailerEnd,
    Complete,
}

impl Default for Chunks {
    fn default() -> Self {
        Self::new()
    }
}

impl Chunks {
    /// Before the first byte of a request's body. Trailers are refused.
    pub fn new() -> Self {
        Self {
            step: Step::Size(0, 0),
            line: 0,
            has_trailers: false,
            failed: None,
        }
    }

    /// Before the first byte of a response's body, which nothing was judged for: trailers pass.
    pub fn with_trailers() -> Self {
        Self {
            has_trailers: true,
            ..Self::new()
        }
    }

    /// Whether the body has ended.
    pub fn is_complete(&self) -> bool {
        matches!(self.step, Step::Complete)
    }

    /// Reads on, and returns how many of the bytes are the body's: all, unless it ends among them.
    ///
    /// # Errors
    /// If the end can't be told; then always the same.
    pub fn push(&mut self, bytes: &[u8]) -> Result<usize, ChunksError> {
        if let Some(failed) = self.failed {
            return Err(failed);
        }
        let read = self.read(bytes);
        self.failed = read.err();
        read
    }

    fn read(&mut self, bytes: &[u8]) -> Result<usize, ChunksError> {
        let mut read: usize = 0;
        while let Some(byte) = bytes.get(read).filter(|_| !self.is_complete()) {
            if let Step::Data(left) = self.step {
                // Content is passed over as a whole.
                let here = bytes.len().saturating_sub(read);
                let taken = usize::try_from(left).map_or(here, |left| left.min(here));
                read = read.saturating_add(taken);
                let taken = u64::try_from(taken).unwrap_or(left);
                self.step = match left.saturating_sub(taken) {
                    0 => Step::DataReturn,
                    left => Step::Data(left),
                };
                continue;
            }
            read = read.saturating_add(1);
            self.step = self.byte(*byte)?;
        }
        Ok(read)
    }

    fn byte(&mut self, byte: u8) -> Result<Step, ChunksError> {
        self.line = self.line.saturating_add(1);
        let most = match self.step {
            Step::Trailer | Step::TrailerLine | Step::TrailerLineEnd | Step::TrailerEnd => {
                MAX_TRAILERS
            }
            Step::Size(..)
            | Step::Extension { .. }
            | Step::SizeEnd { .. }
            | Step::Data(_)
            | Step::DataReturn
            | Step::DataEnd
            | Step::Complete => MAX_LINE,
        };
        if self.line > most {
            return Err(ChunksError::TooLong);
        }
        let new_line = |this: &mut Self, step| {
            this.line = 0;
            step
        };
        Ok(match (self.step, byte) {
            (Step::Size(digits, size), byte) if byte.is_ascii_hexdigit() => {
                let digit = char::from(byte).to_digit(16).ok_or(ChunksError::Size)?;
                if digits >= 15 {
                    return Err(ChunksError::Size);
                }
                Step::Size(digits.saturating_add(1), size << 4 | u64::from(digit))
            }
            (Step::Size(1.., size), b'\r') => Step::SizeEnd { size },
            (Step::Size(1.., size), b';') => Step::Extension { size },
            (Step::Size(..), _) => return Err(ChunksError::Size),
            (Step::Extension { size }, b'\r') => Step::SizeEnd { size },
            (Step::Extension { size }, b'\t' | b' '..=b'~') => Step::Extension { size },
            (Step::SizeEnd { size: 0 }, b'\n') => new_line(self, Step::Trailer),
            (Step::SizeEnd { size }, b'\n') => new_line(self, Step::Data(size)),
            (Step::DataReturn, b'\r') => Step::DataEnd,
            (Step::DataEnd, b'\n') => new_line(self, Step::Size(0, 0)),
            (Step::Trailer, b'\r') => Step::TrailerEnd,
            (Step::Trailer | Step::TrailerLine, b'\t' | b' '..=b'~' | 0x80..)
                if self.has_trailers =>
            {
                Step::TrailerLine
            }
            (Step::TrailerLine, b'\r') => Step::TrailerLineEnd,
            (Step::TrailerLineEnd, b'\n') => Step::Trailer,
            (Step::Trailer, _) => return Err(ChunksError::Trailer),
            (Step::TrailerEnd, b'\n') => Step::Complete,
            (
                Step::Extension { .. }
                | Step::SizeEnd { .. }
                | Step::DataReturn
                | Step::DataEnd
                | Step::TrailerLine
                | Step::TrailerLineEnd
                | Step::TrailerEnd,
                _,
            ) => return Err(ChunksError::LineEnd),
            (step @ (Step::Data(_) | Step::Complete), _) => step,
        })
    }
}

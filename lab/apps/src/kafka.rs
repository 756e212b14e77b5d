//! Kafka: a broker that keeps what it is given in memory, and a client that produces and fetches.

mod broker;
mod client;

pub use broker::Broker;
pub use client::{Answer, fetch, produce};

use std::io::{self, Read, Write};

use bytes::{Bytes, BytesMut};

/// The longest frame that is read.
const FRAME: usize = 16 << 20;

/// Reads a frame: four bytes of length, and that much.
fn read_frame(from: &mut impl Read) -> io::Result<Bytes> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let length = usize::try_from(i32::from_be_bytes(length)).ok();
    let length = length.filter(|length| *length <= FRAME);
    let length = length.ok_or_else(|| broken("a frame's length"))?;
    let mut frame = vec![0; length];
    from.read_exact(&mut frame)?;
    Ok(frame.into())
}

fn write_frame(to: &mut impl Write, frame: &BytesMut) -> io::Result<()> {
    let length = i32::try_from(frame.len()).map_err(io::Error::other)?;
    to.write_all(&[&length.to_be_bytes()[..], frame].concat())
}

fn broken(what: impl std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("Kafka: {what}"))
}

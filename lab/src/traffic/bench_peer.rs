//! The two ends of a network measurement, each pinned to a core: what the datapath costs is seen
//! only when both share one, for a wake-up on another core takes far longer than any program.

use std::io::{self, Read, Write};
use std::net::{Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::sched::{CpuSet, sched_setaffinity};
use nix::sys::socket::{setsockopt, sockopt};
use nix::unistd::Pid;

use crate::error::{Context, Result};
use crate::traffic::duration;

/// What an end does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Part {
    /// Answer the other parts, one connection after another.
    Serve,
    /// Request and response of one byte on one connection.
    Rr,
    /// The same on a connection for each, ended by a reset so that no port waits.
    Crr,
    /// Bytes as fast as they are taken.
    Stream,
}

/// One end.
#[derive(Clone, Debug, clap::Args)]
pub struct BenchPeer {
    /// What it does.
    #[arg(value_enum)]
    pub part: Part,
    /// Where the server listens, or is.
    #[arg(long, default_value = "[::]:7000")]
    pub address: SocketAddr,
    /// Core to stay on.
    #[arg(long, default_value_t = 0)]
    pub core: usize,
    /// How long to measure.
    #[arg(long = "for", default_value = "300ms", value_parser = duration)]
    pub length: Duration,
}

/// First byte of a connection: what the server is to do with it.
const ECHO: u8 = b'e';
const SINK: u8 = b's';

impl BenchPeer {
    /// Serves until stopped, or measures and returns transactions (or bytes) per second.
    ///
    /// # Errors
    /// [`crate::Error::Io`].
    pub fn run(&self) -> Result<f64> {
        let name = self.address.to_string();
        let place = Path::new(&name);
        let mut cores = CpuSet::new();
        cores
            .set(self.core)
            .and_then(|()| sched_setaffinity(Pid::from_raw(0), &cores))
            .context("stay on one core for", place)?;
        match self.part {
            Part::Serve => {
                let address = (Ipv6Addr::UNSPECIFIED, self.address.port());
                let listener = TcpListener::bind(address).context("listen on", place)?;
                loop {
                    let (stream, _) = listener.accept().context("accept on", place)?;
                    if let Err(error) = answer(stream) {
                        tracing::trace!(%error, "connection ended");
                    }
                }
            }
            Part::Rr => self.rr().context("measure with", place),
            Part::Crr => self.crr().context("measure with", place),
            Part::Stream => self.stream().context("measure with", place),
        }
    }

    fn connect(&self, mode: u8) -> io::Result<TcpStream> {
        let mut stream = TcpStream::connect_timeout(&self.address, Duration::from_secs(5))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.write_all(&[mode])?;
        Ok(stream)
    }

    /// Calls `once` until the time is over; how many things it did per second. The clock is read
    /// every few calls only.
    fn repeat(&self, mut once: impl FnMut() -> io::Result<u64>) -> io::Result<f64> {
        let begin = Instant::now();
        let mut done = 0;
        loop {
            for _ in 0..8 {
                done += once()?;
            }
            let took = begin.elapsed();
            if took >= self.length {
                #[expect(clippy::cast_precision_loss, reason = "a rate of a few digits")]
                return Ok(done as f64 / took.as_secs_f64());
            }
        }
    }

    fn rr(&self) -> io::Result<f64> {
        let mut stream = self.connect(ECHO)?;
        let mut byte = [ECHO];
        stream.read_exact(&mut byte)?;
        self.repeat(|| {
            stream.write_all(&byte)?;
            stream.read_exact(&mut byte)?;
            Ok(1)
        })
    }

    fn crr(&self) -> io::Result<f64> {
        self.repeat(|| {
            let mut stream = self.connect(ECHO)?;
            stream.read_exact(&mut [0])?;
            let reset = nix::libc::linger {
                l_onoff: 1,
                l_linger: 0,
            };
            setsockopt(&stream.as_fd(), sockopt::Linger, &reset)?;
            Ok(1)
        })
    }

    fn stream(&self) -> io::Result<f64> {
        let mut stream = self.connect(SINK)?;
        let data = vec![0; 128 << 10];
        self.repeat(|| {
            stream.write_all(&data)?;
            Ok(128 << 10)
        })
    }
}

/// Echoes the mode byte and all that follows, or swallows it.
fn answer(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut mode = [0];
    stream.read_exact(&mut mode)?;
    if mode == [ECHO] {
        stream.write_all(&mode)?;
    }
    let mut buffer = vec![0; 256 << 10];
    loop {
        let length = stream.read(&mut buffer)?;
        if length == 0 {
            return Ok(());
        }
        if mode == [ECHO] {
            stream.write_all(&buffer[..length])?;
        }
    }
}

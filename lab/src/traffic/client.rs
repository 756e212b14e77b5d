//! A client: tries a connection again and again and says what became of it.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs, UdpSocket};
use std::os::fd::OwnedFd;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::socket::{AddressFamily, SockFlag, SockProtocol, SockType, socket};

use crate::error::{Error, Result};
use crate::traffic::duration;

/// Whom to call, and how often.
#[derive(Clone, Debug, clap::Args)]
pub struct Client {
    /// HOST:PORT, or HOST with --icmp. Names of pods and services stand in /etc/hosts.
    #[arg(long)]
    pub to: String,
    /// Time between two tries.
    #[arg(long, default_value = "1s", value_parser = duration)]
    pub every: Duration,
    /// Wait that long before the first try: servers that start with it come to listening first.
    #[arg(long, default_value = "0s", value_parser = duration)]
    pub after: Duration,
    /// How long to wait for an answer.
    #[arg(long, default_value = "1s", value_parser = duration)]
    pub timeout: Duration,
    /// Stop after that many tries and exit with what became of the last: 0 connected, 2 timed out,
    /// 3 refused, 4 unreachable.
    #[arg(long)]
    pub count: Option<u64>,
    /// UDP: the server must echo.
    #[arg(long)]
    pub udp: bool,
    /// ICMP echo.
    #[arg(long, conflicts_with = "udp")]
    pub icmp: bool,
    /// TCP: keep one connection and send a line on it each time; the server must echo.
    #[arg(long, conflicts_with_all = ["udp", "icmp"])]
    pub hold: bool,
    /// UDP: send from this address.
    #[arg(long, requires = "udp")]
    pub from: Option<IpAddr>,
    /// Prefer IPv6 where the name has both.
    #[arg(long, short = '6')]
    pub ipv6: bool,
}

/// What became of a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was answered.
    Connected,
    /// It wasn't, in time.
    TimedOut,
    /// The other end, or something before it, said no.
    Refused,
    /// There is no way there.
    Unreachable,
}

impl Outcome {
    /// The exit code that stands for it.
    pub fn code(self) -> u8 {
        match self {
            Self::Connected => 0,
            Self::TimedOut => 2,
            Self::Refused => 3,
            Self::Unreachable => 4,
        }
    }

    /// What an exit code stands for.
    pub fn from_code(code: i32) -> Option<Self> {
        [
            Self::Connected,
            Self::TimedOut,
            Self::Refused,
            Self::Unreachable,
        ]
        .into_iter()
        .find(|outcome| i32::from(outcome.code()) == code)
    }

    /// What a line of a client's output says.
    pub fn in_line(line: &str) -> Option<Self> {
        let (_, rest) = line.split_once(' ')?;
        [
            Self::Connected,
            Self::TimedOut,
            Self::Refused,
            Self::Unreachable,
        ]
        .into_iter()
        .find(|outcome| rest.starts_with(&outcome.to_string()))
    }

    fn of(error: &io::Error) -> Self {
        let is = |kinds: [ErrorKind; 2]| kinds.contains(&error.kind());
        if is([ErrorKind::TimedOut, ErrorKind::WouldBlock]) {
            Self::TimedOut
        } else if is([ErrorKind::HostUnreachable, ErrorKind::NetworkUnreachable]) {
            Self::Unreachable
        } else {
            Self::Refused
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Connected => "connected",
            Self::TimedOut => "timed out",
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
        })
    }
}

impl Client {
    /// Tries until it is stopped, or `count` times; returns what became of the last try. Each is
    /// told to `say`.
    ///
    /// # Errors
    /// [`Error::Command`] if the destination has no address.
    pub fn run(&self, say: &mut dyn FnMut(&str)) -> Result<Outcome> {
        thread::sleep(self.after);
        let mut tries = 0;
        let mut held: Option<TcpStream> = None;
        loop {
            let began = Instant::now();
            let (to, outcome) = self.attempt(&mut held, tries)?;
            let took = began.elapsed();
            say(&format!(
                "{to} {outcome} after {:.1} ms",
                took.as_secs_f64() * 1e3
            ));
            tries += 1;
            if self.count.is_some_and(|count| tries >= count) {
                return Ok(outcome);
            }
            thread::sleep(self.every.saturating_sub(took));
        }
    }

    fn attempt(&self, held: &mut Option<TcpStream>, number: u64) -> Result<(SocketAddr, Outcome)> {
        let to = self.resolve(number)?;
        let result = if self.udp {
            self.datagram(to)
        } else if self.icmp {
            self.ping(to)
        } else {
            self.stream(to, held, number)
        };
        Ok((
            to,
            result.map_or_else(|error| Outcome::of(&error), |()| Outcome::Connected),
        ))
    }

    /// The address to try: of a service's pods each in turn, as a service spreads its connections.
    fn resolve(&self, number: u64) -> Result<SocketAddr> {
        let unknown = |why: String| Error::Command {
            what: format!("{}: {why}", self.to),
        };
        let found = match self.icmp {
            true => (self.to.trim_matches(['[', ']']), 0).to_socket_addrs(),
            false => self.to.to_socket_addrs(),
        };
        let found: Vec<SocketAddr> = found.map_err(|error| unknown(error.to_string()))?.collect();
        in_turn(&found, self.ipv6, number).ok_or_else(|| unknown("has no address".to_owned()))
    }

    fn stream(&self, to: SocketAddr, held: &mut Option<TcpStream>, number: u64) -> io::Result<()> {
        let mut stream = match held.take() {
            Some(stream) => stream,
            None => TcpStream::connect_timeout(&to, self.timeout)?,
        };
        if !self.hold {
            return Ok(());
        }
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(self.timeout))?;
        let line = format!("{number}\n");
        let answer = (&stream).write_all(line.as_bytes()).and_then(|()| {
            // Late answers to earlier lines come first.
            let mut got = Vec::new();
            let mut buffer = [0; 1024];
            while !got.ends_with(line.as_bytes()) {
                match stream.read(&mut buffer)? {
                    0 => return Err(ErrorKind::ConnectionReset.into()),
                    length => got.extend_from_slice(&buffer[..length]),
                }
            }
            Ok(())
        });
        // A connection that is merely silent is kept: it may speak again.
        if answer.as_ref().is_ok_and(|()| true)
            || answer
                .as_ref()
                .is_err_and(|error| Outcome::of(error) == Outcome::TimedOut)
        {
            *held = Some(stream);
        }
        answer
    }

    fn datagram(&self, to: SocketAddr) -> io::Result<()> {
        let any: IpAddr = match to {
            SocketAddr::V4(_) => std::net::Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::UNSPECIFIED.into(),
        };
        let socket = UdpSocket::bind((self.from.unwrap_or(any), 0))?;
        socket.connect(to)?;
        socket.set_read_timeout(Some(self.timeout))?;
        socket.send(b"hello\n")?;
        socket.recv(&mut [0; 64]).map(|_length| ())
    }

    fn ping(&self, to: SocketAddr) -> io::Result<()> {
        let (family, protocol, kind) = match to {
            SocketAddr::V4(_) => (AddressFamily::Inet, SockProtocol::Icmp, 8),
            SocketAddr::V6(_) => (AddressFamily::Inet6, SockProtocol::IcmpV6, 128),
        };
        let flags = SockFlag::SOCK_CLOEXEC;
        let socket: OwnedFd = socket(family, SockType::Datagram, flags, Some(protocol))?;
        // A ping socket takes and gives ICMP messages as datagrams; the kernel fills in the
        // identifier and the checksum.
        let socket = UdpSocket::from(socket);
        socket.connect(to)?;
        socket.set_read_timeout(Some(self.timeout))?;
        socket.send(&[kind, 0, 0, 0, 0, 0, 0, 1, b'f', b'l', b'o', b'w'])?;
        socket.recv(&mut [0; 64]).map(|_length| ())
    }
}

/// Of the addresses of the family that is preferred (of all, if there is none) the one whose turn it is.
fn in_turn(found: &[SocketAddr], ipv6: bool, number: u64) -> Option<SocketAddr> {
    let preferred: Vec<&SocketAddr> = found
        .iter()
        .filter(|address| address.is_ipv6() == ipv6)
        .collect();
    let among = match preferred.is_empty() {
        true => found.iter().collect(),
        false => preferred,
    };
    let count = u64::try_from(among.len()).ok()?;
    let turn = usize::try_from(number.checked_rem(count)?).ok()?;
    among.get(turn).map(|address| **address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_in_turn() {
        let found: Vec<SocketAddr> = ["10.0.0.1:80", "[fd00::1]:80", "10.0.0.2:80"]
            .map(|text| text.parse().unwrap())
            .into();
        let taken = |found: &[SocketAddr], ipv6| {
            (0..3)
                .map(|number| in_turn(found, ipv6, number).map(|address| address.to_string()))
                .collect::<Option<Vec<_>>>()
        };
        let expected = |texts: [&str; 3]| Some(texts.map(str::to_owned).to_vec());
        assert_eq!(
            taken(&found, false),
            expected(["10.0.0.1:80", "10.0.0.2:80", "10.0.0.1:80"])
        );
        let six = "[fd00::1]:80";
        assert_eq!(taken(&found, true), expected([six, six, six]));
        assert_eq!(
            taken(&found[..1], true),
            expected(["10.0.0.1:80"; 3]),
            "there is no other"
        );
        assert_eq!(taken(&[], false), None);
    }
}

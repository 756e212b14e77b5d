//! A server: echoes what it gets, says what it was told to say, or speaks a protocol of layer 7.

use std::io::{self, Read, Write};
use std::net::{Ipv6Addr, TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::thread;

use apps::dns::{self, Zone};
use apps::https;
use apps::kafka::Broker;

use crate::error::{Context, Result};

/// What to serve. Listens on every address, IPv4 and IPv6.
#[derive(Clone, Debug, clap::Args)]
pub struct Serve {
    /// Protocol.
    #[arg(value_enum)]
    pub protocol: Protocol,
    /// Port to listen on.
    #[arg(long, short)]
    pub port: u16,
    /// TCP: say this line first, as databases and mail servers do.
    #[arg(long)]
    pub banner: Option<String>,
    /// TCP, HTTPS: answer HTTP requests with this text.
    #[arg(long, conflicts_with = "banner")]
    pub http: Option<String>,
    /// DNS: a name and its address, or another name; repeatable.
    #[arg(long = "answer", value_name = "NAME=ADDRESS")]
    pub answers: Vec<dns::Entry>,
    /// DNS: how many seconds answers may be kept.
    #[arg(long, default_value_t = 30)]
    pub ttl: u32,
    /// HTTPS: a name of the certificate; repeatable.
    #[arg(long = "certificate", value_name = "NAME")]
    pub names: Vec<String>,
    /// Kafka: a topic; repeatable.
    #[arg(long = "topic")]
    pub topics: Vec<String>,
}

/// What a server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// DNS, by UDP and TCP: a resolver that knows the names of --answer.
    Dns,
    /// HTTP over TLS, with a certificate of its own.
    Https,
    /// Kafka: a broker that keeps its --topic in memory.
    Kafka,
}

impl Serve {
    /// Serves until it is stopped.
    ///
    /// # Errors
    /// [`crate::Error::Io`], [`crate::Error::App`].
    pub fn run(&self) -> Result<()> {
        let name = format!("port {}", self.port);
        let place = Path::new(&name);
        let address = (Ipv6Addr::UNSPECIFIED, self.port);
        match self.protocol {
            Protocol::Tcp => {
                let listener = TcpListener::bind(address).context("listen on", place)?;
                tracing::info!(port = self.port, "listening");
                // One thread per connection; the kernel's backlog and thread limit bound them.
                thread::scope(|scope| {
                    for connection in listener.incoming() {
                        let stream = match connection {
                            Ok(stream) => stream,
                            Err(error) => {
                                tracing::warn!(%error, "connection lost before it was taken");
                                continue;
                            }
                        };
                        scope.spawn(move || {
                            if let Err(error) = self.talk(stream) {
                                tracing::debug!(%error, "connection ended");
                            }
                        });
                    }
                });
                Ok(())
            }
            Protocol::Dns => {
                let udp = UdpSocket::bind(address).context("listen on", place)?;
                let zone = Zone {
                    entries: self.answers.clone(),
                    ttl: self.ttl,
                };
                zone.serve(&apps::listen(self.port)?, &udp);
                Ok(())
            }
            Protocol::Https => {
                let text = self.http.as_deref().unwrap_or("hello");
                https::serve(&apps::listen(self.port)?, &self.names, text)?;
                Ok(())
            }
            Protocol::Kafka => {
                // What clients are to connect to: the pod's name, as far as others know it.
                let host = nix::unistd::gethostname().map_err(io::Error::from);
                let host = host.context("name the host of", place)?;
                let broker = Broker::new(&host.to_string_lossy(), self.port, &self.topics);
                broker.serve(&apps::listen(self.port)?);
                Ok(())
            }
            Protocol::Udp => {
                let socket = UdpSocket::bind(address).context("listen on", place)?;
                tracing::info!(port = self.port, "listening");
                let mut buffer = vec![0; 65_536];
                loop {
                    let (length, from) = socket.recv_from(&mut buffer).context("read", place)?;
                    tracing::debug!(%from, length, "datagram");
                    if let Err(error) = socket.send_to(&buffer[..length], from) {
                        tracing::warn!(%from, %error, "no answer sent");
                    }
                }
            }
        }
    }

    fn talk(&self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        tracing::debug!(peer = ?stream.peer_addr(), "connection");
        if let Some(text) = &self.http {
            return apps::http::talk(stream, text);
        }
        if let Some(banner) = &self.banner {
            stream.write_all(format!("{banner}\r\n").as_bytes())?;
        }
        let mut buffer = [0; 16_384];
        loop {
            let length = stream.read(&mut buffer)?;
            if length == 0 {
                return Ok(());
            }
            stream.write_all(&buffer[..length])?;
        }
    }
}

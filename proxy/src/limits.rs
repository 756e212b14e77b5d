//! How much the proxy takes on, how long it waits, and what it answers then.

use std::time::Duration;

use clap::ValueEnum;
use l7::wire::dns::rcode;

/// The answer to a DNS query that no rule allows. Cilium's `tofqdns-dns-reject-response-code`, with its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RejectResponseCode {
    /// REFUSED (RFC 1035, 4.1.1): what it is. musl's resolver goes on waiting for another answer.
    #[value(name = "refused")]
    Refused,
    /// NXDOMAIN: all resolvers tell at once that there is no such name.
    #[value(name = "nameError")]
    NameError,
}

impl RejectResponseCode {
    /// The number in a response.
    pub fn rcode(self) -> u8 {
        match self {
            Self::Refused => rcode::REFUSED,
            Self::NameError => rcode::NAME_ERROR,
        }
    }
}

/// Bounds of memory and time, and what is refused with what.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at a time; more are reset.
    pub connections: usize,
    /// Connections of one client's address at a time.
    pub connections_per_client: usize,
    /// Until a connection to a server must be there. Cilium's `proxy-connect-timeout`.
    pub connect: Duration,
    /// Until a connection must have said what is needed to judge it, and each request must be complete.
    pub first_bytes: Duration,
    /// Until a connection on which nothing passes is reset.
    pub idle: Duration,
    /// Bytes that are held of what readers don't take, beyond a piece for each direction of a connection; then those
    /// who hold more aren't read.
    pub held: usize,
    /// Of these, for one client's address.
    pub held_per_client: usize,
    /// How long a connection waits for room whose own reader takes nothing.
    pub held_wait: Duration,
    /// DNS queries without an answer at a time; more are answered with SERVFAIL.
    pub queries: usize,
    /// DNS queries of one client's address.
    pub queries_per_client: usize,
    /// Until a DNS server must have answered.
    pub answer: Duration,
    /// Until a DNS session over TCP on which nothing is asked is closed.
    pub dns_idle: Duration,
    /// What is answered to DNS queries that no rule allows.
    pub reject: RejectResponseCode,
    /// Of Kafka connections.
    pub kafka: l7::kafka::Config,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 16_384,
            connections_per_client: 4_096,
            connect: Duration::from_secs(2),
            first_bytes: Duration::from_secs(10),
            idle: Duration::from_secs(3_600),
            held: 256 << 20,
            held_per_client: 64 << 20,
            held_wait: Duration::from_secs(10),
            queries: 8_192,
            queries_per_client: 1_024,
            answer: Duration::from_secs(10),
            dns_idle: Duration::from_secs(10),
            reject: RejectResponseCode::Refused,
            kafka: l7::kafka::Config {
                waiting: 1 << 20,
                ..l7::kafka::Config::default()
            },
        }
    }
}

//! gRPC over TCP, between machines: no waiting for a fuller packet, and a peer that vanished (its
//! machine lost power, a firewall forgot the connection) is noticed within half a minute.
//!
//! The kernel asks, by TCP keepalive (tcp(7)), not HTTP/2 by pings: gRPC servers in Go end a connection
//! whose client pings more often than every five minutes, and a stopped process still answers.

use std::time::Duration;

use tokio::net::TcpListener;
use tonic::transport::{Endpoint, server::TcpIncoming};

/// Silence before the kernel asks.
const SILENCE: Duration = Duration::from_secs(15);
/// Time from one question to the next.
const AGAIN: Duration = Duration::from_secs(5);
/// Questions without an answer before the connection is dead.
const QUESTIONS: u32 = 3;

/// A client's connections; those over unix sockets stay as they are.
#[must_use]
pub fn outgoing(endpoint: Endpoint) -> Endpoint {
    endpoint
        .tcp_nodelay(true)
        .tcp_keepalive(Some(SILENCE))
        .tcp_keepalive_interval(Some(AGAIN))
        .tcp_keepalive_retries(Some(QUESTIONS))
}

/// A server's connections.
#[must_use]
pub fn incoming(listener: TcpListener) -> TcpIncoming {
    TcpIncoming::from(listener)
        .with_nodelay(Some(true))
        .with_keepalive(Some(SILENCE))
        .with_keepalive_interval(Some(AGAIN))
        .with_keepalive_retries(Some(QUESTIONS))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tokio_stream::StreamExt as _;

    use super::*;

    /// Ports of established connections whose next timer is that of keepalive (2 in the kernel's
    /// `get_tcp4_sock`): (local, remote).
    fn kept_alive() -> Vec<(u16, u16)> {
        let port = |address: &str| {
            let (_, port) = address.rsplit_once(':').unwrap();
            u16::from_str_radix(port, 16).unwrap()
        };
        fs::read_to_string("/proc/net/tcp")
            .unwrap()
            .lines()
            .skip(1)
            .map(|line| line.split_whitespace().collect::<Vec<_>>())
            .filter(|fields| fields[3] == "01" && fields[5].starts_with("02:"))
            .map(|fields| (port(fields[1]), port(fields[2])))
            .collect()
    }

    #[tokio::test]
    async fn the_kernel_asks_from_both_ends() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
        let mut incoming = incoming(listener);
        let endpoint = outgoing(endpoint);
        let (connected, accepted) = tokio::join!(endpoint.connect(), incoming.next());
        let (_connected, accepted) = (connected.unwrap(), accepted.unwrap().unwrap());
        assert!(accepted.nodelay().unwrap());
        let (server, client) = (address.port(), accepted.peer_addr().unwrap().port());
        // What the client says first is acknowledged within a moment; until then that is the timer.
        while !(kept_alive().contains(&(server, client))
            && kept_alive().contains(&(client, server)))
        {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

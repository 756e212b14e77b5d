//! Connections whose rules allow everything.

use l7::rules::{PeerKind, Rules};
use tokio::net::TcpStream;

use crate::connection::{Connection, reset};
use crate::splice::{Ended, splice};

/// Carries a connection until it ends, or rules no longer allow all of it: it can't be judged from its middle.
pub(crate) async fn serve(connection: &Connection, client: TcpStream) {
    let Some(server) = connection.connect().await else {
        return reset(client);
    };
    carry(connection, client, server, |rules| {
        connection.is_refused(rules, PeerKind::Plain).then_some(())
    })
    .await;
}

/// Carries bytes both ways as they are, until `refused` finds that it may not go on, which it reports itself.
pub(crate) async fn carry(
    connection: &Connection,
    client: TcpStream,
    server: TcpStream,
    refused: impl FnMut(&Rules) -> Option<()>,
) {
    let limits = &connection.context.limits;
    let buffers = &connection.context.buffers;
    let ended = tokio::select! {
        ended = splice(&client, &server, buffers, limits.idle) => ended,
        () = connection.until_refused(refused) => {
            connection.context.counters.connections_reset.add();
            reset(client);
            return reset(server);
        }
    };
    match ended {
        Ended::Closed => return,
        Ended::Broken(error) => {
            tracing::trace!(client = %connection.client, %error, "a connection broke");
        }
        Ended::Idle => {
            let direction = connection.hop().direction();
            let idle = limits.idle.as_secs();
            let reason = format!("nothing passed for {idle} s");
            let record = connection.record(direction).failed(reason);
            connection.context.records.push(record);
        }
    }
    reset(client);
    reset(server);
}

//! TLS connections whose rules name servers: the client's first message is read, then bytes are carried
//! as they are.

use std::io;

use l7::rules::{Decision, Rules};
use l7::wire::tls::{NotHello, Reader, ServerName};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::connection::{Connection, reset, write_all};
use crate::plain;
use crate::record::{Layer7, Record};
use crate::room::Share;

/// What a client said first.
struct Hello {
    /// All of its bytes so far.
    bytes: Vec<u8>,
    /// The server that it names; none, if it isn't a ClientHello, or names none.
    name: Option<ServerName>,
    /// What is wrong with it.
    wrong: Option<NotHello>,
    /// Of its bytes.
    share: Share,
}

/// Why there is no first message.
#[derive(Debug, thiserror::Error)]
enum NoHello {
    #[error("the client closed before its TLS ClientHello was complete")]
    Closed,
    #[error("the client's TLS ClientHello did not come: {0}")]
    Io(#[from] io::Error),
}

/// Carries a connection whose client names a server that the rules allow.
pub(crate) async fn serve(connection: &Connection, client: TcpStream) {
    let context = &connection.context;
    let report_failed = |reason: String| {
        let direction = connection.hop().direction();
        let record = tls_record(connection, None, direction).failed(reason);
        context.records.push(record);
    };
    let limit = context.limits.first_bytes;
    let hello = match timeout(limit, read(connection, &client)).await {
        Ok(Ok(hello)) => hello,
        Ok(Err(error)) => {
            report_failed(error.to_string());
            return reset(client);
        }
        Err(_elapsed) => {
            report_failed(format!(
                "no complete TLS ClientHello within {} s",
                limit.as_secs_f32()
            ));
            return reset(client);
        }
    };
    if !judge(connection, &context.rules.load(), &hello) {
        context.counters.connections_reset.add();
        return reset(client);
    }
    let Some(server) = connection.connect().await else {
        return reset(client);
    };
    if let Err(error) = write_all(&server, &hello.bytes).await {
        report_failed(format!("sending to the server: {error}"));
        reset(client);
        return reset(server);
    }
    let Hello {
        bytes, name, share, ..
    } = hello;
    drop((bytes, share));
    plain::carry(connection, client, server, |rules| {
        let refusals = refusals(connection, rules, name.as_ref());
        let is_refused = !refusals.is_empty();
        for refusal in refusals {
            context.records.push(refusal);
        }
        is_refused.then_some(())
    })
    .await;
}

fn tls_record(
    connection: &Connection,
    name: Option<&ServerName>,
    direction: l7::rules::Direction,
) -> Record {
    let name = name.map(|name| name.to_string().into());
    Record {
        layer7: Layer7::Tls(name),
        ..connection.record(direction)
    }
}

/// Reads until the message is complete, or can't be one.
async fn read(connection: &Connection, client: &TcpStream) -> Result<Hello, NoHello> {
    let mut hello = Hello {
        bytes: Vec::new(),
        name: None,
        wrong: None,
        share: connection.room().share(),
    };
    let mut reader = Reader::new();
    loop {
        hello.share.room().await.map_err(io::Error::from)?;
        client.readable().await?;
        let mut buffer = connection.context.buffers.take();
        let length = match client.try_read(&mut buffer) {
            Ok(0) => return Err(NoHello::Closed),
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Err(error) => return Err(error.into()),
        };
        let bytes = &buffer[..length];
        hello.bytes.extend_from_slice(bytes);
        hello.share.set(hello.bytes.len());
        match reader.push(bytes) {
            Ok(None) => {}
            Ok(Some(found)) => {
                hello.name = found.server_name.copied();
                return Ok(hello);
            }
            Err(wrong) => {
                hello.wrong = Some(wrong);
                return Ok(hello);
            }
        }
    }
}

/// Judges at each side, and reports it. Whether all sides allow it.
fn judge(connection: &Connection, rules: &Rules, hello: &Hello) -> bool {
    let name = hello.name.as_ref();
    let mut is_allowed = true;
    for (side, set) in connection.hop().judges(rules) {
        let decision = set.judge_server_name(side.peer, name);
        let mut record = tls_record(connection, name, side.direction).decided(&decision);
        if let Decision::Denied(denial) = &decision {
            is_allowed = false;
            if let Some(wrong) = hello.wrong {
                record.reason = format!("{denial}: {wrong}").into();
            }
        }
        connection.context.records.push(record);
    }
    is_allowed
}

/// Records of the sides that no longer allow a connection that is open.
fn refusals(connection: &Connection, rules: &Rules, name: Option<&ServerName>) -> Vec<Record> {
    let hop = connection.hop();
    let denied = hop.judges(rules).filter_map(|(side, set)| {
        let decision = set.judge_server_name(side.peer, name);
        let record = || tls_record(connection, name, side.direction).decided(&decision);
        (!decision.is_allowed()).then(record)
    });
    denied.collect()
}

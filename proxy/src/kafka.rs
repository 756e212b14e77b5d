//! Kafka connections: what goes where is `l7::kafka::Connection`'s, once for each side that judges.
//!
//! ```text
//!  client <==> side (egress) <==> side (ingress) <==> server
//!          queue              queue               queue
//! ```
//!
//! Memory is flat: a side takes bytes only while the queues behind it are short, and an end is read only
//! while the queue that its bytes go to is empty, and its client has room.

mod chain;
mod report;

use std::io;
use std::pin::pin;

use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};

use crate::connection::{Connection, end_writing, reset};
use crate::hop::Kind;
use crate::room::{NoRoom, Share};
use crate::splice::Activity;
use chain::{Chain, Queue, Renewed};
use l7::rules::PeerKind;

/// Carries a connection, and judges each request by the rules of that moment.
pub(crate) async fn serve(connection: &Connection, client: TcpStream) {
    let Some(server) = connection.connect().await else {
        return reset(client);
    };
    let rules = connection.context.rules.load_full();
    let mut chain = Chain::new(connection, &rules);
    drop(rules);
    match carry(connection, &mut chain, &client, &server).await {
        Ended::Closed => return,
        Ended::Broken(error) => {
            tracing::trace!(client = %connection.client, %error, "a connection broke");
        }
        Ended::Refused => connection.context.counters.connections_reset.add(),
        Ended::Idle => {
            let idle = connection.context.limits.idle.as_secs();
            report_failed(connection, format!("nothing passed for {idle} s"));
        }
        Ended::NoRoom(error) => report_failed(connection, error.to_string()),
    }
    reset(client);
    reset(server);
}

fn report_failed(connection: &Connection, reason: String) {
    let direction = connection.hop().direction();
    let record = connection.record(direction).failed(reason);
    connection.context.records.push(record);
}

enum Ended {
    Closed,
    Broken(io::Error),
    /// Already reported.
    Refused,
    Idle,
    NoRoom(NoRoom),
}

impl From<io::Error> for Ended {
    fn from(error: io::Error) -> Self {
        Self::Broken(error)
    }
}

/// One end, and what is known of it.
struct End<'a> {
    stream: &'a TcpStream,
    /// It will send no more.
    has_ended: bool,
    /// It was told that no more comes.
    was_ended: bool,
}

impl<'a> End<'a> {
    fn new(stream: &'a TcpStream) -> Self {
        Self {
            stream,
            has_ended: false,
            was_ended: false,
        }
    }

    /// Reads what there is, and hands it on. What that says: whether the connection goes on.
    fn read(
        &mut self,
        connection: &Connection,
        share: &Share,
        hand_on: impl FnOnce(&[u8]) -> bool,
    ) -> io::Result<bool> {
        // A long one, which isn't kept: of batches as much as there is.
        let mut buffer = connection.context.datagrams.take();
        let most = share.most(buffer.len());
        match self.stream.try_read(&mut buffer[..most]) {
            Ok(0) => self.has_ended = true,
            Ok(length) => return Ok(hand_on(&buffer[..length])),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        Ok(true)
    }

    /// Writes what it takes, and says whether it took something.
    fn write(&self, queue: &mut Queue) -> io::Result<bool> {
        if queue.is_empty() {
            return Ok(false);
        }
        match self.stream.try_write(queue.bytes()) {
            Ok(length) => {
                queue.pop(length);
                Ok(length > 0)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn end(&mut self) -> io::Result<()> {
        if !self.was_ended {
            self.was_ended = true;
            end_writing(self.stream)?;
        }
        Ok(())
    }
}

async fn carry(
    connection: &Connection,
    chain: &mut Chain,
    client: &TcpStream,
    server: &TcpStream,
) -> Ended {
    let activity = Activity::new();
    let mut replaced = connection.context.rules.watch();
    // What was replaced before it is watched.
    if let Some(ended) = renew(connection, chain) {
        return ended;
    }
    let (mut client, mut server) = (End::new(client), End::new(server));
    let mut idle = pin!(activity.none_for(connection.context.limits.idle));
    let share = connection.room().share();
    let mut goes_on = true;
    loop {
        if !goes_on || !chain.advance(connection) {
            // What the client is to be told of it goes out as far as it takes it at once.
            if let Err(error) = client.write(chain.client_output()) {
                tracing::trace!(%error, "the client is gone");
            }
            return Ended::Refused;
        }
        // What is taken at once isn't waited for, and makes room for more.
        match write(chain, &client, &server) {
            Ok(true) => {
                activity.note();
                continue;
            }
            Ok(false) => {}
            Err(error) => return error.into(),
        }
        if let Err(error) = pass_ends_on(chain, &mut client, &mut server) {
            return error.into();
        }
        if client.was_ended && server.was_ended {
            return Ended::Closed;
        }
        let due = chain.due();
        share.set(chain.held());
        let has_room = share.has_room();
        let done = tokio::select! {
            ready = client.stream.readable(), if has_room && !client.has_ended && chain.client_input().is_empty() => {
                ready.and_then(|()| client.read(connection, &share, |bytes| chain.client_sent(connection, bytes)))
            }
            ready = server.stream.readable(), if has_room && !server.has_ended && chain.server_input().is_empty() => {
                ready.and_then(|()| server.read(connection, &share, |bytes| chain.server_sent(connection, bytes)))
            }
            ready = server.stream.writable(), if !chain.server_output().is_empty() => ready.map(|()| true),
            ready = client.stream.writable(), if !chain.client_output().is_empty() => ready.map(|()| true),
            room = share.room(), if !has_room => match room {
                Ok(()) => continue,
                Err(error) => return Ended::NoRoom(error),
            },
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => continue,
            changed = replaced.changed() => {
                if changed.is_ok() && let Some(ended) = renew(connection, chain) {
                    return ended;
                }
                continue;
            }
            () = &mut idle => return Ended::Idle,
        };
        match done {
            Ok(is_sound) => {
                activity.note();
                goes_on = is_sound;
            }
            Err(error) => return error.into(),
        }
    }
}

/// Writes to both ends what they take, and says whether one took something.
fn write(chain: &mut Chain, client: &End<'_>, server: &End<'_>) -> io::Result<bool> {
    let to_server = server.write(chain.server_output())?;
    let to_client = client.write(chain.client_output())?;
    Ok(to_server || to_client)
}

/// Closes half what the other end closed half, once all that it said has gone out.
fn pass_ends_on(chain: &mut Chain, client: &mut End<'_>, server: &mut End<'_>) -> io::Result<()> {
    if client.has_ended && chain.is_drained_to_server() {
        server.end()?;
    }
    if server.has_ended && chain.is_drained_to_client() {
        client.end()?;
    }
    Ok(())
}

/// Takes the rules of this moment.
fn renew(connection: &Connection, chain: &mut Chain) -> Option<Ended> {
    let rules = connection.context.rules.load_full();
    if connection.is_refused(&rules, PeerKind::Kafka) {
        return Some(Ended::Refused);
    }
    match chain.renew(connection, &rules) {
        Renewed::GoesOn => None,
        Renewed::Unjudged => {
            connection.report_refused(&rules, Kind::Is(PeerKind::Kafka));
            Some(Ended::Refused)
        }
        Renewed::Denied => Some(Ended::Refused),
    }
}

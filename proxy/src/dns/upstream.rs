//! Queries to servers by UDP. A resolver asks for several types from one port at a time: queries of one
//! client's port to one server share a socket, which is there only while one of them waits, so that it
//! takes nothing that comes later.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use l7::wire::dns::Response;
use l7::wire::name::Name;
use nix::sys::socket::{MsgFlags, recv};
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::sync::oneshot;

use super::answer::answers;
use super::ids::{fresh, set_id};
use crate::context::Context;
use crate::network::Leg;

/// Between whom.
type Tuple = (SocketAddr, SocketAddr);

/// The sockets in use.
#[derive(Debug, Default)]
pub(super) struct UpstreamSockets {
    sockets: Mutex<HashMap<Tuple, SocketUse, foldhash::fast::RandomState>>,
}

#[derive(Debug)]
struct SocketUse {
    shared: Arc<SharedSocket>,
    /// By so many queries.
    by: usize,
}

/// A socket and who waits at it.
#[derive(Debug)]
struct SharedSocket {
    socket: UdpSocket,
    waiting: Mutex<HashMap<u16, PendingAnswer, foldhash::fast::RandomState>>,
    /// Held by the one of them who reads.
    reading: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct PendingAnswer {
    name: Name,
    qtype: u16,
    answer: oneshot::Sender<Vec<u8>>,
}

/// A query's lease of a socket, which is closed with the last one.
struct SocketLease<'a> {
    sockets: &'a UpstreamSockets,
    tuple: Tuple,
    /// There until it is dropped.
    shared: Option<Arc<SharedSocket>>,
    id: u16,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum UpstreamError {
    /// The client's address and port can't be had.
    #[error("asking from the client's address and port: {0}")]
    Socket(#[source] io::Error),
    /// The server can't be reached.
    #[error("asking the server: {0}")]
    Io(#[from] io::Error),
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl UpstreamSockets {
    /// Asks, and waits for the answer: of this server, with the id that was sent, to the same question.
    ///
    /// # Errors
    /// The server can't be asked. That it doesn't answer is the caller's to notice.
    pub(super) async fn query(
        &self,
        context: &Context,
        tuple: Tuple,
        leg: Leg,
        mut query: Vec<u8>,
        question: (&Name, u16),
    ) -> Result<Vec<u8>, UpstreamError> {
        let (lease, mut answer) = self.lease(context, tuple, leg, question)?;
        let Some(shared) = &lease.shared else {
            unreachable!("it is there until the lease is dropped");
        };
        set_id(&mut query, lease.id);
        shared.socket.send(&query).await?;
        drop(query);
        loop {
            // Who reads does so for all; when he has his own answer, another one goes on.
            let read = async {
                let _reading = shared.reading.lock().await;
                shared.receive(context).await
            };
            tokio::select! {
                biased;
                answer = &mut answer => {
                    if let Ok(answer) = answer {
                        return Ok(answer);
                    }
                    unreachable!("it is sent before it is forgotten");
                }
                received = read => received?,
            }
        }
    }

    /// Leases the tuple's socket, with an id of the query's own that can't be guessed.
    fn lease(
        &self,
        context: &Context,
        tuple: Tuple,
        leg: Leg,
        (name, qtype): (&Name, u16),
    ) -> Result<(SocketLease<'_>, oneshot::Receiver<Vec<u8>>), UpstreamError> {
        let mut sockets = locked(&self.sockets);
        let used = match sockets.entry(tuple) {
            Entry::Occupied(used) => used.into_mut(),
            Entry::Vacant(free) => {
                let socket = context.network.datagrams(tuple.0, tuple.1, leg);
                free.insert(SocketUse {
                    shared: Arc::new(SharedSocket {
                        socket: socket.map_err(UpstreamError::Socket)?,
                        waiting: Mutex::default(),
                        reading: tokio::sync::Mutex::default(),
                    }),
                    by: 0,
                })
            }
        };
        used.by += 1;
        let shared = Arc::clone(&used.shared);
        drop(sockets);
        let (answer, receiver) = oneshot::channel();
        let mut waiting = locked(&shared.waiting);
        let id = fresh(|id| waiting.contains_key(&id));
        let name = name.clone();
        waiting.insert(
            id,
            PendingAnswer {
                name,
                qtype,
                answer,
            },
        );
        drop(waiting);
        let lease = SocketLease {
            sockets: self,
            tuple,
            shared: Some(shared),
            id,
        };
        Ok((lease, receiver))
    }
}

impl SharedSocket {
    /// Receives a datagram, and gives it to whom it answers.
    async fn receive(&self, context: &Context) -> io::Result<()> {
        // That nobody listens there is an error of the socket, which alone makes none readable.
        let interest = Interest::READABLE | Interest::ERROR;
        let received = self.socket.async_io(interest, || {
            let mut buffer = context.datagrams.take();
            let length = recv(self.socket.as_raw_fd(), &mut buffer, MsgFlags::empty())?;
            Ok((buffer, length))
        });
        let (buffer, length) = received.await?;
        let bytes = &buffer[..length];
        let waiting = Response::read(bytes).ok().and_then(|response| {
            let mut waiting = locked(&self.waiting);
            let one = waiting.get(&response.id)?;
            if !answers(&response, (&one.name, one.qtype)) {
                return None;
            }
            waiting.remove(&response.id)
        });
        match waiting {
            Some(one) => {
                if one.answer.send(bytes.to_vec()).is_err() {
                    context.counters.answers_unexpected.add();
                }
            }
            None => context.counters.answers_unexpected.add(),
        }
        Ok(())
    }
}

impl Drop for SocketLease<'_> {
    fn drop(&mut self) {
        let mut sockets = locked(&self.sockets.sockets);
        if let Some(shared) = &self.shared {
            locked(&shared.waiting).remove(&self.id);
        }
        // Before another one opens a socket for the same tuple.
        self.shared = None;
        if let Some(used) = sockets.get_mut(&self.tuple) {
            used.by -= 1;
            if used.by == 0 {
                sockets.remove(&self.tuple);
            }
        }
    }
}

//! Connections accepted, and given to what carries their protocol.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use futures::future::BoxFuture;
use l7::rules::PeerKind;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::connection::{Connection, reset};
use crate::context::Context;
use crate::dns::{self, NameOrder};
use crate::hop::Kind;
use crate::network::pause_unless_fatal;
use crate::{kafka, plain, tls};

/// Carries HTTP connections: each request judged by the rules of its moment, at each side.
pub trait HttpServer: Send + Sync + 'static {
    /// Carries one until it ends.
    fn serve<'a>(&'a self, connection: &'a Connection, client: TcpStream) -> BoxFuture<'a, ()>;
}

/// What accepts connections.
pub struct Carrier {
    /// Of the proxy.
    pub context: Arc<Context>,
    /// The order of answers of DNS.
    pub order: Arc<NameOrder>,
    /// What carries HTTP; without it, such connections are reset, and that is reported.
    pub http: Option<Arc<dyn HttpServer>>,
}

impl Carrier {
    /// Serves a listener until the future is dropped; its connections are dropped with it. Sockets' own addresses are
    /// the original destinations.
    ///
    /// # Errors
    /// The listener is none.
    pub async fn serve(self: Arc<Self>, listener: TcpListener) -> io::Result<()> {
        let mut connections = JoinSet::new();
        loop {
            let accepted = listener.accept().await;
            while let Some(done) = connections.try_join_next() {
                if let Err(error) = done {
                    tracing::error!(%error, "a connection's task ended unexpectedly");
                }
            }
            match accepted {
                Ok((stream, client)) => {
                    let carrier = Arc::clone(&self);
                    connections.spawn(async move { carrier.carry(stream, client).await });
                }
                Err(error) => {
                    pause_unless_fatal(error, "a connection could not be accepted").await?
                }
            }
        }
    }

    async fn carry(&self, stream: TcpStream, client: SocketAddr) {
        let context = &self.context;
        context.counters.connections.add();
        let server = match stream.local_addr().and_then(|server| {
            stream.set_nodelay(true)?;
            Ok(server)
        }) {
            Ok(server) => server,
            Err(error) => {
                tracing::debug!(%error, "a connection was gone at once");
                return;
            }
        };
        let connection = Connection {
            context: Arc::clone(context),
            client,
            server,
            began: SystemTime::now(),
        };
        let _permit = match context.connections.acquire(client.ip()) {
            Ok(permit) => permit,
            Err(full) => {
                context.counters.connections_refused.add();
                let direction = connection.hop().direction();
                let record = connection.record(direction).failed(full);
                context.records.push(record);
                return reset(stream);
            }
        };
        let kind = {
            let rules = context.rules.load();
            let kind = connection.hop().kind(&rules);
            let is_carried = match kind {
                Kind::NoRules | Kind::SidesDiffer => false,
                Kind::Is(PeerKind::NotSelected | PeerKind::Conflict) => false,
                Kind::Is(PeerKind::Http) => self.http.is_some(),
                Kind::Is(PeerKind::Plain | PeerKind::Kafka | PeerKind::Dns | PeerKind::Tls) => true,
            };
            if !is_carried {
                connection.report_refused(&rules, kind);
            }
            is_carried.then_some(kind)
        };
        match (kind, &self.http) {
            (Some(Kind::Is(PeerKind::Plain)), _) => plain::serve(&connection, stream).await,
            (Some(Kind::Is(PeerKind::Tls)), _) => tls::serve(&connection, stream).await,
            (Some(Kind::Is(PeerKind::Kafka)), _) => kafka::serve(&connection, stream).await,
            (Some(Kind::Is(PeerKind::Dns)), _) => {
                dns::serve_session(&connection, &self.order, stream).await;
            }
            (Some(Kind::Is(PeerKind::Http)), Some(http)) => http.serve(&connection, stream).await,
            (_, _) => {
                context.counters.connections_reset.add();
                reset(stream);
            }
        }
    }
}

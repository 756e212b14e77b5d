//! HTTP/2's ends: a client and a server of the h2 crate, whose streams are seen as they are.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use h2::server::SendResponse;
use h2::{RecvStream, SendStream};
use http::{HeaderMap, Request, Response};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::wire::PATIENCE;

/// A client's connection.
pub(crate) struct Client {
    pub(crate) sender: SendRequest<Bytes>,
    /// How the connection ended.
    pub(crate) connection: JoinHandle<Result<(), h2::Error>>,
}

impl Drop for Client {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

/// A response with all of its body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Option<HeaderMap>,
}

impl Answer {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

/// A GET.
pub(crate) fn get(path: &str) -> Request<()> {
    Request::get(format!("http://be{path}")).body(()).unwrap()
}

/// A call of gRPC's, whose body follows.
pub(crate) fn call(path: &str) -> Request<()> {
    Request::post(format!("http://be{path}"))
        .header("content-type", "application/grpc+proto")
        .header("te", "trailers")
        .body(())
        .unwrap()
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        // Room for all streams: what stops is then the stream.
        let mut builder = h2::client::Builder::new();
        builder.initial_connection_window_size(16 << 20);
        let (sender, connection) = builder.handshake(stream).await.unwrap();
        Self {
            sender,
            connection: tokio::spawn(connection),
        }
    }

    /// Sends a head.
    pub(crate) async fn send(
        &mut self,
        request: Request<()>,
        is_last: bool,
    ) -> (ResponseFuture, SendStream<Bytes>) {
        let sender = within(self.sender.clone().ready()).await.unwrap();
        self.sender = sender;
        self.sender.send_request(request, is_last).unwrap()
    }

    /// Sends a request without a body, and reads the whole response.
    pub(crate) async fn ask(&mut self, request: Request<()>) -> Result<Answer, h2::Error> {
        let (response, _) = self.send(request, true).await;
        whole(response).await
    }
}

/// What comes in time.
pub(crate) async fn within<F: IntoFuture>(what: F) -> F::Output {
    let what = tokio::time::timeout(PATIENCE, what);
    what.await.expect("it comes in time")
}

/// Reads a whole response.
pub(crate) async fn whole(response: ResponseFuture) -> Result<Answer, h2::Error> {
    let (parts, mut body) = within(response).await?.into_parts();
    let all = read(&mut body).await?;
    Ok(Answer {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body: all,
        trailers: body.trailers().await?,
    })
}

/// Reads a body's data.
pub(crate) async fn read(body: &mut RecvStream) -> Result<Vec<u8>, h2::Error> {
    let mut all = Vec::new();
    while let Some(data) = within(body.data()).await {
        let data = data?;
        body.flow_control().release_capacity(data.len()).unwrap();
        all.extend_from_slice(&data);
    }
    Ok(all)
}

/// Sends a response with this body.
pub(crate) fn answer(respond: &mut SendResponse<Bytes>, body: impl Into<Bytes>) {
    let mut stream = respond.send_response(Response::new(()), false).unwrap();
    stream.send_data(body.into(), true).unwrap();
}

/// A server.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Request<()>>>>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    /// Answers with the path.
    pub(crate) async fn start() -> Self {
        Self::serving(|request, mut respond| async move {
            let path = request.uri().path().to_owned();
            answer(&mut respond, path);
        })
        .await
    }

    /// Does with each stream as told, all at the same time.
    pub(crate) async fn serving<F>(
        serve: impl Fn(Request<RecvStream>, SendResponse<Bytes>) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::<Mutex<Vec<Request<()>>>>::default();
        let (serve, told) = (Arc::new(serve), Arc::clone(&seen));
        let task = tokio::spawn(async move {
            let mut tasks = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).unwrap();
                let (serve, told) = (Arc::clone(&serve), Arc::clone(&told));
                tasks.spawn(async move {
                    let mut connection = h2::server::handshake(stream).await.unwrap();
                    let mut streams = JoinSet::new();
                    while let Some(Ok((request, respond))) = connection.accept().await {
                        let (parts, body) = request.into_parts();
                        let head = Request::from_parts(parts.clone(), ());
                        told.lock().unwrap().push(head);
                        streams.spawn(serve(Request::from_parts(parts, body), respond));
                    }
                });
            }
        });
        Self {
            address,
            seen,
            task,
        }
    }

    /// The heads so far.
    pub(crate) fn seen(&self) -> Vec<Request<()>> {
        self.seen.lock().unwrap().clone()
    }

    /// Their paths.
    pub(crate) fn paths(&self) -> Vec<String> {
        let seen = self.seen();
        seen.iter().map(|one| one.uri().path().to_owned()).collect()
    }
}

//! Requests in flight whose rules go: they end, in both directions, and the others go on.

use bytes::Bytes;
use h2::{Reason, RecvStream, SendStream};
use http::{Request, Response};
use proxy::http::Ended;
use tokio::io::AsyncReadExt as _;
use tokio::sync::mpsc::{self, Receiver, Sender};

use crate::h2_ends::{self, get, read, whole, within};
use crate::proxy::{Proxy, rule};
use crate::wire::{Server, Wire};

const CHUNK: &str = "1\r\na\r\n";
const ANSWER: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

/// Answers with one chunk at once, if it is to, and tells what comes; of the connection's end nothing.
async fn tell(mut wire: Wire, answers: bool, came: Sender<Vec<u8>>) {
    wire.head().await.unwrap();
    if answers {
        wire.send(format!("{ANSWER}{CHUNK}")).await;
    }
    let mut all = std::mem::take(&mut wire.buffer);
    loop {
        if !all.is_empty() {
            came.send(std::mem::take(&mut all)).await.unwrap();
        }
        if !matches!(wire.stream.read_buf(&mut all).await, Ok(1..)) {
            came.send(Vec::new()).await.unwrap();
            return;
        }
    }
}

async fn came(told: &mut Receiver<Vec<u8>>, length: usize) -> String {
    let mut all = Vec::new();
    while all.len() < length {
        let piece = within(told.recv()).await.unwrap();
        assert!(!piece.is_empty(), "ended within {length} bytes");
        all.extend(piece);
    }
    String::from_utf8(all).unwrap()
}

#[tokio::test]
async fn a_connection_ends_when_its_request_is_allowed_no_more() {
    let upload = "POST /up HTTP/1.1\r\nHost: be\r\nTransfer-Encoding: chunked\r\n\r\n";
    let download = "GET /down HTTP/1.1\r\nHost: be\r\n\r\n";
    let all = || vec![rule("POST", "/up"), rule("GET", "/down")];
    for (request, line, answers, left) in [
        (upload, "POST http://be/up", false, rule("GET", "/down")),
        (upload, "POST http://be/up", true, rule("GET", "/down")),
        (download, "GET http://be/down", true, rule("POST", "/up")),
    ] {
        let sends = request == upload;
        let (sender, mut told) = mpsc::channel(256);
        let server = Server::scripted(move |wire| tell(wire, answers, sender.clone())).await;
        let proxy = Proxy::start(server.address, all()).await;
        let mut client = Wire::connect(proxy.address).await;
        client.send(request).await;
        if sends {
            client.send(CHUNK).await;
            assert_eq!(came(&mut told, CHUNK.len()).await, CHUNK);
        }
        if answers {
            assert_eq!(client.head().await.unwrap().status(), 200);
            assert_eq!(client.take(CHUNK.len()).await, CHUNK.as_bytes());
        }
        // Other rules that allow it as well don't matter.
        proxy.replace(vec![rule("POST|GET", "/(up|down)")]);
        if sends {
            client.send(CHUNK).await;
            assert_eq!(came(&mut told, CHUNK.len()).await, CHUNK);
        }
        proxy.replace(vec![left]);
        assert_eq!(client.rest().await, b"", "{line}");
        // The server gets no last chunk.
        assert_eq!(within(told.recv()).await.unwrap(), b"", "{line}");
        assert_eq!(*proxy.ended.lock().unwrap(), [Ended::Cut], "{line}");
        let lines = proxy.log.lines();
        assert_eq!(lines.first(), Some(&format!("{line}: allowed")));
        assert_eq!(lines.last(), Some(&format!("{line}: denied")));
        let records = proxy.log.take();
        let ids = records.iter().map(|record| &record.request.request_id);
        let ids: std::collections::BTreeSet<_> = ids.collect();
        assert_eq!(ids.len(), 1, "they are told of as one request");
    }
}

#[tokio::test]
async fn a_connection_without_a_request_goes_on() {
    let server = Server::start().await;
    let proxy = Proxy::start(server.address, vec![rule("GET", "/a")]).await;
    let mut client = Wire::connect(proxy.address).await;
    assert_eq!(client.ask(crate::wire::get("/a")).await.status(), 200);
    proxy.replace(vec![rule("GET", "/b")]);
    assert_eq!(client.ask(crate::wire::get("/b")).await.status(), 200);
    assert_eq!(client.ask(crate::wire::get("/a")).await.status(), 403);
    assert_eq!(proxy.connects(), 1);
}

/// A stream that both ends have open.
struct Open {
    path: String,
    up: SendStream<Bytes>,
    /// The response's, once that began.
    down: Option<RecvStream>,
    response: Option<h2::client::ResponseFuture>,
}

impl Open {
    async fn new(client: &mut h2_ends::Client, path: String) -> Self {
        let request = Request::post(format!("http://be{path}")).body(()).unwrap();
        let (response, up) = client.send(request, false).await;
        Self {
            path,
            up,
            down: None,
            response: Some(response),
        }
    }

    /// Sends a byte that comes back.
    async fn echo(&mut self) {
        self.up.send_data("a".into(), false).unwrap();
        if let Some(response) = self.response.take() {
            self.down = Some(within(response).await.unwrap().into_body());
        }
        let down = self.down.as_mut().unwrap();
        let data = within(down.data()).await.unwrap().unwrap();
        down.flow_control().release_capacity(data.len()).unwrap();
        assert_eq!(&*data, b"a", "{}", self.path);
    }

    /// Why it was reset.
    async fn reset(mut self) -> Option<Reason> {
        let error = match (self.response, &mut self.down) {
            (Some(response), _) => within(response).await.unwrap_err(),
            (None, down) => {
                let data = within(down.as_mut().unwrap().data()).await;
                data.unwrap().unwrap_err()
            }
        };
        assert!(error.is_reset(), "{error}");
        error.reason()
    }
}

/// A server that sends back what comes, of `/silent` nothing, and tells of resets.
async fn echoing(resets: Sender<(String, Option<Reason>)>) -> h2_ends::Server {
    h2_ends::Server::serving(move |request, mut respond| {
        let resets = resets.clone();
        async move {
            let path = request.uri().path().to_owned();
            let mut body = request.into_body();
            let mut stream = (path != "/silent")
                .then(|| respond.send_response(Response::new(()), false).unwrap());
            let error = loop {
                match body.data().await {
                    Some(Ok(data)) => {
                        body.flow_control().release_capacity(data.len()).unwrap();
                        if let Some(stream) = &mut stream {
                            stream.send_data(data, false).unwrap();
                        }
                    }
                    Some(Err(error)) => break error,
                    None => {
                        if let Some(mut stream) = stream {
                            stream.send_data(Bytes::new(), true).unwrap();
                        }
                        return;
                    }
                }
            };
            resets.send((path, error.reason())).await.unwrap();
        }
    })
    .await
}

#[tokio::test]
async fn a_stream_is_reset_when_its_request_is_allowed_no_more() {
    const MANY: usize = 80;
    let (sender, mut resets) = mpsc::channel(256);
    let server = echoing(sender).await;
    let proxy = Proxy::start(server.address, vec![rule("POST", "/.*")]).await;
    let mut client = h2_ends::Client::connect(proxy.address).await;
    let mut stays = Open::new(&mut client, "/stays".to_owned()).await;
    stays.echo().await;
    let mut open = Vec::new();
    for number in 0..MANY {
        let mut stream = Open::new(&mut client, format!("/goes/{number}")).await;
        stream.echo().await;
        open.push(stream);
    }
    // One that is not answered yet.
    let silent = Open::new(&mut client, "/silent".to_owned()).await;
    stays.echo().await;
    // Data may be under way when the rules go.
    for stream in &mut open {
        for _ in 0..4 {
            stream.up.send_data("late".into(), false).unwrap();
        }
    }
    proxy.replace(vec![rule("POST", "/stays")]);
    assert_eq!(silent.reset().await, Some(Reason::CANCEL));
    for mut stream in open {
        // What came before it.
        while let Some(Ok(_)) = within(stream.down.as_mut().unwrap().data()).await {}
        let reset = within(std::future::poll_fn(|cx| stream.up.poll_reset(cx))).await;
        assert_eq!(reset.unwrap(), Reason::CANCEL, "{}", stream.path);
    }
    let mut seen = Vec::new();
    for _ in 0..=MANY {
        let (path, reason) = within(resets.recv()).await.unwrap();
        assert_eq!(reason, Some(Reason::CANCEL), "{path}");
        seen.push(path);
    }
    assert!(!seen.contains(&"/stays".to_owned()));
    // The connection goes on, and the stream that is allowed does, to its end.
    stays.echo().await;
    stays.up.send_data(Bytes::new(), true).unwrap();
    let mut down = stays.down.unwrap();
    assert_eq!(read(&mut down).await.unwrap(), b"");
    assert_eq!(client.ask(get("/stays")).await.unwrap().status, 403);
    assert_eq!(proxy.connects(), 1);
    let lines = proxy.log.lines();
    let denied = |path: &str| {
        let line = format!("POST http://be{path}: denied");
        lines.iter().filter(|one| **one == line).count()
    };
    assert_eq!(
        (denied("/goes/0"), denied("/silent"), denied("/stays")),
        (1, 1, 0)
    );
    assert!(
        !lines.iter().any(|line| line.contains("None ")),
        "{lines:?}"
    );
}

#[tokio::test]
async fn a_stream_goes_on_over_many_changes() {
    let (sender, _resets) = mpsc::channel(256);
    let server = echoing(sender).await;
    let proxy = Proxy::start(server.address, vec![rule("POST", "/a")]).await;
    let mut client = h2_ends::Client::connect(proxy.address).await;
    let request = Request::post("http://be/a").body(()).unwrap();
    let (response, mut up) = client.send(request, false).await;
    for number in 0..20 {
        proxy.replace(vec![rule("POST", "/a"), rule("GET", &format!("/{number}"))]);
        up.send_data("a".into(), number == 19).unwrap();
    }
    let answer = whole(response).await.unwrap();
    assert_eq!((answer.status, answer.body.len()), (200, 20));
}

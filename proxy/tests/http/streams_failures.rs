//! Streams that are reset, stall or have no server; clients that reset too many; readers that wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use h2::Reason;
use http::{Request, Response};
use proxy::http::{Failure, Limits};
use testing::eventually;
use tokio::net::TcpListener;

use crate::h2_ends::{Client, Server, answer, call, get, read, whole, within};
use crate::proxy::{Proxy, public};

#[tokio::test]
async fn a_server_that_is_not_there() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let proxy = Proxy::start(address, public()).await;
    let mut client = Client::connect(proxy.address).await;
    // Several that wait for one attempt, and one that tries again.
    let waiting = [
        client.send(get("/public"), true).await,
        client.send(get("/public"), true).await,
    ];
    for (response, _) in waiting {
        assert_eq!(whole(response).await.unwrap().status, 503);
    }
    let answer = client.ask(call("/public.Service/Get")).await.unwrap();
    assert_eq!(
        (answer.status, &answer.headers["grpc-status"]),
        (200, &"14".parse().unwrap())
    );
    let lines = proxy.log.lines();
    let failed = lines
        .iter()
        .filter(|line| line.contains("the server cannot be reached"))
        .count();
    assert_eq!(failed, 3, "{lines:?}");
}

#[tokio::test]
async fn a_server_that_speaks_something_else() {
    let server = crate::wire::Server::scripted(|mut wire| async move {
        wire.send("HTTP/1.1 400 Bad Request\r\n\r\n").await;
    })
    .await;
    let proxy = Proxy::start(server.address, public()).await;
    let mut client = Client::connect(proxy.address).await;
    let answer = client.ask(get("/public")).await;
    // It may be gone before the stream was sent.
    match answer {
        Ok(answer) => assert_eq!(answer.status, 502),
        Err(error) => assert_eq!(error.reason(), Some(Reason::REFUSED_STREAM)),
    }
}

#[tokio::test]
async fn what_the_server_resets_is_reset_for_the_client_alone() {
    let server = Server::serving(|request, mut respond| async move {
        match request.uri().path() {
            "/public/refused" => respond.send_reset(Reason::REFUSED_STREAM),
            "/public/failed" => respond.send_reset(Reason::INTERNAL_ERROR),
            "/public/midway" => {
                let mut stream = respond.send_response(Response::new(()), false).unwrap();
                stream.send_data("abc".into(), false).unwrap();
                // So that it doesn't overtake the data.
                tokio::task::yield_now().await;
                stream.send_reset(Reason::FLOW_CONTROL_ERROR);
            }
            _ => answer(&mut respond, "ok"),
        }
    })
    .await;
    let proxy = Proxy::start(server.address, public()).await;
    let mut client = Client::connect(proxy.address).await;
    let reason = |answer: Result<_, h2::Error>| answer.map(drop).map_err(|error| error.reason());
    let refused = client.ask(get("/public/refused")).await;
    assert_eq!(reason(refused), Err(Some(Reason::REFUSED_STREAM)));
    assert_eq!(client.ask(get("/public/failed")).await.unwrap().status, 502);
    let midway = client.ask(get("/public/midway")).await;
    match midway {
        Ok(answer) => assert_eq!(answer.status, 502),
        Err(error) => assert_eq!(error.reason(), Some(Reason::FLOW_CONTROL_ERROR)),
    }
    assert_eq!(client.ask(get("/public")).await.unwrap().text(), "ok");
    assert_eq!(proxy.connects(), 1);
}

#[tokio::test]
async fn what_the_client_resets_is_reset_for_the_server() {
    let (told, mut tell) = tokio::sync::mpsc::channel(8);
    let server = Server::serving(move |request, mut respond| {
        let told = told.clone();
        async move {
            if request.uri().path() == "/public" {
                answer(&mut respond, "ok");
                return;
            }
            let sends = request.uri().path() == "/public/midway";
            told.send(None).await.unwrap();
            let reason = if sends {
                let mut stream = respond.send_response(Response::new(()), false).unwrap();
                stream.send_data("abc".into(), false).unwrap();
                std::future::poll_fn(|cx| stream.poll_reset(cx)).await
            } else {
                std::future::poll_fn(|cx| respond.poll_reset(cx)).await
            };
            told.send(Some(reason.unwrap())).await.unwrap();
        }
    })
    .await;
    let proxy = Proxy::start(server.address, public()).await;
    let mut client = Client::connect(proxy.address).await;
    for path in ["/public/waits", "/public/midway"] {
        let (response, mut stream) = client.send(get(path), true).await;
        assert_eq!(within(tell.recv()).await.unwrap(), None);
        if path == "/public/midway" {
            let mut body = within(response).await.unwrap().into_body();
            assert_eq!(body.data().await.unwrap().unwrap(), "abc");
            stream.send_reset(Reason::CANCEL);
        } else {
            stream.send_reset(Reason::CANCEL);
        }
        assert_eq!(
            within(tell.recv()).await.unwrap(),
            Some(Reason::CANCEL),
            "{path}"
        );
    }
    assert_eq!(client.ask(get("/public")).await.unwrap().text(), "ok");
    let failed = proxy.log.lines();
    let failed = failed
        .iter()
        .filter(|line| line.contains("the connection to the client broke"));
    assert_eq!(failed.count(), 2);
}

#[tokio::test]
async fn who_stalls_is_not_waited_for() {
    let server = Server::serving(|request, mut respond| async move {
        if request.uri().path() == "/public/midway" {
            let mut stream = respond.send_response(Response::new(()), false).unwrap();
            stream.send_data("abc".into(), false).unwrap();
            std::future::pending::<()>().await;
        }
        std::future::pending().await
    })
    .await;
    let limits = Limits {
        stalled: Duration::from_millis(100),
        ..Limits::default()
    };
    let proxy = Proxy::with(server.address, public(), limits).await;
    let mut client = Client::connect(proxy.address).await;
    assert_eq!(client.ask(get("/public")).await.unwrap().status, 504);
    let error = client.ask(get("/public/midway")).await.unwrap_err();
    assert_eq!(error.reason(), Some(Reason::INTERNAL_ERROR));
    let stalled = proxy.log.take();
    let stalled = stalled.iter().filter(|record| {
        matches!(
            record.event,
            proxy::http::Event::Failed {
                failure: Failure::Stalled,
                ..
            }
        )
    });
    assert_eq!(stalled.count(), 2);
}

#[tokio::test]
async fn a_server_that_ends_the_connection_ends_the_clients() {
    // It answers one, then says that it takes no more.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut connection = h2::server::handshake(stream).await.unwrap();
        let (_, mut respond) = connection.accept().await.unwrap().unwrap();
        answer(&mut respond, "ok");
        connection.graceful_shutdown();
        assert!(connection.accept().await.is_none());
    });
    let proxy = Proxy::start(address, public()).await;
    let mut client = Client::connect(proxy.address).await;
    assert_eq!(client.ask(get("/public")).await.unwrap().text(), "ok");
    within(server).await.unwrap();
    within(&mut client.connection).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_client_that_goes_ends_the_servers() {
    let server = Server::serving(|_, mut respond| async move {
        let reset = std::future::poll_fn(|cx| respond.poll_reset(cx)).await;
        drop(reset);
    })
    .await;
    let proxy = Proxy::start(server.address, public()).await;
    let mut client = Client::connect(proxy.address).await;
    let waiting = client.send(get("/public"), true).await;
    eventually("it is forwarded", || server.paths().len() == 1).await;
    drop(client);
    drop(waiting);
    eventually("the connection ends", || {
        !proxy.ended.lock().unwrap().is_empty()
    })
    .await;
    let lines = proxy.log.lines();
    assert!(
        lines[1].contains("the connection to the client broke"),
        "{lines:?}"
    );
}

#[tokio::test]
async fn a_client_may_not_reset_without_end() {
    let requests = Arc::<AtomicUsize>::default();
    let counted = Arc::clone(&requests);
    let server = Server::serving(move |_, mut respond| {
        counted.fetch_add(1, Ordering::Relaxed);
        async move {
            let reset = std::future::poll_fn(|cx| respond.poll_reset(cx)).await;
            drop(reset);
        }
    })
    .await;
    let limits = Limits {
        resets: 20,
        reset_refill: Duration::from_secs(3600),
        ..Limits::default()
    };
    let proxy = Proxy::with(server.address, public(), limits).await;
    let mut client = Client::connect(proxy.address).await;
    let mut error = None;
    for number in 1..=1000 {
        let Ok(sender) = client.sender.clone().ready().await else {
            break;
        };
        client.sender = sender;
        let Ok((response, mut stream)) = client.sender.send_request(get("/public"), true) else {
            break;
        };
        // It reached the proxy, which had begun to serve it.
        let told = testing::until("it is told", async || {
            let told = proxy
                .log
                .lines()
                .iter()
                .filter(|line| line.ends_with("allowed"))
                .count();
            let is_over = client.connection.is_finished();
            (told == number || is_over)
                .then_some(is_over)
                .ok_or_else(String::new)
        });
        if told.await {
            break;
        }
        stream.send_reset(Reason::CANCEL);
        error = response.await.err();
        if number > 25 {
            // The proxy's end comes at its own pace.
            tokio::task::yield_now().await;
        }
    }
    drop(error);
    let end = within(&mut client.connection).await.unwrap().unwrap_err();
    assert_eq!(end.reason(), Some(Reason::ENHANCE_YOUR_CALM));
    assert_eq!(
        proxy.log.rejections(),
        ["too many streams of HTTP/2 were reset"]
    );
    assert!(requests.load(Ordering::Relaxed) <= 25);
}

#[tokio::test]
async fn a_reader_that_waits_holds_up_its_own_stream_alone() {
    const SIZE: usize = 64 << 20;
    let server = Server::serving(|request, mut respond| async move {
        if request.uri().path() != "/public/large" {
            answer(&mut respond, "ok");
            return;
        }
        let mut stream = respond.send_response(Response::new(()), false).unwrap();
        let mut left = SIZE;
        while left > 0 {
            stream.reserve_capacity(left.min(16 * 1024));
            let capacity = std::future::poll_fn(|cx| stream.poll_capacity(cx)).await;
            let length = capacity.unwrap().unwrap().min(left);
            left -= length;
            stream
                .send_data(vec![b'a'; length].into(), left == 0)
                .unwrap();
        }
    })
    .await;
    let limits = Limits {
        stream_window: 32 * 1024,
        ..Limits::default()
    };
    let proxy = Proxy::with(server.address, public(), limits).await;
    let mut client = Client::connect(proxy.address).await;
    let mut waiting = Vec::new();
    for _ in 0..10 {
        let (response, _) = client.send(get("/public/large"), true).await;
        waiting.push(within(response).await.unwrap().into_body());
    }
    // Ten that nobody reads, and others get on.
    for _ in 0..20 {
        assert_eq!(client.ask(get("/public")).await.unwrap().text(), "ok");
    }
    let mut first = waiting.swap_remove(0);
    assert_eq!(read(&mut first).await.unwrap().len(), SIZE);
    // Of each stream a window that it read, and one that it writes; and what the connection's own buffers have.
    let most = 10 * 2 * 32 * 1024 + 64 * 1024;
    assert!(proxy.down.most() <= most, "{} of {most}", proxy.down.most());
}

#[tokio::test]
async fn a_body_of_a_request_passes_within_windows() {
    let server = Server::serving(|request, mut respond| async move {
        let mut body = request.into_body();
        let mut length = 0;
        while let Some(data) = body.data().await {
            let data = data.unwrap();
            length += data.len();
            body.flow_control().release_capacity(data.len()).unwrap();
        }
        answer(&mut respond, length.to_string());
    })
    .await;
    let proxy = Proxy::start(server.address, public()).await;
    let mut client = Client::connect(proxy.address).await;
    let post = Request::post("http://be/public").body(()).unwrap();
    let (response, mut body) = client.send(post, false).await;
    let mut left: usize = 32 << 20;
    while left > 0 {
        body.reserve_capacity(left.min(64 * 1024));
        let capacity = std::future::poll_fn(|cx| body.poll_capacity(cx)).await;
        let length = capacity.unwrap().unwrap().min(left);
        left -= length;
        body.send_data(Bytes::from(vec![b'a'; length]), left == 0)
            .unwrap();
    }
    assert_eq!(
        whole(response).await.unwrap().text(),
        (32 << 20).to_string()
    );
    let most = 4 * 64 * 1024;
    assert!(proxy.up.most() <= most, "{} of {most}", proxy.up.most());
}

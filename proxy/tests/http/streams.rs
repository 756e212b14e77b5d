//! Streams of HTTP/2: each judged by itself, all over one connection to the server.

use bytes::Bytes;
use futures::FutureExt as _;
use http::{HeaderMap, HeaderValue, Request, Response, Version};
use l7::http::{Action, HeaderMatch, RuleSpec};
use proxy::http::Protocol;

use crate::h2_ends::{Client, Server, answer, call, get, read, whole, within};
use crate::proxy::{Proxy, public, rule};

#[tokio::test]
async fn streams_are_judged_each() {
    let server = Server::start().await;
    let proxy = Proxy::start(server.address, public()).await;
    let mut client = Client::connect(proxy.address).await;
    let mut waiting = Vec::new();
    for number in 0..60 {
        let path = format!("/{}/{number}", ["public", "secret", "public"][number % 3]);
        let (response, _) = client.send(get(&path), true).await;
        waiting.push((path, response));
    }
    for (path, response) in waiting {
        let answer = whole(response).await.unwrap();
        if path.starts_with("/public") {
            assert_eq!((answer.status, answer.text()), (200, &*path));
        } else {
            assert_eq!((answer.status, answer.text()), (403, "Access denied\r\n"));
            assert_eq!(answer.headers["content-length"], "15");
        }
    }
    let mut paths = server.paths();
    paths.sort();
    paths.dedup();
    assert_eq!(paths.len(), 40);
    assert!(paths.iter().all(|path| path.starts_with("/public")));
    assert_eq!(proxy.connects(), 1);
    let records = proxy.log.take();
    assert_eq!(records.len(), 120);
    assert!(
        records
            .iter()
            .all(|record| record.request.protocol == Protocol::Http2)
    );
    assert_eq!(&*records[0].request.url, "http://be/public/0");
}

#[tokio::test]
async fn a_denied_call_has_the_status_of_grpc() {
    let server = Server::start().await;
    let proxy = Proxy::start(server.address, public()).await;
    let mut client = Client::connect(proxy.address).await;
    // Be its body sent or not.
    let (response, mut body) = client.send(call("/secret.Service/Get"), false).await;
    let answer = whole(response).await.unwrap();
    assert_eq!((answer.status, answer.body.len()), (200, 0));
    assert_eq!(answer.headers["grpc-status"], "7");
    assert_eq!(answer.headers["grpc-message"], "Access denied");
    assert_eq!(answer.headers["content-type"], "application/grpc");
    // Of the rest little is read, which is no error.
    body.send_data(Bytes::from(vec![0; 100_000]), false)
        .unwrap();
    let reset = std::future::poll_fn(|cx| body.poll_reset(cx)).await;
    assert_eq!(reset.unwrap(), h2::Reason::NO_ERROR);
    assert_eq!(server.paths(), Vec::<String>::new());
    assert_eq!(client.ask(get("/public")).await.unwrap().status, 200);
    assert_eq!(
        proxy.log.lines()[..2],
        [
            "POST http://be/secret.Service/Get: denied",
            "POST http://be/secret.Service/Get: 200"
        ]
    );
}

#[tokio::test]
async fn a_short_body_may_come_after_the_denial() {
    let server = Server::start().await;
    let proxy = Proxy::start(server.address, public()).await;
    let mut client = Client::connect(proxy.address).await;
    let (response, mut body) = client.send(call("/secret"), false).await;
    assert_eq!(whole(response).await.unwrap().headers["grpc-status"], "7");
    body.send_data(Bytes::from_static(b"late"), true).unwrap();
    // What comes next is answered behind it.
    assert_eq!(client.ask(get("/public")).await.unwrap().status, 200);
    let reset = std::future::poll_fn(|cx| body.poll_reset(cx)).now_or_never();
    assert!(!matches!(reset, Some(Ok(_))), "{reset:?}");
}

#[tokio::test]
async fn bodies_pass_both_ways_and_trailers_back() {
    let server = Server::serving(|request, mut respond| async move {
        let mut body = request.into_body();
        let all = read(&mut body).await.unwrap();
        let mut stream = respond.send_response(Response::new(()), false).unwrap();
        stream.send_data(all.into(), false).unwrap();
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", HeaderValue::from_static("0"));
        stream.send_trailers(trailers).unwrap();
    })
    .await;
    let replace = HeaderMatch {
        name: "X-User".into(),
        value: Some("fe".into()),
        secret: None,
        mismatch: Some(Action::Replace),
    };
    let rules = vec![RuleSpec {
        header_matches: vec![replace],
        ..rule("POST", "/public.*")
    }];
    let proxy = Proxy::start(server.address, rules).await;
    let mut client = Client::connect(proxy.address).await;
    let (response, mut body) = client.send(call("/public.Service/Get"), false).await;
    body.send_data("hello".into(), false).unwrap();
    // None, which is an end as any other.
    body.send_trailers(HeaderMap::new()).unwrap();
    let answer = whole(response).await.unwrap();
    assert_eq!(answer.text(), "hello");
    let trailers = answer.trailers.unwrap();
    assert_eq!(trailers["grpc-status"], "0");
    assert_eq!(trailers.len(), 1);
    let head = &server.seen()[0];
    assert_eq!(head.headers()["te"], "trailers");
    assert_eq!(head.headers()["x-user"], "fe");
}

#[tokio::test]
async fn a_request_has_no_trailers() {
    let (sender, mut resets) = tokio::sync::mpsc::channel(256);
    let server = Server::serving(move |request, mut respond| {
        let sender = sender.clone();
        async move {
            let answers = request.uri().path() == "/public/answered";
            let stream = answers.then(|| respond.send_response(Response::new(()), false).unwrap());
            let mut body = request.into_body();
            let error = read(&mut body).await.unwrap_err();
            sender.send(error.reason()).await.unwrap();
            drop(stream);
        }
    })
    .await;
    let rules = vec![RuleSpec {
        headers: vec!["x-role: admin".into()],
        ..rule("POST", "/public.*")
    }];
    let proxy = Proxy::start(server.address, rules).await;
    let mut client = Client::connect(proxy.address).await;
    let post = |path: &str, kind: &str| {
        Request::post(format!("http://be/public{path}"))
            .header("x-role", "admin")
            .header("content-type", kind)
            .body(())
            .unwrap()
    };
    // What a rule looks at could be said again, and gRPC's requests have none either.
    for name in ["x-role", "grpc-timeout", "other"] {
        let mut trailers = HeaderMap::new();
        trailers.insert(name, HeaderValue::from_static("user"));
        let (response, mut body) = client.send(post("", "text/plain"), false).await;
        body.send_data("hello".into(), false).unwrap();
        body.send_trailers(trailers.clone()).unwrap();
        assert_eq!(whole(response).await.unwrap().status, 400, "{name}");

        let (response, mut body) = client.send(post("", "application/grpc"), false).await;
        body.send_trailers(trailers.clone()).unwrap();
        let answer = whole(response).await.unwrap();
        assert_eq!(answer.headers["grpc-status"], "13", "{name}");

        let (response, mut body) = client.send(post("/answered", "text/plain"), false).await;
        let mut answer = within(response).await.unwrap().into_body();
        body.send_trailers(trailers).unwrap();
        let error = read(&mut answer).await.unwrap_err();
        assert_eq!(error.reason(), Some(h2::Reason::PROTOCOL_ERROR), "{name}");
        for _ in 0..3 {
            let reset = within(resets.recv()).await.unwrap();
            assert_eq!(reset, Some(h2::Reason::CANCEL), "{name}");
        }
    }
    let failed = proxy.log.lines();
    let failed = failed.iter().filter(|line| line.contains("has trailers"));
    assert_eq!(failed.count(), 9);
    assert_eq!(proxy.connects(), 1);
}

#[tokio::test]
async fn space_around_a_value_is_refused() {
    let server = Server::start().await;
    let rules = vec![RuleSpec {
        headers: vec!["x-role: admin".into()],
        ..rule("GET", "/public")
    }];
    let proxy = Proxy::start(server.address, rules).await;
    let mut client = Client::connect(proxy.address).await;
    let rows = [
        ("x-role", " admin", 400),
        ("x-role", "admin ", 400),
        ("x-role", "\tadmin", 400),
        ("x-role", "admin\t", 400),
        ("x-role", "admin", 200),
        ("x-role", "a dmin", 403),
        ("cookie", " a=b", 400),
        ("host", "be ", 400),
        ("x-other", " ", 400),
    ];
    for (name, value, status) in rows {
        let mut request = get("/public");
        let role = HeaderValue::from_static("admin");
        request.headers_mut().insert("x-role", role);
        let value = HeaderValue::from_static(value);
        request.headers_mut().insert(name, value.clone());
        let answer = client.ask(request).await.unwrap();
        assert_eq!(answer.status, status, "{name}: {value:?}");
    }
    assert_eq!(server.paths(), ["/public"]);
    let reasons = proxy.log.rejections();
    assert_eq!(reasons.len(), 7);
    let wanted = "the value of a header begins or ends with white space";
    assert!(reasons.iter().all(|one| one == wanted), "{reasons:?}");
}

#[tokio::test]
async fn the_server_sees_what_was_judged() {
    let server = Server::start().await;
    let proxy = Proxy::start(server.address, vec![rule("GET", "/public/a.*")]).await;
    let mut client = Client::connect(proxy.address).await;
    let request = Request::get("https://be:81/x/..//%70ublic/./a?b=/../c")
        .version(Version::HTTP_2)
        .header("host", "be:81")
        .header("cookie", "a=b")
        .header("cookie", "c=d")
        .body(())
        .unwrap();
    assert_eq!(client.ask(request).await.unwrap().status, 200);
    let head = &server.seen()[0];
    assert_eq!(head.uri(), "https://be:81/public/a?b=/../c");
    assert_eq!(head.headers().get("host"), None);
    assert_eq!(head.headers().get_all("cookie").iter().count(), 2);
}

#[tokio::test]
async fn what_has_two_readings_is_refused() {
    let server = Server::start().await;
    let proxy = Proxy::start(server.address, public()).await;
    let request = |method: &str, headers: &[(&str, &str)]| {
        let mut request = Request::builder().method(method).uri("http://be/public");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap()
    };
    let long = "a".repeat(62_000);
    let many: Vec<_> = vec![("a", "b"); 100];
    let rows: [(&str, Request<()>, u16); 9] = [
        ("another host", request("GET", &[("host", "other")]), 400),
        (
            "two hosts",
            request("GET", &[("host", "be"), ("host", "be")]),
            400,
        ),
        ("an unknown method", request("get", &[]), 400),
        ("an expectation", request("GET", &[("expect", "200")]), 417),
        ("a long head", request("GET", &[("a", &long)]), 431),
        ("many lines", request("GET", &many), 431),
        (
            "a length with a sign",
            request("GET", &[("content-length", "+0")]),
            400,
        ),
        ("an escaped slash", get("/public%2fa"), 307),
        ("a dot segment with a parameter", get("/public/..;/a"), 400),
    ];
    let count = rows.len();
    let mut client = Client::connect(proxy.address).await;
    for (what, request, status) in rows {
        match client.ask(request).await {
            Ok(answer) => assert_eq!(answer.status, status, "{what}"),
            // By h2 itself.
            Err(error) => {
                assert_eq!(error.reason(), Some(h2::Reason::PROTOCOL_ERROR), "{what}");
                assert_eq!(what, "a length with a sign");
            }
        }
    }
    let mut request = Request::new(());
    *request.method_mut() = http::Method::CONNECT;
    *request.uri_mut() = "be:80".parse().unwrap();
    let refused = client.ask(request).await;
    assert!(
        matches!(&refused, Ok(answer) if answer.status == 405),
        "{refused:?}"
    );
    let answer = client.ask(call("/public%2fa")).await.unwrap();
    assert_eq!(answer.headers["grpc-status"], "13");
    // And the connection goes on.
    assert_eq!(client.ask(get("/public")).await.unwrap().status, 200);
    assert_eq!(server.paths(), ["/public"]);
    assert_eq!(proxy.log.rejections().len(), count + 1);
}

#[tokio::test]
async fn a_change_of_policy_counts_for_the_next_stream() {
    let server = Server::serving(|request, mut respond| async move {
        let mut body = request.into_body();
        let all = read(&mut body).await.unwrap();
        answer(&mut respond, all);
    })
    .await;
    let proxy = Proxy::start(server.address, public()).await;
    let mut client = Client::connect(proxy.address).await;
    let post = Request::post("http://be/public").body(()).unwrap();
    let (response, mut body) = client.send(post, false).await;
    body.send_data(Bytes::from_static(b"a"), false).unwrap();
    assert_eq!(client.ask(get("/public")).await.unwrap().status, 200);
    proxy.replace(vec![rule("GET", "/other"), rule("POST", "/public")]);
    assert_eq!(client.ask(get("/public")).await.unwrap().status, 403);
    assert_eq!(client.ask(get("/other")).await.unwrap().status, 200);
    // What is allowed still goes on.
    body.send_data(Bytes::from_static(b"b"), true).unwrap();
    assert_eq!(whole(response).await.unwrap().text(), "ab");
}

#[tokio::test]
async fn responses_before_the_last_pass() {
    let server = Server::serving(|_, mut respond| async move {
        let hints = Response::builder().status(103).header("link", "a");
        respond.send_informational(hints.body(()).unwrap()).unwrap();
        answer(&mut respond, "ok");
    })
    .await;
    let proxy = Proxy::start(server.address, public()).await;
    let mut client = Client::connect(proxy.address).await;
    let (mut response, _) = client.send(get("/public"), true).await;
    let hints = std::future::poll_fn(|cx| response.poll_informational(cx)).await;
    let hints = hints.unwrap().unwrap();
    assert_eq!(
        (hints.status().as_u16(), &hints.headers()["link"]),
        (103, &"a".parse().unwrap())
    );
    assert_eq!(whole(response).await.unwrap().text(), "ok");
}

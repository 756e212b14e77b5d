//! The same requests as HTTP/2.

use bytes::Bytes;
use http::Response;
use testing_cases::{Http, Probe};
use testing_policy::layer7::World;
use tokio::net::TcpStream;

use crate::http::{Seen, wrong_seen, wrong_statuses};
use crate::rig::{Rig, within};
use crate::stage::stage;

/// The status of the answer to a request that a connection begins with.
pub(crate) async fn status(stream: TcpStream, request: &Http) -> u16 {
    let uri = format!("http://{}{}", request.host, request.path);
    let mut asked = http::Request::builder().method(&*request.method).uri(uri);
    for (name, value) in request.lines() {
        asked = asked.header(name, value);
    }
    let asked = asked.version(http::Version::HTTP_2).body(()).unwrap();
    let (mut send, connection) = h2::client::handshake(stream).await.unwrap();
    let ask = async {
        let (response, _) = send.send_request(asked, true).unwrap();
        response.await.unwrap().status().as_u16()
    };
    tokio::select! {
        status = ask => status,
        _ = connection => panic!("the connection ended"),
    }
}

/// Asks through the proxy: the answer's status, and what the server saw.
pub(crate) async fn exchange(rig: &Rig, request: &Http) -> (u16, Vec<Seen>) {
    let listener = rig.server().await;
    let client = async { status(rig.client().await, request).await };
    let mut seen = Vec::new();
    let serve = async {
        let (stream, _) = listener.accept().await.unwrap();
        let mut connection = h2::server::handshake(stream).await.unwrap();
        while let Some(Ok((request, mut respond))) = connection.accept().await {
            let headers = request.headers().iter();
            let headers =
                headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
            seen.push(Seen {
                path: request.uri().path_and_query().unwrap().to_string(),
                headers: headers.collect(),
            });
            let mut body = respond.send_response(Response::new(()), false).unwrap();
            body.send_data(Bytes::from_static(b"ok"), true).unwrap();
        }
        std::future::pending::<()>().await;
    };
    let status = Box::pin(within(async {
        tokio::select! {
            status = client => status,
            () = serve => unreachable!("it waits"),
        }
    }));
    let status = status.await;
    (status, seen)
}

/// Asks, and says what is wrong with what comes out.
pub(crate) async fn ask(world: &World, probe: &Probe, request: &Http) -> Option<String> {
    let rig = stage(world, probe).await;
    let (status, seen) = exchange(&rig, request).await;
    if let Some(wrong) = wrong_statuses(probe, &[status]) {
        return Some(format!("HTTP/2: {wrong}"));
    }
    if seen.len() != usize::from(status == 200) {
        return Some(format!("HTTP/2: the server sees {} requests", seen.len()));
    }
    wrong_seen(probe, &seen).map(|wrong| format!("HTTP/2: {wrong}"))
}

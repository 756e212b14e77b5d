//! Calls of gRPC, by tonic at both ends: a unary one, one with a stream of answers, and one that is denied.

use l7::http::RuleSpec;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::Code;
use tonic::transport::{Endpoint, Server};
use tonic_health::ServingStatus;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus as Told;
use tonic_health::pb::health_client::HealthClient;

use crate::proxy::{Proxy, rule};

const CHECK: &str = "/grpc.health.v1.Health/Check";
const WATCH: &str = "/grpc.health.v1.Health/Watch";

fn asks() -> HealthCheckRequest {
    HealthCheckRequest {
        service: "shop".to_owned(),
    }
}

#[tokio::test]
async fn calls_are_judged_one_by_one() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (reporter, service) = tonic_health::server::health_reporter();
    reporter
        .set_service_status("shop", ServingStatus::Serving)
        .await;
    let serving = Server::builder().add_service(service);
    let serving = tokio::spawn(serving.serve_with_incoming(TcpListenerStream::new(listener)));

    let rules: Vec<RuleSpec> = vec![rule("POST", CHECK), rule("POST", WATCH)];
    let proxy = Proxy::start(address, rules).await;
    let endpoint = Endpoint::from_shared(format!("http://{}", proxy.address)).unwrap();
    let mut client = HealthClient::new(endpoint.connect().await.unwrap());
    for _ in 0..50 {
        let answer = client.check(asks()).await.unwrap().into_inner();
        assert_eq!(answer.status(), Told::Serving);
    }
    // A status that the server says itself comes in trailers.
    let unknown = HealthCheckRequest {
        service: "nobody".to_owned(),
    };
    let status = client.check(unknown).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    let mut watched = client.watch(asks()).await.unwrap().into_inner();
    let first = watched.message().await.unwrap().unwrap();
    assert_eq!(first.status(), Told::Serving);

    // The rule goes: new calls are denied, the one that goes on isn't.
    proxy.replace(vec![rule("POST", WATCH)]);
    let status = client.check(asks()).await.unwrap_err();
    assert_eq!(
        (status.code(), status.message()),
        (Code::PermissionDenied, "Access denied")
    );
    reporter
        .set_service_status("shop", ServingStatus::NotServing)
        .await;
    let second = watched.message().await.unwrap().unwrap();
    assert_eq!(second.status(), Told::NotServing);
    // Until its own goes.
    proxy.replace(vec![rule("POST", CHECK)]);
    let status = watched.message().await.unwrap_err();
    assert_eq!(status.code(), Code::Cancelled);
    assert!(client.check(asks()).await.is_ok());
    let denied = format!("POST http://{}{CHECK}: denied", proxy.address);
    assert!(
        proxy.log.lines().contains(&denied),
        "{:?}",
        proxy.log.lines()
    );
    serving.abort();
}

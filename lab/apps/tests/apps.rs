//! The servers and the client with each other, over the loopback interface.

use std::net::{Ipv4Addr, SocketAddr};
use std::thread;
use std::time::Duration;

use apps::kafka::Broker;
use apps::request::{Outcome, Request, Url};
use apps::{https, listen};

const PATIENCE: Duration = Duration::from_secs(10);

fn request(url: &str, produce: Option<&str>) -> Outcome {
    let request = Request {
        url: url.parse().expect("a URL"),
        method: "GET".to_owned(),
        produce: produce.map(str::to_owned),
        patience: PATIENCE,
    };
    request.send()
}

fn answered(what: &str) -> Outcome {
    Outcome::Answered(what.to_owned())
}

#[test]
fn https() {
    let listener = listen(0).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || https::serve(&listener, &["localhost".to_owned()], "hello"));
    let url = format!("https://localhost:{port}/v1/charges");
    assert_eq!(request(&url, None), answered("200 OK"));
}

#[test]
fn kafka() {
    let listener = listen(0).unwrap();
    let port = listener.local_addr().unwrap().port();
    let topics = ["orders".to_owned(), "empty".to_owned()];
    let broker = Broker::new("localhost", port, &topics);
    thread::spawn(move || broker.serve(&listener));
    let url = |topic: &str| format!("kafka://127.0.0.1:{port}/{topic}");
    for offset in 0..3 {
        let stored = request(&url("orders"), Some("an order"));
        assert_eq!(stored, answered(&format!("stored at {offset}")));
    }
    assert_eq!(request(&url("orders"), None), answered("3 records"));
    assert_eq!(request(&url("empty"), None), answered("0 records"));
    let to = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let records = apps::kafka::fetch(to, "orders", PATIENCE).unwrap().unwrap();
    assert_eq!(records, ["an order"; 3]);
    for produce in [None, Some("x")] {
        let outcome = request(&url("other"), produce);
        assert!(matches!(outcome, Outcome::Failed(_)), "{outcome}");
    }
}

#[test]
fn nobody_there() {
    let port = listen(0).unwrap().local_addr().unwrap().port();
    for url in ["http", "https", "kafka"] {
        let outcome = request(&format!("{url}://127.0.0.1:{port}/x"), None);
        assert!(matches!(outcome, Outcome::Failed(_)), "{url}: {outcome}");
        assert_eq!(outcome.code(), 3);
    }
    assert_eq!(
        "dns://localhost".parse(),
        Ok(Url::Dns("localhost".to_owned()))
    );
    let found = request("dns://localhost", None);
    assert!(
        matches!(&found, Outcome::Answered(addresses) if addresses.contains("127.0.0.1")),
        "{found}"
    );
}

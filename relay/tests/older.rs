//! Agents that know layer 7 beside one that doesn't: an older one, or Hubble's.

#![expect(clippy::unwrap_used, reason = "a test: it fails where it stands")]

mod common;

use common::{Agent, Behaviour, Relay, flow, name, names, timeouts};
use proto::flow::{Dns, Http, L7FlowType, Layer7, Verdict, layer7::Record};
use proto::flows::v1::{ListNamesRequest, ListNamesResponse, ToldName, names_client::NamesClient};
use proto::observer::{GetFlowsRequest, GetFlowsResponse, get_flows_response::ResponseTypes};

/// A denied request, or a name that was looked up.
fn request(node: &str, ms: i64, record: Record) -> GetFlowsResponse {
    let mut response = flow(node, ms);
    let Some(ResponseTypes::Flow(flow)) = &mut response.response_types else {
        unreachable!("it is a flow")
    };
    flow.verdict = Verdict::Dropped.into();
    flow.l7 = Some(Layer7 {
        r#type: L7FlowType::Request.into(),
        record: Some(record),
        ..Layer7::default()
    });
    response
}

fn layer7(response: &GetFlowsResponse) -> Option<&Layer7> {
    let Some(ResponseTypes::Flow(flow)) = &response.response_types else {
        return None;
    };
    flow.l7.as_ref()
}

#[tokio::test]
async fn one_without_layer_7_hides_nothing_of_the_others() {
    let dir = tempfile::tempdir().unwrap();
    let http = Record::Http(Http {
        method: "POST".to_owned(),
        url: "http://api/admin".to_owned(),
        ..Http::default()
    });
    let dns = Record::Dns(Dns {
        query: "www.example.com.".to_owned(),
        ..Dns::default()
    });
    let told = ToldName {
        pod: "shop/web".to_owned(),
        name: "api.example.com".to_owned(),
        ..ToldName::default()
    };
    let new = Behaviour {
        history: vec![
            request("new", 1, http.clone()),
            request("new", 3, dns.clone()),
        ],
        names: Some(ListNamesResponse {
            names: vec![told.clone()],
            node_names: vec!["new".to_owned()],
            ..ListNamesResponse::default()
        }),
        ..Behaviour::default()
    };
    let old = Behaviour {
        history: vec![flow("old", 2), flow("old", 4)],
        ..Behaviour::default()
    };
    let new = Agent::start(dir.path(), "new", new).await;
    let old = Agent::start(dir.path(), "old", old).await;
    let peers = [("new", &*new.socket), ("old", &*old.socket)];
    let relay = Relay::start(dir.path(), &peers, 2, timeouts(250, 5_000)).await;

    let flows = relay.query(GetFlowsRequest::default()).await;
    let flows: Vec<_> = flows
        .iter()
        .filter(|one| name(one).is_some())
        .cloned()
        .collect();
    assert_eq!(flows.len(), 4, "{:?}", names(&flows));
    let records: Vec<_> = flows
        .iter()
        .map(|response| layer7(response).and_then(|layer7| layer7.record.clone()))
        .collect();
    assert_eq!(records, [Some(http), None, Some(dns), None]);

    let mut client = NamesClient::new(relay.channel.clone());
    let answer = client.list_names(ListNamesRequest::default()).await;
    let answer = answer.unwrap().into_inner();
    assert_eq!(answer.names, [told]);
    assert_eq!(answer.node_names, ["new"]);
    let [note] = &answer.notes[..] else {
        panic!("{:?}", answer.notes);
    };
    assert!(note.starts_with("old is not included"), "{note}");
    assert!(note.contains("its agent is older"), "{note}");
    relay.stop().await;
}

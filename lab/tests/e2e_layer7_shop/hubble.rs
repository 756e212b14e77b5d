//! A client of Hubble's at the relay: it asks for nothing of ours, and reads what it knows.

use proto::flow::{
    EventTypeFilter, Flow, FlowFilter, FlowType, L7FlowType, Verdict, layer7::Record,
};
use proto::observer::{
    GetFlowsRequest, get_flows_response::ResponseTypes, observer_client::ObserverClient,
};
use testing_lab::{TestLab, observe};

use crate::traffic::EACH;

/// Hubble's number of flows of layer 7 (its monitor API's `MessageTypeAccessLog`).
const ACCESS_LOG: i32 = 129;

/// The flows of layer 7 that match a filter, oldest first.
fn flows(lab: &TestLab, filter: FlowFilter) -> Vec<Flow> {
    let filter = FlowFilter {
        event_type: vec![EventTypeFilter {
            r#type: ACCESS_LOG,
            ..EventTypeFilter::default()
        }],
        ..filter
    };
    let socket = lab.lab().paths().relay_socket();
    let asked = async {
        let address = format!("unix://{}", socket.display());
        let endpoint = tonic::transport::Endpoint::from_shared(address).unwrap();
        let mut client = ObserverClient::new(endpoint.connect().await.unwrap());
        let request = GetFlowsRequest {
            number: 100_000,
            whitelist: vec![filter],
            ..GetFlowsRequest::default()
        };
        let mut stream = client.get_flows(request).await.unwrap().into_inner();
        let mut flows = Vec::new();
        while let Some(response) = stream.message().await.unwrap() {
            if let Some(ResponseTypes::Flow(flow)) = response.response_types {
                flows.push(flow);
            }
        }
        flows
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(asked)
}

pub(crate) fn has_them_in_hubbles_form(lab: &TestLab) {
    let all = flows(lab, FlowFilter::default());
    for flow in &all {
        assert_eq!(flow.r#type(), FlowType::L7, "{flow:?}");
        assert_eq!(flow.event_type.unwrap().r#type, ACCESS_LOG, "{flow:?}");
        // A stock client can't print what it doesn't know.
        assert_eq!(flow.extensions, None, "{flow:?}");
        assert_eq!(
            (flow.drop_reason, flow.drop_reason_desc),
            (0, 0),
            "{flow:?}"
        );
        let layer7 = flow.l7.as_ref().unwrap();
        let is_answer = layer7.r#type() == L7FlowType::Response;
        assert_eq!(flow.is_reply.unwrap().value, is_answer, "{flow:?}");
        assert!(
            layer7.record.is_some() && !flow.summary.is_empty(),
            "{flow:?}"
        );
        let client = if is_answer {
            &flow.destination
        } else {
            &flow.source
        };
        let workload = &client.as_ref().unwrap().workloads[0];
        let (kind, name) = (&*workload.kind, &*workload.name);
        assert_eq!(kind, "Deployment", "{flow:?}");
        assert!(
            ["storefront", "checkout", "ledger"].contains(&name),
            "{flow:?}"
        );
    }
    let is_dropped = |flow: &&Flow| flow.verdict() == Verdict::Dropped;
    let deleted = flows(
        lab,
        FlowFilter {
            http_method: vec!["DELETE".to_owned()],
            verdict: vec![Verdict::Dropped.into()],
            ..FlowFilter::default()
        },
    );
    assert_eq!(deleted.len(), EACH);
    for flow in deleted {
        let Some(Record::Http(http)) = flow.l7.unwrap().record else {
            panic!("no HTTP");
        };
        assert_eq!(http.method, "DELETE");
    }
    let kinds = |flow: &&Flow| match flow.l7.as_ref().unwrap().record {
        Some(Record::Dns(_)) => [1, 0, 0],
        Some(Record::Http(_)) => [0, 1, 0],
        Some(Record::Kafka(_)) => [0, 0, 1],
        None => [0; 3],
    };
    let denied = all.iter().filter(is_dropped).map(|flow| kinds(&flow));
    let denied = denied.fold([0; 3], |sum, one| [0, 1, 2].map(|at| sum[at] + one[at]));
    assert!(
        denied[0] >= 3 && denied[1] == 2 * EACH && denied[2] >= 6,
        "{denied:?}"
    );

    // And what it would print.
    let text = observe(lab, &["--type", "l7", "--last", "100000", "-o", "compact"]);
    for words in [
        "http-request DROPPED (HTTP/1.1 DELETE http://catalog-",
        "http-response FORWARDED (HTTP/1.1 403 ",
        "dns-request proxy DROPPED (DNS Query www.ads.test. A)",
        "dns-response proxy FORWARDED (DNS Answer \"203.0.113.10\" TTL: ",
        "kafka-request DROPPED (Kafka request produce ",
    ] {
        assert!(text.contains(words), "{words} in:\n{text}");
    }
}

//! What is summed is what is shown.

use client::Store;
use insta::assert_snapshot;
use proto::{
    flow::{CiliumEventType, Verdict},
    flows::v1::{EventCounts, GetPoliciesResponse, GetStatusResponse, PolicyState, RuleState},
    observer::{GetFlowsResponse, Node, get_flows_response::ResponseTypes},
    relay::NodeState,
};

use super::sample::{SECOND, Sample, flow};
use crate::top::{
    data::{Data, Unit},
    filters::{Chip, Filters},
    groups::{By, Groups},
    policies::Policies,
    services::Services,
    update::Event,
};

/// Says of a dropped packet that its one end allowed it: the drop takes the place of its row.
fn allowed(drop: &GetFlowsResponse) -> GetFlowsResponse {
    let mut response = drop.clone();
    if let Some(ResponseTypes::Flow(flow)) = &mut response.response_types {
        flow.verdict = Verdict::Forwarded.into();
        flow.drop_reason_desc = 0;
        flow.event_type = Some(CiliumEventType {
            r#type: 5,
            sub_type: 0,
        });
    }
    response
}

fn by(by: By) -> Groups {
    let mut groups = Groups::default();
    groups.by = by;
    groups
}

#[test]
fn sums_that_follow_what_comes_and_goes_are_those_made_anew() {
    for unit in [Unit::Connections, Unit::Events] {
        sums_follow(unit);
    }
}

fn sums_follow(unit: Unit) {
    let store = Store::new(3000);
    let filters = [Filters::default(), {
        let mut filters = Filters::default();
        filters.add(Chip::read("dst.port > 3").unwrap());
        filters
    }];
    let mut data = Data::new(&filters[0]);
    data.set_unit(unit, &filters[0], 0);
    let mut followed = By::ALL.map(by);
    let mut services = Services::default();
    let policies = Policies::default();
    let names = ["web", "batch", "mail", "db", "cache"];
    let mut taken_back = 0;
    for round in 0_i64..24 {
        let now = round * 2 * SECOND;
        let mut came = Vec::new();
        for at in 0..usize::try_from(round * 37 % 500 + 1).unwrap() {
            let (from, to) = (names[at % 5], names[(at / 5) % 5]);
            let port = u32::try_from(at % 7).unwrap();
            came.push(flow(100 + round, from, to, port, at % 3 == 0));
        }
        let drop = flow(100 + round, "late", "db", 99, true);
        // What was the last row of one look isn't one at the next.
        came.push(allowed(&drop));
        store.push(&came, i64::MAX);
        data.take(store.snapshot(), None, now);
        look(&data, now, &mut followed, &mut services, &policies);
        let rows = data.rows();
        store.push(&[drop], i64::MAX);
        data.take(store.snapshot(), None, now + 1);
        taken_back += u64::from(data.rows() == rows);
        if round % 5 == 3 {
            store.prepend(&[flow(100 - round, "old", "db", 1, false)]);
            data.take(store.snapshot(), None, now + 1);
        }
        if round % 4 == 2 {
            data.refilter(&filters[usize::try_from(round / 4 % 2).unwrap()], now);
        }
        look(&data, now + SECOND, &mut followed, &mut services, &policies);
        for groups in &followed {
            let mut anew = by(groups.by);
            anew.advance(&data, &policies, now);
            assert_eq!(
                groups.groups, anew.groups,
                "{unit:?} {round}, {:?}",
                groups.by
            );
        }
        let mut anew = Services::default();
        anew.advance(&data, now);
        assert_eq!(services.branches, anew.branches, "{unit:?} {round}");
        let shown: u64 = anew
            .branches
            .iter()
            .map(|one| one.passed + one.dropped)
            .sum();
        assert_eq!(shown, data.rows() as u64, "every row is in the tree");
    }
    assert!(store.snapshot().counts().evicted > 0);
    assert!(taken_back > 0, "else that was not tried");
}

fn look(
    data: &Data,
    now: i64,
    followed: &mut [Groups],
    services: &mut Services,
    policies: &Policies,
) {
    for groups in followed {
        groups.advance(data, policies, now);
    }
    services.advance(data, now);
}

pub(super) fn answer(times: u64) -> GetPoliciesResponse {
    let rule = |path: &str, deny, text: &str, decisions| RuleState {
        path: path.parse().ok().map(explain::proto::path),
        direction: proto::flow::TrafficDirection::Ingress.into(),
        deny,
        text: text.to_owned(),
        decisions,
        connections: u64::from(!deny) * decisions / 10,
        bytes: u64::from(!deny) * decisions * 120,
        ..RuleState::default()
    };
    let policy = |name: &str, rules| PolicyState {
        policy: name.to_owned(),
        meaning: "allows ingress only from app=web on 5432/TCP".to_owned(),
        rules,
        ..PolicyState::default()
    };
    GetPoliciesResponse {
        policies: vec![
            policy(
                "cnp shop/db",
                vec![
                    rule(
                        "spec.ingress[0]",
                        false,
                        "app=web on 5432/TCP",
                        1000 * times,
                    ),
                    rule("spec", true, "everything else (default deny)", 70 * times),
                ],
            ),
            policy(
                "cnp shop/unused",
                vec![rule("spec.ingress[0]", false, "app=nobody", 0)],
            ),
        ],
        ..GetPoliciesResponse::default()
    }
}

#[test]
fn policies_show_what_the_kernel_counted_beside_the_flows() {
    let mut sample = Sample::with_flows(80, 24);
    sample.press("2 Tab Tab Tab");
    assert!(
        sample.text().contains("asking the server"),
        "{}",
        sample.text()
    );
    sample.send(Event::Policies(Ok(answer(1))));
    sample.wait(2 * SECOND);
    sample.send(Event::Policies(Ok(answer(2))));
    assert_snapshot!("top_policies", sample.text());
    assert!(sample.text().contains("535/s"), "{}", sample.text());
    sample.press("Down Down");
    assert!(sample.text().contains("never hit"), "{}", sample.text());

    let failed = |status| {
        let error = client::RequestError::new("a:1", client::Service::Policy, "policies", status);
        Event::Policies(Err(error))
    };
    sample.send(failed(tonic::Status::unimplemented("")));
    assert_snapshot!("top_policies_stock", sample.text());
    sample.send(failed(tonic::Status::internal("the node is gone")));
    let words = "no counters: the node is gone";
    assert!(sample.text().contains(words), "{}", sample.text());
}

#[test]
fn of_a_node_a_dropped_packet_counts_once() {
    let store = Store::new(3000);
    let drop = flow(1, "batch", "db", 5432, true);
    // What the policy said of it comes first.
    let mut denied = allowed(&drop);
    if let Some(ResponseTypes::Flow(flow)) = &mut denied.response_types {
        flow.verdict = Verdict::Dropped.into();
    }
    store.push(&[denied, drop], i64::MAX);
    let one = &store.nodes(super::sample::START)["one"];
    assert_eq!((one.flows, one.dropped), (2, 1));
}

#[test]
fn losses_are_told_by_stage_for_each_node() {
    let node = |name: &str, state: NodeState| Node {
        name: name.to_owned(),
        version: "flows v1".to_owned(),
        state: state.into(),
        ..Node::default()
    };
    let own = |name: &str, failed, queue_lost, failure: &str| GetStatusResponse {
        node_name: name.to_owned(),
        failure: failure.to_owned(),
        events: failure.is_empty().then_some(EventCounts {
            attempted: 1000,
            failed,
            queue_lost,
            evicted_unread: 3,
            ..EventCounts::default()
        }),
        ..GetStatusResponse::default()
    };
    let health = client::Health {
        ours: Some(GetStatusResponse {
            nodes: vec![
                own("one", 40, 2, ""),
                own("two", 0, 0, ""),
                own("three", 0, 0, "it did not answer"),
            ],
            ..GetStatusResponse::default()
        }),
        nodes: vec![
            node("one", NodeState::NodeConnected),
            node("two", NodeState::NodeConnected),
            node("three", NodeState::NodeUnavailable),
        ],
        ..client::Health::default()
    };
    let mut sample = Sample::new(140, 24);
    sample.press("4");
    sample.send(Event::Health(Ok(Box::new(health))));
    assert_snapshot!("nodes_by_stage", sample.text());
    // Where there is no room for the stages, those of the selected node stand below.
    sample.resize(80, 24);
    let text = sample.text();
    assert!(!text.contains("RESTART"), "{text}");
    assert!(text.contains("40 kernel's ring full"), "{text}");
    sample.press("Down");
    assert!(
        sample.text().contains("it did not answer"),
        "{}",
        sample.text()
    );
}

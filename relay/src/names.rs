//! `flows.v1.Names` over all nodes: each tells of its own pods, and one that doesn't is named.

use std::sync::Arc;

use proto::flows::v1::{
    ListNamesRequest, ListNamesResponse, ToldName, names_client::NamesClient,
    names_server::Names as Rpc,
};
use tonic::{Code, Request, Response, Status};

use crate::policy::ask;
use crate::relay::{Relay, versioned};

/// The most names of an answer.
const MOST: usize = 1_000;

/// The service.
pub(crate) struct Service {
    relay: Arc<Relay>,
}

impl Service {
    pub(crate) fn new(relay: Arc<Relay>) -> Self {
        Self { relay }
    }
}

#[tonic::async_trait]
impl Rpc for Service {
    async fn list_names(
        &self,
        request: Request<ListNamesRequest>,
    ) -> Result<Response<ListNamesResponse>, Status> {
        let request = request.into_inner();
        let question = |channel| {
            let request = request.clone();
            async move {
                let answer = NamesClient::new(channel).list_names(request).await;
                answer.map_err(|status| match status.code() == Code::Unimplemented {
                    true => Status::failed_precondition(
                        "it doesn't tell names: its agent is older, or not of flows",
                    ),
                    false => status,
                })
            }
        };
        let (answers, notes) = ask::all(&self.relay, question).await?;
        let number = match usize::try_from(request.number) {
            Ok(0) | Err(_) => MOST,
            Ok(number) => number.min(MOST),
        };
        Ok(versioned(merged(answers, notes, number)))
    }
}

/// The order of all answers.
fn order(name: &ToldName) -> (&str, &str, &str, &str) {
    (&name.pod, &name.pod_ip, &name.name, &name.address)
}

fn merged(answers: Vec<ListNamesResponse>, notes: Vec<String>, number: usize) -> ListNamesResponse {
    let mut sum = ListNamesResponse {
        notes,
        ..ListNamesResponse::default()
    };
    for answer in answers {
        let ListNamesResponse {
            names,
            left_out,
            node_names,
            without_proxy,
            notes,
            time,
        } = answer;
        let node = node_names.first().map_or("", |name| &**name);
        sum.notes.extend(ask::of_node(node, notes));
        sum.names.extend(names);
        sum.left_out = sum.left_out.saturating_add(left_out);
        sum.node_names.extend(node_names);
        sum.without_proxy.extend(without_proxy);
        sum.time = sum.time.max(time);
    }
    sum.node_names.sort();
    sum.without_proxy.sort();
    sum.names
        .sort_by(|one, other| order(one).cmp(&order(other)));
    let surplus = sum.names.len().saturating_sub(number);
    sum.names.truncate(number);
    let surplus = u64::try_from(surplus).unwrap_or(u64::MAX);
    sum.left_out = sum.left_out.saturating_add(surplus);
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_all_nodes_stand_in_one_order_and_none_is_lost_in_silence() {
        let answer = |node: &str, pods: &[&str], left_out, has_proxy: bool| ListNamesResponse {
            names: pods
                .iter()
                .map(|pod| ToldName {
                    pod: (*pod).to_owned(),
                    node_name: node.to_owned(),
                    ..ToldName::default()
                })
                .collect(),
            left_out,
            node_names: vec![node.to_owned()],
            without_proxy: Vec::from_iter((!has_proxy).then(|| node.to_owned())),
            notes: vec!["behind".to_owned()],
            ..ListNamesResponse::default()
        };
        let answers = vec![
            answer("two", &["a/z", "b/a"], 4, true),
            answer("one", &["a/a", "c/c"], 0, false),
            // Another node was asked for.
            ListNamesResponse::default(),
        ];
        let sum = merged(answers, vec!["three is not included: away".to_owned()], 3);
        let pods: Vec<&str> = sum.names.iter().map(|name| &*name.pod).collect();
        assert_eq!(pods, ["a/a", "a/z", "b/a"]);
        assert_eq!(sum.left_out, 5);
        assert_eq!(sum.node_names, ["one", "two"]);
        assert_eq!(sum.without_proxy, ["one"]);
        assert_eq!(
            sum.notes,
            ["three is not included: away", "two: behind", "one: behind"]
        );
    }
}

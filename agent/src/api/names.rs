//! flows.v1.Names: what this node's pods were told for names, and what of it is open by which policies.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use cluster::{Labels, NamespacedName, SharedMap};
use l7::wire::name::Name;
use proto::flows::v1::{
    ListNamesRequest, ListNamesResponse, ToldName, names_server::Names as Rpc, told_name::State,
};
use proto::google::Timestamp;
use tonic::{Request, Response, Status};

use super::openers::{Opener, openers_of};
use super::{policy::Service, versioned};
use crate::node::name_book::{Entry, Seconds, now};
use crate::node::{AppliedState, ToldNames};

/// The most names of an answer.
const MOST: usize = 1_000;

/// The most that is said on why a name is open.
const MOST_OPENERS: usize = 16;

#[tonic::async_trait]
impl Rpc for Service {
    async fn list_names(
        &self,
        request: Request<ListNamesRequest>,
    ) -> Result<Response<ListNamesResponse>, Status> {
        let request = request.into_inner();
        let node_name = self.node_name();
        if !request.node_name.is_empty() && request.node_name != node_name {
            return Ok(versioned(ListNamesResponse::default()));
        }
        let told = Arc::clone(&self.access()?.told);
        let answer = self.ask(move |known| Ok(answer(&request, known, &told, &node_name, now())));
        Ok(versioned(answer.await?))
    }
}

fn time(seconds: Seconds) -> Option<Timestamp> {
    Some(Timestamp {
        seconds: i64::try_from(seconds).unwrap_or(i64::MAX),
        nanos: 0,
    })
}

fn without_dot(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

fn answer(
    request: &ListNamesRequest,
    known: &AppliedState,
    told: &ToldNames,
    node_name: &str,
    now: Seconds,
) -> ListNamesResponse {
    let pods: BTreeMap<IpAddr, &NamespacedName> = known
        .compiled
        .endpoints
        .iter()
        .flat_map(|(name, endpoint)| endpoint.ips.iter().map(move |ip| (*ip, name)))
        .collect();
    let wanted_name = without_dot(&request.name).to_ascii_lowercase();
    let is_wanted = |entry: &&Entry| {
        let pod = pods.get(&entry.pod);
        let has = |text: &str, own: &dyn Fn(&NamespacedName) -> bool| {
            text.is_empty() || pod.is_some_and(|pod| own(pod))
        };
        has(&request.pod, &|pod| pod.to_string() == request.pod)
            && has(&request.namespace, &|pod| {
                *pod.namespace == *request.namespace
            })
            && (wanted_name.is_empty() || without_dot(&entry.name) == wanted_name)
    };
    // Copied, since the enforcing thread waits for the book.
    let mut entries: Vec<Entry> = told.read().iter().filter(is_wanted).cloned().collect();
    // In the order of a relay, which merges nodes by it.
    let pod_text = |ip: &IpAddr| pods.get(ip).map(ToString::to_string).unwrap_or_default();
    entries.sort_by_cached_key(|entry| {
        let name = without_dot(&entry.name).to_owned();
        (pod_text(&entry.pod), entry.pod, name, entry.address)
    });
    let number = match usize::try_from(request.number) {
        Ok(0) | Err(_) => MOST,
        Ok(number) => number.min(MOST),
    };
    let left_out = entries.len().saturating_sub(number);
    entries.truncate(number);
    let open = told.open();
    let mut openers: BTreeMap<IpAddr, Vec<Opener>> = BTreeMap::new();
    let names = entries.into_iter().map(|entry| {
        let of_pod = openers
            .entry(entry.pod)
            .or_insert_with(|| match pods.get(&entry.pod) {
                Some(pod) => openers_of(known, pod),
                None => Vec::new(),
            });
        // A pod or a node stays what it is, whatever its names.
        let is_outside = !known.compiled.addresses.contains_key(&entry.address);
        let of_pod = if is_outside { &**of_pod } else { &[] };
        let (state, opened_by) = state(&entry, of_pod, &open);
        ToldName {
            pod: pod_text(&entry.pod),
            pod_ip: entry.pod.to_string(),
            node_name: node_name.to_owned(),
            name: without_dot(&entry.name).to_owned(),
            address: entry.address.to_string(),
            since: time(entry.since),
            expires: time(entry.expires),
            state: state.into(),
            opened_by,
            is_alias: entry.is_alias,
        }
    });
    let has_proxy = known.config.layer7.is_some();
    ListNamesResponse {
        names: names.collect(),
        left_out: u64::try_from(left_out).unwrap_or(u64::MAX),
        node_names: vec![node_name.to_owned()],
        without_proxy: (!has_proxy)
            .then(|| node_name.to_owned())
            .into_iter()
            .collect(),
        notes: known.notes.clone(),
        time: time(now),
    }
}

fn state(
    entry: &Entry,
    openers: &[Opener],
    open: &SharedMap<IpAddr, Labels>,
) -> (State, Vec<String>) {
    let Ok(name) = Name::from_text(&entry.name) else {
        return (State::Asked, Vec::new());
    };
    let matching = openers
        .iter()
        .filter(|opener| opener.matches.matches(&name));
    let matching: Vec<&Opener> = matching.collect();
    let labels = open.get(&entry.address);
    let is_open = |opener: &&Opener| labels.is_some_and(|labels| labels.is_fqdn(&opener.selector));
    let state = match (matching.is_empty(), matching.iter().any(is_open)) {
        (true, _) => State::Asked,
        (false, true) => State::Open,
        (false, false) => State::NotOpen,
    };
    let texts = matching.into_iter().take(MOST_OPENERS);
    (state, texts.map(|opener| opener.text.clone()).collect())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use cluster::Label;
    use policy::{Compiler, Config, PersistentState, ProxyPorts};
    use testing_policy::{add, state};

    use super::*;

    const CLUSTER: &str = "apiVersion: v1
kind: Node
metadata: {name: a}
spec: {podCIDRs: [10.1.0.0/24]}
status: {addresses: [{type: InternalIP, address: 192.168.0.1}]}
---
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: Pod
metadata: {name: pay, namespace: shop, labels: {app: pay}}
spec: {nodeName: a}
status: {podIP: 10.1.0.1}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {nodeName: a}
status: {podIP: 10.1.0.2}
";

    const POLICY: &str = "apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata: {name: pay, namespace: shop}
spec:
  endpointSelector: {matchLabels: {app: pay}}
  egress:
  - toFQDNs: [{matchPattern: '*.stripe.test'}]
    toPorts: [{ports: [{port: '443', protocol: TCP}]}]
";

    fn known(layer7: Option<ProxyPorts>) -> AppliedState {
        let mut state = state(CLUSTER);
        if layer7.is_some() {
            add(&mut state, "p.yaml", POLICY);
        }
        let state = Arc::new(state);
        let config = Config {
            layer7,
            ..Config::default()
        };
        let mut compiler = Compiler::new(config.clone(), "a", PersistentState::default());
        compiler.update(&state);
        AppliedState {
            compiled: compiler.compiled().clone(),
            policies: compiler.policies(),
            manifests: compiler.manifests(),
            state,
            config,
            revision: 1,
            notes: Vec::new(),
        }
    }

    fn told() -> ToldNames {
        let told = ToldNames::default();
        for (pod, name, address) in [
            (1, "api.stripe.test.", 10),
            (1, "www.stripe.test.", 11),
            (1, "other.test.", 12),
            (2, "api.stripe.test.", 10),
            (9, "api.stripe.test.", 10),
        ] {
            let entry = Entry {
                pod: IpAddr::from([10, 1, 0, pod]),
                name: name.into(),
                address: IpAddr::from([203, 0, 113, address]),
                since: 100,
                expires: 160,
                until: 3_760,
                is_alias: false,
            };
            let added = told.write().add(entry, &mut BTreeSet::new());
            added.expect("room");
        }
        let labels: Labels = [Label::fqdn("*.stripe.test")].into_iter().collect();
        let mut open = SharedMap::default();
        open.insert(IpAddr::from([203, 0, 113, 10]), labels);
        told.set_open(open);
        told
    }

    fn lines(request: &ListNamesRequest, known: &AppliedState) -> (Vec<String>, u64) {
        let answer = answer(request, known, &told(), "a", 130);
        assert_eq!(answer.time.expect("a time").seconds, 130);
        let lines = answer.names.iter().map(|name| {
            let why = name.opened_by.join("; ");
            let state = name.state().as_str_name();
            format!("{}|{}|{}|{state}|{why}", name.pod, name.name, name.address)
        });
        (lines.collect(), answer.left_out)
    }

    #[test]
    fn a_name_is_open_where_a_policy_of_the_pod_selects_it() {
        let known = known(Some(ProxyPorts { tcp: 1, dns: 2 }));
        let why = "cnp shop/pay: toFQDNs *.stripe.test on 443/TCP";
        let pay = [
            format!("shop/pay|api.stripe.test|203.0.113.10|OPEN|{why}"),
            "shop/pay|other.test|203.0.113.12|ASKED|".to_owned(),
            format!("shop/pay|www.stripe.test|203.0.113.11|NOT_OPEN|{why}"),
        ];
        let web = "shop/web|api.stripe.test|203.0.113.10|ASKED|".to_owned();
        let gone = "|api.stripe.test|203.0.113.10|ASKED|".to_owned();
        let all = ListNamesRequest::default();
        let [first, second, third] = pay.clone();
        let wanted = vec![gone, first, second, third, web.clone()];
        assert_eq!(lines(&all, &known), (wanted, 0));
        let of_pod = ListNamesRequest {
            pod: "shop/pay".to_owned(),
            ..all.clone()
        };
        assert_eq!(lines(&of_pod, &known), (pay.to_vec(), 0));
        let of_name = ListNamesRequest {
            namespace: "shop".to_owned(),
            name: "API.stripe.test.".to_owned(),
            ..all.clone()
        };
        assert_eq!(lines(&of_name, &known), (vec![pay[0].clone(), web], 0));
        let two = ListNamesRequest { number: 2, ..all };
        let (lines, left_out) = lines(&two, &known);
        assert_eq!((lines.len(), left_out), (2, 3));
    }

    #[test]
    fn a_node_without_a_proxy_says_so() {
        let all = ListNamesRequest::default();
        let answer = answer(&all, &known(None), &ToldNames::default(), "a", 130);
        assert!(answer.names.is_empty());
        assert_eq!(answer.without_proxy, ["a"]);
    }
}

//! Why nothing is shown: which flag names nothing that is there, and what may be meant.

use std::collections::BTreeSet;

use client::Server;
use flow::spelling::{closest, did_you_mean};
use proto::flow::Flow;

use crate::{filter_args::FilterArgs, text::grouped};

/// Names that are offered at once.
const OFFERED: usize = 3;
/// Most pods that are remembered of a file.
const MOST: usize = 10_000;
const PODS: [&str; 3] = ["pod", "from-pod", "to-pod"];
const NAMESPACES: [&str; 3] = ["namespace", "from-namespace", "to-namespace"];

/// What a file has.
#[derive(Debug, Default)]
pub(super) struct Seen {
    flows: u64,
    /// `namespace/name`, up to [`MOST`] of them.
    pods: BTreeSet<String>,
    /// Room for the name that is looked up.
    name: String,
}

impl Seen {
    pub(super) fn push(&mut self, flow: &Flow) {
        self.flows += 1;
        for end in [&flow.source, &flow.destination].into_iter().flatten() {
            if end.pod_name.is_empty() || self.pods.len() >= MOST {
                continue;
            }
            self.name.clear();
            self.name.push_str(&end.namespace);
            self.name.push('/');
            self.name.push_str(&end.pod_name);
            if !self.pods.contains(&self.name) {
                self.pods.insert(self.name.clone());
            }
        }
    }

    /// What to say if no flow matches; nothing of an empty file.
    pub(super) fn why(&self, filters: &FilterArgs) -> Option<String> {
        (self.flows > 0).then(|| text(self.flows, filters, &self.pods))
    }
}

fn text(flows: u64, filters: &FilterArgs, pods: &BTreeSet<String>) -> String {
    let mut text = format!("0 connections match, of {} flows", grouped(flows));
    for hint in hints(filters, pods) {
        text.push_str("; ");
        text.push_str(&hint);
    }
    text
}

/// What to say about an answer without any connection; the server is asked how many flows it has and
/// which pods there are. Nothing of a server that can't say.
pub(super) async fn why(server: &Server, filters: &FilterArgs) -> Option<String> {
    let (status, endpoints) = tokio::join!(server.server_status(), server.list_endpoints(""));
    let flows = status.ok().map(|status| status.num_flows)?;
    if flows == 0 {
        return Some("0 connections: the server has no flows yet".to_owned());
    }
    let endpoints = endpoints.ok().map(|answer| answer.endpoints);
    let pods = endpoints.into_iter().flatten().map(|endpoint| endpoint.pod);
    let pods: BTreeSet<String> = pods.collect();
    Some(text(flows, filters, &pods))
}

/// What is meant by a flag that names no pod or namespace that is there.
fn hints(filters: &FilterArgs, pods: &BTreeSet<String>) -> Vec<String> {
    let mut hints = Vec::new();
    if pods.is_empty() {
        return hints;
    }
    hints.extend(filters.words.iter().filter_map(|text| word(text, pods)));
    for flag in PODS {
        hints.extend(
            filters
                .values(flag)
                .filter_map(|value| pod(flag, value, pods)),
        );
    }
    let namespaces: BTreeSet<&str> = pods
        .iter()
        .filter_map(|pod| Some(pod.split_once('/')?.0))
        .collect();
    for flag in NAMESPACES {
        for value in filters.values(flag) {
            if !value.is_empty() && !namespaces.contains(value) {
                let meant = closest(value, namespaces.iter().copied());
                let meant = did_you_mean(&meant.into_iter().collect::<Vec<_>>());
                hints.push(format!("no pod is in the namespace {value}{meant}"));
            }
        }
    }
    hints
}

/// A word that is in no name of a pod or its namespace. It may still be one of what isn't a pod.
fn word(text: &str, pods: &BTreeSet<String>) -> Option<String> {
    let wanted = text.to_lowercase();
    if text.contains(['*', '?', '\\']) || pods.iter().any(|pod| pod.contains(&wanted)) {
        return None;
    }
    // Of the parts of a name one is to be like the word, `user-servce` like `user-service-7d9f-x2`.
    let parts = |pod: &str| {
        let (namespace, own) = pod.split_once('/').unwrap_or(("", pod));
        let own_parts: Vec<&str> = own.split('-').collect();
        let beginnings = (1..=own_parts.len()).map(|count| own_parts[..count].join("-"));
        let mut parts: Vec<String> = beginnings.collect();
        parts.push(namespace.to_owned());
        match wanted.contains('/') {
            true => parts
                .iter()
                .map(|part| format!("{namespace}/{part}"))
                .collect(),
            false => parts,
        }
    };
    let near = pods.iter().filter(|pod| {
        let parts: Vec<String> = parts(pod);
        closest(&wanted, parts.iter().map(String::as_str)).is_some()
    });
    let near: Vec<&str> = near.take(OFFERED).map(String::as_str).collect();
    let near = match near.is_empty() {
        true => String::new(),
        false => format!("; near: {}", near.join(", ")),
    };
    Some(format!(
        "no pod, workload, namespace, service, DNS name or policy of them contains `{text}`{near}"
    ))
}

/// A pod's flag takes `namespace/beginning`, and without a namespace `default`.
fn pod(flag: &str, value: &str, pods: &BTreeSet<String>) -> Option<String> {
    let (namespace, name) = match value.split_once('/') {
        Some((namespace, name)) => (namespace, name),
        None => ("default", value),
    };
    let wanted = format!("{namespace}/{name}");
    if pods.iter().any(|pod| pod.starts_with(&wanted)) {
        return None;
    }
    let elsewhere = pods.iter().filter(|pod| {
        let own = pod.split_once('/').map(|(_, own)| own);
        !name.is_empty() && own.is_some_and(|own| own.starts_with(name))
    });
    let elsewhere: Vec<&str> = elsewhere.take(OFFERED).map(String::as_str).collect();
    let means = match value.contains('/') {
        true => format!("no pod begins with {value}"),
        false => format!("--{flag} {value} means {wanted}"),
    };
    Some(match elsewhere.as_slice() {
        [] => {
            let meant = closest(&wanted, pods.iter().map(String::as_str));
            format!(
                "no pod begins with {wanted}{}",
                did_you_mean(&meant.into_iter().collect::<Vec<_>>())
            )
        }
        [one] => format!("{means}, and {one} exists"),
        several => format!("{means}, and {} exist", several.join(", ")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(flag: &'static str, value: &str) -> Vec<String> {
        let pods = [
            "production/user-service",
            "production/web-7d9f-x2",
            "shop/web-7d9f-a1",
        ];
        let filters = FilterArgs {
            flags: vec![(flag, value.to_owned())],
            ..FilterArgs::default()
        };
        hints(&filters, &pods.map(str::to_owned).into())
    }

    #[test]
    fn a_name_without_its_namespace() {
        assert_eq!(
            said("pod", "user-service"),
            ["--pod user-service means default/user-service, and production/user-service exists"]
        );
        assert_eq!(
            said("to-pod", "web"),
            ["--to-pod web means default/web, and production/web-7d9f-x2, shop/web-7d9f-a1 exist"]
        );
        assert_eq!(
            said("pod", "shop/user"),
            ["no pod begins with shop/user, and production/user-service exists"]
        );
    }

    #[test]
    fn a_word_that_is_in_no_name() {
        let pods = ["production/user-service-7d9f-x2", "shop/web-7d9f-a1"];
        let pods = pods.map(str::to_owned).into();
        let no = "no pod, workload, namespace, service, DNS name or policy of them contains";
        for (text, wanted) in [
            ("web", None),
            ("WEB", None),
            ("w*b", None),
            ("nosuchname", Some(format!("{no} `nosuchname`"))),
            (
                "user-servce",
                Some(format!(
                    "{no} `user-servce`; near: production/user-service-7d9f-x2"
                )),
            ),
            ("shpo", Some(format!("{no} `shpo`; near: shop/web-7d9f-a1"))),
            (
                "shop/wbe",
                Some(format!("{no} `shop/wbe`; near: shop/web-7d9f-a1")),
            ),
        ] {
            assert_eq!(word(text, &pods), wanted, "{text}");
        }
    }

    #[test]
    fn a_name_that_is_mistyped() {
        assert_eq!(
            said("pod", "production/usr-service"),
            ["no pod begins with production/usr-service; did you mean production/user-service?"]
        );
        assert_eq!(
            said("namespace", "prodution"),
            ["no pod is in the namespace prodution; did you mean production?"]
        );
        assert_eq!(
            said("namespace", "data"),
            ["no pod is in the namespace data"]
        );
    }

    #[test]
    fn what_is_there_needs_no_hint() {
        assert!(said("pod", "production/user").is_empty());
        assert!(said("namespace", "shop").is_empty());
        assert!(said("port", "80").is_empty());
    }
}

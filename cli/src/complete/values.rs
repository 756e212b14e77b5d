//! What may stand at a place.

use std::{collections::BTreeSet, time::Duration};

use clap::Command;
use client::{FlowOptions, Server};
use flow::{
    FlowView as _, Side,
    attribute::Attribute,
    expr::{Values, complete},
};
use proto::{
    flow::Flow,
    observer::{GetFlowsRequest, get_flows_response::ResponseTypes},
};

use super::{
    kind::Kind,
    place::{Place, ServerOfLine},
};
use crate::connect::ServerArgs;

/// Flows in which names of workloads and services are looked for.
const FLOWS: u64 = 1_000;

/// A proposal: what to put there, and a few words about it, which may be none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Proposal {
    pub(crate) text: String,
    pub(crate) about: String,
}

impl Proposal {
    fn new(text: impl Into<String>, about: impl ToString) -> Self {
        Self {
            text: text.into(),
            about: about.to_string(),
        }
    }
}

/// What the server knows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Live {
    /// `namespace/name`
    pub(crate) pods: BTreeSet<String>,
    /// `namespace/name`, of the newest flows.
    pub(crate) workloads: BTreeSet<String>,
    /// The same.
    pub(crate) services: BTreeSet<String>,
    /// `key=value`, without their sources.
    pub(crate) labels: BTreeSet<String>,
    /// `namespace/name`
    pub(crate) policies: BTreeSet<String>,
    pub(crate) nodes: BTreeSet<String>,
    pub(crate) identities: BTreeSet<u32>,
}

impl Live {
    /// What a server says within a time; of one that doesn't, nothing.
    pub(crate) async fn ask(server: &ServerArgs, patience: Duration, kind: &Kind) -> Self {
        let asked = async {
            let server = server.connect().await.ok()?;
            let flows = async {
                match kind.stands_in_flows() {
                    true => newest(&server).await,
                    false => Vec::new(),
                }
            };
            let (endpoints, policies, flows) =
                tokio::join!(server.list_endpoints(""), server.get_policies(), flows);
            let mut live = Self::default();
            for flow in &flows {
                live.take(flow);
            }
            // A stock Hubble has flows, and no endpoints.
            let endpoints = endpoints.map(|answer| answer.endpoints).unwrap_or_default();
            for endpoint in endpoints {
                let plain = endpoint
                    .labels
                    .iter()
                    .map(|label| label.split_once(':').map_or(&**label, |(_, plain)| plain));
                let usual = |label: &&str| !label.starts_with("io.cilium.");
                let plain = plain.filter(|label| usual(label) && is_name(label));
                live.labels.extend(plain.map(str::to_owned));
                live.pods
                    .extend(Some(endpoint.pod).filter(|pod| is_name(pod)));
                live.nodes
                    .extend(Some(endpoint.node_name).filter(|node| is_name(node)));
                live.identities.insert(endpoint.identity);
            }
            for policy in policies.ok().into_iter().flat_map(|answer| answer.policies) {
                let name = policy
                    .policy
                    .split_once(' ')
                    .map_or(&*policy.policy, |(_, name)| name);
                live.policies
                    .extend(Some(name).filter(|name| is_name(name)).map(str::to_owned));
            }
            Some(live)
        };
        let told = tokio::time::timeout(patience, asked).await;
        told.ok().flatten().unwrap_or_default()
    }

    /// Takes the names that stand in a flow.
    fn take(&mut self, flow: &Flow) {
        for side in [Side::Source, Side::Destination] {
            let namespace = flow.namespace(side);
            let full = |name: &str| match namespace {
                "" => name.to_owned(),
                namespace => format!("{namespace}/{name}"),
            };
            flow.any_workload(side, &mut |_, name| {
                self.workloads
                    .extend(Some(full(name)).filter(|name| is_name(name)));
                false
            });
            if let Some((namespace, name)) = flow.service(side) {
                let full = format!("{namespace}/{name}");
                self.services.extend(
                    Some(full)
                        .filter(|_| !name.is_empty())
                        .filter(|name| is_name(name)),
                );
            }
        }
    }

    fn namespaces(&self) -> BTreeSet<&str> {
        let names = self.pods.iter();
        names
            .filter_map(|pod| Some(pod.split_once('/')?.0))
            .collect()
    }
}

/// Whether a shell does no more with it than show it: nothing else is put on its command line.
fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || "-_./=@%+".contains(c);
    !name.is_empty() && !name.starts_with('-') && name.chars().all(plain)
}

/// The newest flows, as far as they come.
async fn newest(server: &Server) -> Vec<Flow> {
    let request = GetFlowsRequest {
        number: FLOWS,
        ..GetFlowsRequest::default()
    };
    let mut flows = Vec::new();
    let Ok(mut stream) = server.get_flows(request, FlowOptions::default()).await else {
        return flows;
    };
    while let Ok(Some(response)) = stream.message().await {
        if let Some(ResponseTypes::Flow(flow)) = response.response_types {
            flows.push(flow);
        }
    }
    flows
}

impl Values for Live {
    fn values(&self, field: &str, _beginning: &str) -> Vec<String> {
        let field = field
            .strip_prefix("src.")
            .or(field.strip_prefix("dst."))
            .unwrap_or(field);
        match field {
            "pod" => self.pods.iter().cloned().collect(),
            "workload" => self.workloads.iter().cloned().collect(),
            "service" => self.services.iter().cloned().collect(),
            "ns" => self.namespaces().into_iter().map(str::to_owned).collect(),
            "label" => self.labels.iter().cloned().collect(),
            "policy" => self.policies.iter().cloned().collect(),
            "node" => self.nodes.iter().cloned().collect(),
            _ => Vec::new(),
        }
    }
}

/// What may stand at a place, the most fitting first.
pub(crate) fn proposals(place: &Place<'_>, live: &Live, server: &ServerArgs) -> Vec<Proposal> {
    let texts = |texts: &mut dyn Iterator<Item = String>| -> Vec<Proposal> {
        texts.map(|text| Proposal::new(text, "")).collect()
    };
    let all = match &place.kind {
        Kind::Nothing | Kind::Files => Vec::new(),
        Kind::Commands => commands(place.command),
        Kind::Flags => flags(place.command),
        Kind::Pods => return named(&live.pods, place.beginning()),
        Kind::Workloads => return named(&live.workloads, place.beginning()),
        Kind::Services => return named(&live.services, place.beginning()),
        Kind::Ends => {
            let mut all = named(&live.pods, place.beginning());
            let entities = known("src.identity").into_iter();
            all.extend(entities.filter(|entity| begins(&entity.text, place.beginning())));
            return all;
        }
        Kind::Policies => return named(&live.policies, place.beginning()),
        Kind::Namespaces => texts(&mut live.namespaces().into_iter().map(str::to_owned)),
        Kind::Labels => labels(live, place.beginning()),
        Kind::Nodes => texts(&mut live.nodes.iter().cloned()),
        Kind::Identities => texts(&mut live.identities.iter().map(ToString::to_string)),
        Kind::Labs => texts(&mut client::labs().into_iter()),
        Kind::Servers => {
            let labs = client::labs().into_iter();
            let mut sockets = labs.map(|lab| format!("unix:///run/flows/{lab}/relay.sock"));
            let mut all = texts(&mut sockets);
            all.push(Proposal::new("localhost:4245", "a relay on this machine"));
            all
        }
        Kind::Contexts => texts(&mut server.context_names().into_iter()),
        Kind::Filter => return filter(place.beginning(), live),
        Kind::Fields => {
            let fields = Attribute::fields();
            fields
                .map(|field| Proposal::new(field.name, field.doc))
                .collect()
        }
        Kind::Prefixed => return kind_and_value(place.beginning(), live),
        Kind::Of(field) => known(field),
        Kind::These(values) => texts(&mut values.iter().cloned()),
    };
    let fitting = all.into_iter();
    fitting
        .filter(|one| begins(&one.text, place.beginning()))
        .collect()
}

/// Whether a text begins so, in any case.
fn begins(text: &str, beginning: &str) -> bool {
    let start = text.get(..beginning.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(beginning))
}

/// Names with a namespace: those that begin so, or whose own name does.
fn named(all: &BTreeSet<String>, beginning: &str) -> Vec<Proposal> {
    let own = |full: &str| {
        full.rsplit('/')
            .next()
            .is_some_and(|own| begins(own, beginning))
    };
    let fitting = all
        .iter()
        .filter(|full| begins(full, beginning) || own(full));
    fitting
        .map(|full| Proposal::new(full.as_str(), ""))
        .collect()
}

/// Keys, and behind one with `=` its values.
fn labels(live: &Live, beginning: &str) -> Vec<Proposal> {
    let of = |label: &String| match beginning.contains('=') {
        true => label.clone(),
        false => match label.split_once('=') {
            Some((key, _)) => format!("{key}="),
            None => label.clone(),
        },
    };
    let all: BTreeSet<String> = live.labels.iter().map(of).collect();
    all.into_iter()
        .map(|label| Proposal::new(label, ""))
        .collect()
}

fn known(field: &str) -> Vec<Proposal> {
    let field = Attribute::field(field);
    let values = field.map(Attribute::known_values).unwrap_or_default();
    let values = values
        .into_iter()
        .filter(|(name, _)| name != "VERDICT_UNKNOWN");
    values
        .map(|(name, about)| Proposal::new(name, about))
        .collect()
}

fn commands(command: &Command) -> Vec<Proposal> {
    let shown = command.get_subcommands().filter(|sub| !sub.is_hide_set());
    shown
        .map(|sub| {
            let about = sub.get_about().map(ToString::to_string).unwrap_or_default();
            Proposal::new(sub.get_name(), about)
        })
        .collect()
}

fn flags(command: &Command) -> Vec<Proposal> {
    let shown = command.get_arguments().filter(|arg| !arg.is_hide_set());
    shown
        .filter_map(|arg| {
            let about = arg.get_help().map(ToString::to_string).unwrap_or_default();
            Some(Proposal::new(format!("--{}", arg.get_long()?), about))
        })
        .collect()
}

/// An expression goes on with what may stand at its end.
fn filter(text: &str, live: &Live) -> Vec<Proposal> {
    complete(text, text.len(), live)
        .into_iter()
        .map(|found| {
            let before = text.get(..found.range.start).unwrap_or_default();
            Proposal::new(format!("{before}{}", found.text), found.doc)
        })
        .collect()
}

/// `pod:`, and behind it names of pods.
fn kind_and_value(beginning: &str, live: &Live) -> Vec<Proposal> {
    let Some((kind, value)) = beginning.split_once(':') else {
        let flags = flow::flags::FLAGS.iter();
        let kinds = flags.filter_map(|flag| flag.name.strip_prefix("from-"));
        let kinds = kinds.filter(|kind| *kind != "all-namespaces");
        let kinds = kinds.filter(|kind| begins(kind, beginning));
        return kinds
            .map(|kind| Proposal::new(format!("{kind}:"), ""))
            .collect();
    };
    let values = match kind {
        "pod" => named(&live.pods, value),
        "workload" => named(&live.workloads, value),
        "service" => named(&live.services, value),
        "namespace" | "ns" => {
            let names = live.namespaces().into_iter();
            names.map(|name| Proposal::new(name, "")).collect()
        }
        "label" => labels(live, value),
        "identity" => known("src.identity"),
        _ => Vec::new(),
    };
    let own = |text: &str| {
        text.rsplit('/')
            .next()
            .is_some_and(|own| begins(own, value))
    };
    let values = values.into_iter();
    let values = values.filter(|one| begins(&one.text, value) || own(&one.text));
    values
        .map(|one| Proposal::new(format!("{kind}:{}", one.text), one.about))
        .collect()
}

impl ServerArgs {
    /// With what a line says, instead of what completion itself was started with.
    pub(super) fn of_line(self, line: &ServerOfLine) -> Self {
        self.named(
            line.server.clone(),
            line.lab.clone(),
            line.context.clone(),
            line.config.as_ref().map(Into::into),
        )
    }
}

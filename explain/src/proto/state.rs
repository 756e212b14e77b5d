//! The state of a cluster as a message, and back.

use std::sync::Arc;

use cluster::manifest::{self, Document};
use cluster::{ObjectName, Origin, Problem, SharedMap, State, yaml};
use policy::{Config, Mode, ProxyPorts};
use proto::flows::v1 as wire;
use proto::flows::v1::get_state_response::Mode as WireMode;
use thiserror::Error;

/// A message that is not the state of a cluster.
#[derive(Debug, Error)]
pub enum StateError {
    /// A server of another version applies policies in a way that is not known here.
    #[error(
        "the server applies policies in a way that is not known here: use the same version of flows"
    )]
    Mode,
    /// An object that can't be read.
    #[error("the server's state can't be read: {0}")]
    Object(Box<Problem>),
    /// Text that is not YAML.
    #[error("the server's state can't be read: {0}")]
    Yaml(#[from] yaml::Error),
}

/// What policy depends on: `policies` are those in force, whatever `state` has. Who answers is left to whoever
/// does.
pub fn state_response(
    state: &State,
    policies: &SharedMap<ObjectName, Arc<manifest::Policy>>,
    config: &Config,
) -> wire::GetStateResponse {
    let object = |document: yaml::Node| wire::StateObject {
        yaml: document.to_yaml(),
        ..wire::StateObject::default()
    };
    let nodes = state.nodes.values().map(|node| node.to_document());
    let namespaces = state.namespaces.values().map(|ns| ns.to_document());
    let groups = state.cidr_groups.values().map(|group| group.to_document());
    let pods = state.pods.values().map(|pod| pod.to_document());
    let documents = nodes.chain(namespaces).chain(groups).chain(pods);
    let policies = policies.values().map(|policy| {
        let file = policy.origin.as_file().cloned().unwrap_or_default();
        wire::StateObject {
            yaml: policy.document.to_yaml(),
            file: file.path.to_string(),
            line: file.at.line,
            column: file.at.column,
        }
    });
    wire::GetStateResponse {
        objects: documents.map(object).chain(policies).collect(),
        mode: match config.mode {
            Mode::Default => WireMode::Default,
            Mode::Always => WireMode::Always,
            Mode::Never => WireMode::Never,
        }
        .into(),
        cluster_name: config.cluster.clone(),
        allow_localhost: config.allow_localhost,
        l7_proxy: config.layer7.map(|ports| wire::ProxyPorts {
            tcp: ports.tcp.into(),
            dns: ports.dns.into(),
        }),
        ..wire::GetStateResponse::default()
    }
}

/// The state in a message, and how policies are applied.
///
/// # Errors
/// See [`StateError`]; nothing of it is left out.
pub fn read_state(message: &wire::GetStateResponse) -> Result<(State, Config), StateError> {
    let mode = match message.mode() {
        WireMode::Default => Mode::Default,
        WireMode::Always => Mode::Always,
        WireMode::Never => Mode::Never,
        WireMode::Unspecified => return Err(StateError::Mode),
    };
    let mut state = State {
        generation: 1,
        ..State::default()
    };
    for object in &message.objects {
        let at = yaml::Position {
            line: object.line,
            column: object.column,
        };
        let origin = Origin::from(object.file.as_str()).at(at);
        for document in yaml::parse(&object.yaml)? {
            for document in manifest::read(&origin, document) {
                match document {
                    Document::Object(_, cluster::Object::Policy(policy), _) => {
                        let policy = cluster::Policy {
                            origin: origin.clone(),
                            ..(*policy).clone()
                        };
                        state.insert(cluster::Object::Policy(Arc::new(policy)));
                    }
                    Document::Object(_, object, _) => state.insert(object),
                    Document::Bad(_, problem) => return Err(StateError::Object(Box::new(problem))),
                    // What a later version sends and this one has no use for.
                    Document::Ignored(_) => {}
                }
            }
        }
    }
    let config = Config {
        cluster: message.cluster_name.clone(),
        mode,
        allow_localhost: message.allow_localhost,
        layer7: message.l7_proxy.as_ref().and_then(|ports| {
            Some(ProxyPorts {
                tcp: ports.tcp.try_into().ok()?,
                dns: ports.dns.try_into().ok()?,
            })
        }),
    };
    Ok((state, config))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_comes_back_with_the_same_rules() {
        let state = testing_policy::state(
            "{apiVersion: v1, kind: Node, metadata: {name: a}, spec: {podCIDRs: [10.1.0.0/16]}}\n---\n\
             {apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {team: x}}}\n---\n\
             {apiVersion: v1, kind: Pod, metadata: {name: web, namespace: shop, labels: {app: web}}, \
             spec: {nodeName: a}, status: {podIP: 10.1.0.5}}\n---\n\
             {apiVersion: cilium.io/v2, kind: CiliumCIDRGroup, metadata: {name: office}, spec: \
             {externalCIDRs: [192.0.2.0/24]}}\n---\n\
             {apiVersion: cilium.io/v2, kind: CiliumNetworkPolicy, metadata: {name: web, namespace: shop}, \
             spec: {endpointSelector: {}, ingress: [{toPorts: [{ports: [{port: '80', protocol: TCP}]}]}]}}\n",
        );
        let config = Config {
            mode: Mode::Always,
            layer7: Some(ProxyPorts { tcp: 7, dns: 8 }),
            ..Config::default()
        };
        let message = state_response(&state, &state.policies, &config);
        let (read, how) = read_state(&message).expect("a state");
        assert_eq!(how, config);
        assert_eq!(
            (&read.nodes, &read.namespaces, &read.pods, &read.cidr_groups),
            (
                &state.nodes,
                &state.namespaces,
                &state.pods,
                &state.cidr_groups
            )
        );
        let name = state.policies.keys().next().expect("one policy");
        assert!(policy::same_rules(
            read.policies.get(name).expect("it is there"),
            state.policies.get(name).expect("it is there")
        ));
        assert_eq!(
            read.policies
                .get(name)
                .expect("it is there")
                .origin
                .to_string(),
            state
                .policies
                .get(name)
                .expect("it is there")
                .origin
                .to_string()
        );
        let unknown = wire::GetStateResponse {
            mode: 99,
            ..message.clone()
        };
        assert!(matches!(read_state(&unknown), Err(StateError::Mode)));
        let mut broken = message;
        broken.objects[0].yaml = "kind: Node\napiVersion: v1\n".to_owned();
        assert!(matches!(read_state(&broken), Err(StateError::Object(_))));
    }
}

//! What else there is to know about an answer.

use policy::{Mode, ReasonKind};

use super::{End, EndpointVerdict, Explanation, PolicyContext, ResolvedPeer, TraceQuery};

impl PolicyContext<'_> {
    pub(super) fn notes(&self, query: &TraceQuery, explanation: &Explanation) -> Vec<String> {
        let Explanation {
            source,
            destination,
            egress,
            ingress,
            ..
        } = explanation;
        let mut notes = Vec::new();
        if self.config.mode == Mode::Never {
            notes.push("enforcement is off (mode never): all policies are ignored".to_owned());
        }
        if source.judged && source.pod.is_some() && source.pod == destination.pod {
            notes.push(
                "a pod's traffic to itself stays inside the pod: no policy applies".to_owned(),
            );
        }
        if egress.is_none() && ingress.is_none() {
            notes.push("neither end is a pod: no policy applies".to_owned());
        }
        for (resolved, what) in [(source, "source"), (destination, "destination")] {
            if resolved.assumed {
                notes.push(format!(
                    "the {what} is not a pod of this cluster: its labels are taken as given"
                ));
            }
            if resolved.unlike > 0 {
                let pods = match resolved.unlike {
                    1 => "another pod of its workload has".to_owned(),
                    several => format!("{several} other pods of its workload have"),
                };
                notes.push(format!(
                    "the {what} is {}; {pods} other labels or named ports and may get another answer",
                    resolved.name
                ));
            }
            if resolved.pods > 1 {
                notes.push(format!(
                    "{} pods have the labels of the {what}; all of them get the same answer",
                    resolved.pods
                ));
            }
        }
        let is_named = matches!(query.destination, End::Fqdn(_));
        if is_named {
            notes.push(
                "the destination stands for an address outside of the cluster that DNS tells for this \
                 name, and that no prefix of a policy covers"
                    .to_owned(),
            );
        }
        let of_names = |verdict: &EndpointVerdict| {
            let rules = verdict.policies.iter().flat_map(|finding| &finding.rules);
            rules.filter(|rule| rule.of_names).count() > 0
        };
        if !is_named && egress.as_ref().is_some_and(of_names) && is_outside(destination) {
            notes.push(
                "a rule allows addresses that are learned for names (toFQDNs): which these are, a node \
                 knows, and this answer takes none for one"
                    .to_owned(),
            );
        }
        let localhost = ingress
            .iter()
            .filter_map(|verdict| verdict.decision.reason.as_ref())
            .any(|reason| reason.kind == ReasonKind::AllowLocalhost);
        if localhost {
            notes.push(
                "host means the pod's own node, for example a kubelet's probe; other nodes are \
                 remote-node"
                    .to_owned(),
            );
        }
        notes
    }
}

/// Whether it is an address outside of the cluster.
fn is_outside(peer: &ResolvedPeer) -> bool {
    let world = ["world", "world-ipv4", "world-ipv6"];
    world.iter().any(|name| peer.labels.is_reserved(name))
}

//! Filters that say what two filters say.

use proto::flow::FlowFilter;

use crate::monitor_api::event;

/// Each with each; false if a filter says less than its two did. `None` if there are too many.
pub(super) fn product(
    of: &[FlowFilter],
    by: &[FlowFilter],
    most: usize,
) -> Option<(Vec<FlowFilter>, bool)> {
    if of.len().saturating_mul(by.len()) > most {
        return None;
    }
    let mut exact = true;
    let mut product: Vec<FlowFilter> = Vec::new();
    for one in of {
        for other in by {
            let Merged { filter, says } = both(one, other);
            match says {
                Constraint::Both => {}
                Constraint::Less => exact = false,
                Constraint::Never => continue,
            }
            if !product.contains(&filter) {
                product.push(filter);
            }
        }
    }
    Some((product, exact))
}

struct Merged {
    filter: FlowFilter,
    says: Constraint,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Constraint {
    /// What both say.
    Both,
    /// What the first one says, and some of what the second one does.
    Less,
    /// They contradict each other.
    Never,
}

/// What a list of values comes to that both filters have.
fn lists<T: Clone + PartialEq>(one: &[T], other: &[T], single: bool) -> (Vec<T>, Constraint) {
    match (one, other) {
        (one, []) => (one.to_vec(), Constraint::Both),
        ([], other) => (other.to_vec(), Constraint::Both),
        (one, other) if one == other => (one.to_vec(), Constraint::Both),
        // A flow has one value there, which must be in both lists.
        (one, other) if single => {
            let in_both = one.iter().filter(|value| other.contains(value));
            let in_both: Vec<T> = in_both.cloned().collect();
            let says = match in_both.len() {
                0 => Constraint::Never,
                _ => Constraint::Both,
            };
            (in_both, says)
        }
        (one, _) => (one.to_vec(), Constraint::Less),
    }
}

fn both(one: &FlowFilter, other: &FlowFilter) -> Merged {
    let mut filter = FlowFilter::default();
    let (mut less, mut never) = (false, false);
    macro_rules! merge {
        ($single:literal: $($field:ident)*) => {
            $(
                let (values, says) = lists(&one.$field, &other.$field, $single);
                filter.$field = values;
                less |= says == Constraint::Less;
                never |= says == Constraint::Never;
            )*
        };
    }
    merge!(true:
        uuid traffic_direction verdict drop_reason_desc source_port destination_port reply
        source_identity destination_identity ip_version trace_id ip_trace_id encrypted
        source_cluster_name destination_cluster_name
    );
    merge!(false:
        source_ip source_ip_xlated source_pod source_fqdn source_label source_service
        source_workload destination_ip destination_pod destination_fqdn destination_label
        destination_service destination_workload interface event_type http_status_code protocol
        dns_query http_method http_path http_url http_header tcp_flags node_name node_labels
    );
    if asks_http(&filter) && !filter.event_type.is_empty() && !of_l7(&filter) {
        // Servers refuse this.
        less = true;
        filter.event_type.clone_from(&one.event_type);
        filter.http_status_code.clone_from(&one.http_status_code);
        filter.http_method.clone_from(&one.http_method);
        filter.http_path.clone_from(&one.http_path);
        filter.http_url.clone_from(&one.http_url);
        filter.http_header.clone_from(&one.http_header);
    }
    let says = match (never, less) {
        (true, _) => Constraint::Never,
        (false, true) => Constraint::Less,
        (false, false) => Constraint::Both,
    };
    Merged { filter, says }
}

fn asks_http(filter: &FlowFilter) -> bool {
    !(filter.http_status_code.is_empty()
        && filter.http_method.is_empty()
        && filter.http_path.is_empty()
        && filter.http_url.is_empty()
        && filter.http_header.is_empty())
}

fn of_l7(filter: &FlowFilter) -> bool {
    filter
        .event_type
        .iter()
        .any(|kind| kind.r#type == event::L7)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::json::{self, Unknown};

    /// A filter with every list filled, so that none is forgotten.
    #[test]
    fn every_field_is_merged() {
        let text = r#"{"uuid":["u"],"source_ip":["::1"],"source_ip_xlated":["::1"],
            "source_pod":["p"],"source_fqdn":["f"],"source_label":["l"],"source_service":["s"],
            "source_workload":[{"name":"w"}],"source_cluster_name":["c"],"destination_ip":["::1"],
            "destination_pod":["p"],"destination_fqdn":["f"],"destination_label":["l"],
            "destination_service":["s"],"destination_workload":[{"name":"w"}],
            "destination_cluster_name":["c"],"traffic_direction":["EGRESS"],
            "verdict":["DROPPED"],"drop_reason_desc":["POLICY_DENIED"],
            "interface":[{"name":"eth0"}],"event_type":[{"type":129}],"http_status_code":["404"],
            "protocol":["tcp"],"source_port":["1"],"destination_port":["2"],"reply":[true],
            "dns_query":["q"],"source_identity":[1],"destination_identity":[2],
            "http_method":["GET"],"http_path":["/"],"http_url":["u"],
            "http_header":[{"key":"k","value":"v"}],"tcp_flags":[{"SYN":true}],
            "node_name":["n"],"node_labels":["l"],"ip_version":["IPv4"],"trace_id":["t"],
            "ip_trace_id":["7"],"encrypted":[true]}"#;
        let full: FlowFilter = json::read(text, Unknown::Refuse).unwrap();
        let fields = json::descriptors()
            .get_message_by_name("flow.FlowFilter")
            .unwrap();
        // All but `experimental`, which has no leaf.
        let written = json::to_string(&full).unwrap();
        for field in fields
            .fields()
            .filter(|field| field.name() != "experimental")
        {
            assert!(
                written.contains(&format!("\"{}\"", field.name())),
                "{field:?}"
            );
        }
        for (one, other) in [
            (&full, &FlowFilter::default()),
            (&FlowFilter::default(), &full),
            (&full, &full),
        ] {
            let merged = both(one, other);
            assert_eq!(merged.filter, full);
            assert!(merged.says == Constraint::Both);
        }
    }
}

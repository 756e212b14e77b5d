//! What is known of the ends.

use std::fmt::Write as _;

use super::super::names::{self, Known};
use super::super::read::{Read, labels, text};
use super::{Section, attribute, left, right};
use crate::attribute::{Attribute, AttributeId, EndAttribute, ValueType};
use crate::view::Side;

/// Each attribute of an end three times: of the source, of the destination, of either.
macro_rules! ends {
    ($(
        $id:ident $value_type:ident
            $name:literal $(| $alias:literal)*, $label:literal $($more:literal)?,
            $align:ident $heading:literal $min:literal $width:literal,
            $read:expr $(, $field:ident: $value:expr)*;
    )*) => {
        pub(in crate::attribute) static ENDS: &[Attribute] = &[
            $(
                Attribute {
                    aliases: &[concat!("source.", $name)
                        $(, concat!("src.", $alias), concat!("source.", $alias))*],
                    label: $label,
                    column: $align(Section::Source, concat!("SRC ", $heading), $min, $width),
                    $($field: $value,)*
                    ..attribute(
                        AttributeId::Of(Side::Source, EndAttribute::$id),
                        concat!("src.", $name),
                        ValueType::$value_type,
                        concat!($label, $($more,)? " of the packet's source"),
                        $read,
                    )
                },
                Attribute {
                    aliases: &[concat!("destination.", $name)
                        $(, concat!("dst.", $alias), concat!("destination.", $alias))*],
                    label: $label,
                    column: $align(Section::Destination, concat!("DST ", $heading), $min, $width),
                    $($field: $value,)*
                    ..attribute(
                        AttributeId::Of(Side::Destination, EndAttribute::$id),
                        concat!("dst.", $name),
                        ValueType::$value_type,
                        concat!($label, $($more,)? " of the packet's destination"),
                        $read,
                    )
                },
                Attribute {
                    aliases: &[$($alias),*],
                    label: $label,
                    $($field: $value,)*
                    ..attribute(
                        AttributeId::Either(EndAttribute::$id),
                        $name,
                        ValueType::$value_type,
                        concat!($label, $($more,)? " of source or destination"),
                        $read,
                    )
                },
            )*
        ];
    };
}

ends! {
    Pod Scoped
        "pod", "pod",
        left "POD" 8 24,
        Read::Pair(|flow, side, is| is(flow.namespace(side), flow.pod(side))),
        cell: Some(|flow, side, _, out| out.push_str(flow.pod(side)));
    Namespace Text
        "ns" | "namespace", "namespace",
        left "NS" 6 12,
        Read::Text(|flow, side, is| text(flow.namespace(side), is));
    Workload Scoped
        "workload", "workload" ", or the pod that none made (shop/web), or by kind (Deployment/web),",
        left "WORKLOAD" 8 20,
        Read::Pair(|flow, side, is| flow.any_workload(side, is)),
        cell: Some(|flow, side, _, out| {
            let start = out.len();
            flow.any_workload(side, &mut |_kind, name| join(name, start, out));
        });
    Service Scoped
        "service" | "svc", "service",
        left "SERVICE" 8 20,
        Read::Pair(|flow, side, is| flow.service(side).is_some_and(|(ns, name)| is(ns, name)));
    Fqdn Text
        "fqdn" | "dns" | "name", "DNS name",
        left "FQDN" 8 24,
        Read::Text(|flow, side, is| flow.any_name(side, is));
    Ip Ip
        "ip" | "addr", "address",
        left "IP" 7 15,
        Read::Special,
        cell: Some(|flow, side, _, out| write!(out, "{}", flow.address(side)).unwrap_or_default());
    Port Number
        "port", "port",
        right "PORT" 5 8,
        Read::Number(|flow, side| flow.port(side).map(u64::from)),
        max: u16::MAX as u64;
    Identity Number
        "identity" | "id", "identity" ", by number or reserved name,",
        left "IDENTITY" 6 12,
        Read::Number(|flow, side| flow.identity(side).map(|identity| identity.0.into())),
        known: Known::Names(names::identities),
        max: u32::MAX as u64,
        cell: Some(|flow, side, _, out| {
            if let Some(identity) = flow.identity(side) {
                match identity.name() {
                    Some(name) => out.push_str(name),
                    None => write!(out, "{}", identity.0).unwrap_or_default(),
                }
            }
        });
    Label Labels
        "label" | "labels", "labels",
        left "LABELS" 8 32,
        Read::Text(labels),
        cell: Some(|flow, side, _, out| {
            let start = out.len();
            flow.any_label(side, &mut |label| join(label, start, out));
        });
    Cluster Text
        "cluster", "cluster",
        left "CLUSTER" 7 11,
        Read::Text(|flow, side, is| text(flow.cluster(side), is));
}

/// Adds one of several texts, and goes on.
fn join(text: &str, start: usize, out: &mut String) -> bool {
    if out.len() > start {
        out.push(',');
    }
    out.push_str(text);
    false
}

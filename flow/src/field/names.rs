//! Values that have names.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "each place is about a few of many fields, signs or tokens"
)]

use proto::flow::{DropReason, Verdict};

use super::What;
use crate::describe::FLAGS;
use crate::filter::NumberOf;
use crate::identity::Identity;
use crate::vocabulary::{drop_reason_text, event, match_type_text, observation_points};

/// A number, its name, and what it means.
pub(crate) type Named = (u32, String, &'static str);

/// The names of a field's values; empty for fields without names.
pub(crate) fn named(what: What) -> Vec<Named> {
    let list = |names: &[(u32, &str, &'static str)]| {
        let names = names.iter();
        names
            .map(|(number, name, about)| (*number, (*name).to_owned(), *about))
            .collect()
    };
    match what {
        What::Verdict => (0..8)
            .filter_map(|number| {
                let verdict = Verdict::try_from(number).ok()?;
                let number = u32::try_from(number).ok()?;
                Some((
                    number,
                    verdict.as_str_name().to_owned(),
                    verdict_text(verdict),
                ))
            })
            .collect(),
        What::Reason => (130..=u8::MAX)
            .filter_map(|number| {
                let name = DropReason::try_from(i32::from(number)).ok()?.as_str_name();
                Some((
                    number.into(),
                    name.to_owned(),
                    drop_reason_text(number).unwrap_or(""),
                ))
            })
            .collect(),
        What::Direction => list(&[
            (1, "ingress", "seen by the receiving pod"),
            (2, "egress", "seen by the sending pod"),
            (0, "unknown", ""),
        ]),
        What::IpVersion => list(&[
            (1, "4", "IPv4"),
            (2, "6", "IPv6"),
            (0, "none", "no IP"),
            (1, "ipv4", ""),
            (2, "ipv6", ""),
        ]),
        What::Named(NumberOf::Cause) => list(&[
            (1, "new", "first packet of an allowed connection"),
            (2, "drop", "a dropped packet"),
            (
                3,
                "changed",
                "a live connection was judged anew, with another result",
            ),
            (4, "flags", "first sight of a TCP flag, or the first reply"),
            (5, "end", "the connection ended"),
            (6, "active", "a sign of life of a connection"),
            (7, "packet", "every packet is traced"),
            (0, "unknown", ""),
        ]),
        What::Named(NumberOf::Match) => (0..7)
            .map(|number| (number, match_type_text(number).to_owned(), ""))
            .collect(),
        What::Named(NumberOf::TraceReason) => list(&[
            (1, "new", "first packet of a connection"),
            (2, "established", "further packet"),
            (3, "reply", "against the connection's direction"),
            (4, "related", "an ICMP error about a connection"),
            (5, "reopened", ""),
            (6, "srv6_encap", ""),
            (7, "srv6_decap", ""),
            (8, "encrypt_overlay", ""),
        ]),
        What::Identity => (1..=10)
            .chain([0])
            .filter_map(|number| {
                let name = Identity(number).name()?;
                Some((number, name.to_owned(), ""))
            })
            .collect(),
        _ => Vec::new(),
    }
}

fn verdict_text(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Forwarded => "let through",
        Verdict::Dropped => "not let through",
        Verdict::Error => "an error on the way",
        Verdict::Audit => "would be dropped, if policy were enforced",
        Verdict::Redirected => "let through to a proxy",
        Verdict::Traced => "seen on its way",
        Verdict::Translated => "address translated",
        Verdict::Unknown => "",
    }
}

/// Values to offer, with a line about each.
pub(super) fn known(what: What) -> Vec<(String, &'static str)> {
    let plain = |names: &[&str]| {
        let names = names.iter();
        names.map(|name| ((*name).to_owned(), "")).collect()
    };
    match what {
        What::Type => {
            let kinds = event::NAMES
                .iter()
                .map(|(name, _)| ((*name).to_owned(), ""));
            let points = observation_points().map(|point| (format!("trace:{point}"), ""));
            kinds.chain(points).collect()
        }
        What::Protocol => PROTOCOLS
            .iter()
            .map(|name| ((*name).to_owned(), ""))
            .collect(),
        What::Flags => FLAGS
            .iter()
            .map(|(name, _)| (name.to_lowercase(), ""))
            .collect(),
        What::Reply | What::Encrypted | What::Flag(_) => plain(&["true", "false"]),
        What::HttpMethod => plain(&["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"]),
        What::HttpStatus => plain(&["5+", "4+", "200", "404", "503"]),
        other => {
            let mut names = named(other);
            // Second spellings are taken, not offered.
            names.retain(|(_, name, _)| !(other == What::IpVersion && name.starts_with("ip")));
            let names = names.into_iter();
            names.map(|(_, name, about)| (name, about)).collect()
        }
    }
}

/// Protocols, as filters name them.
pub(crate) const PROTOCOLS: [&str; 11] = [
    "tcp", "udp", "icmp", "icmpv4", "icmpv6", "sctp", "vrrp", "igmp", "dns", "http", "kafka",
];

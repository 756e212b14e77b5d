//! Values that have names.

use proto::flow::{DropReason, Verdict};
use proto::flows::v1::Cause;

use crate::format::FLAGS;
use crate::identity::Identity;
use crate::monitor_api::{drop_reason_text, event, match_type_text, observation_points};
use crate::view::ConnectionState;

/// A number, its name, and what it means.
pub(crate) type Named = (u32, String, &'static str);

/// A value, and what it means.
type Offered = (String, &'static str);

/// What is known of an attribute's values.
#[derive(Debug, Clone, Copy)]
pub(super) enum Known {
    /// Nothing.
    No,
    /// The names of its numbers.
    Names(fn() -> Vec<Named>),
    /// The same; all are taken, and the first ones of them offered.
    Spelled(fn() -> Vec<Named>, usize),
    /// What it often is.
    Texts(fn() -> Vec<Offered>),
}

fn list(names: &[(u32, &str, &'static str)]) -> Vec<Named> {
    let names = names.iter();
    names
        .map(|(number, name, about)| (*number, (*name).to_owned(), *about))
        .collect()
}

fn plain<'a>(texts: impl IntoIterator<Item = &'a str>) -> Vec<Offered> {
    let texts = texts.into_iter();
    texts.map(|text| (text.to_owned(), "")).collect()
}

pub(super) fn verdicts() -> Vec<Named> {
    (0..8)
        .filter_map(|number| {
            let verdict = Verdict::try_from(number).ok()?;
            let number = u32::try_from(number).ok()?;
            let name = verdict.as_str_name().to_owned();
            Some((number, name, verdict_text(verdict)))
        })
        .collect()
}

pub(super) fn states() -> Vec<Offered> {
    let states = ConnectionState::ALL.iter();
    states
        .map(|state| (state.name().to_owned(), state.about()))
        .collect()
}

pub(super) fn reasons() -> Vec<Named> {
    (130..=u8::MAX)
        .filter_map(|number| {
            let name = DropReason::try_from(i32::from(number)).ok()?.as_str_name();
            let about = drop_reason_text(number).unwrap_or("");
            Some((number.into(), name.to_owned(), about))
        })
        .collect()
}

pub(super) fn directions() -> Vec<Named> {
    list(&[
        (1, "ingress", "seen by the receiving pod"),
        (2, "egress", "seen by the sending pod"),
        (0, "unknown", ""),
    ])
}

pub(super) fn ip_versions() -> Vec<Named> {
    list(&[
        (1, "4", "IPv4"),
        (2, "6", "IPv6"),
        (0, "none", "no IP"),
        (1, "ipv4", ""),
        (2, "ipv6", ""),
    ])
}

pub(super) fn causes() -> Vec<Named> {
    (1..=7)
        .chain([0])
        .filter_map(|number: u32| {
            let cause = Cause::try_from(i32::try_from(number).ok()?).ok()?;
            let (name, about) = self::cause(cause);
            Some((number, name.to_owned(), about))
        })
        .collect()
}

/// Why an event was sent: in a word, and in a line.
pub(super) fn cause(cause: Cause) -> (&'static str, &'static str) {
    match cause {
        Cause::Unknown => ("unknown", ""),
        Cause::New => ("new", "first packet of an allowed connection"),
        Cause::Drop => ("drop", "a dropped packet"),
        Cause::Changed => (
            "changed",
            "a live connection was judged again, with another result",
        ),
        Cause::Flags => ("flags", "first sight of a TCP flag, or the first reply"),
        Cause::End => ("end", "the connection ended"),
        Cause::Active => ("active", "periodic update of an active connection"),
        Cause::Packet => ("packet", "every packet is traced"),
    }
}

pub(super) fn match_types() -> Vec<Named> {
    (0..7)
        .map(|number| (number, match_type_text(number).to_owned(), ""))
        .collect()
}

pub(super) fn trace_reasons() -> Vec<Named> {
    list(&[
        (1, "new", "first packet of a connection"),
        (2, "established", "further packet"),
        (3, "reply", "against the connection's direction"),
        (4, "related", "an ICMP error about a connection"),
        (5, "reopened", ""),
        (6, "srv6_encap", ""),
        (7, "srv6_decap", ""),
        (8, "encrypt_overlay", ""),
    ])
}

pub(super) fn identities() -> Vec<Named> {
    (1..=10)
        .chain([0])
        .filter_map(|number| {
            let name = Identity(number).name()?;
            Some((number, name.to_owned(), ""))
        })
        .collect()
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

pub(super) fn event_types() -> Vec<Offered> {
    let kinds = event::NAMES.iter();
    let kinds = kinds.map(|(name, _)| ((*name).to_owned(), ""));
    let points = observation_points().map(|point| (format!("trace:{point}"), ""));
    kinds.chain(points).collect()
}

pub(super) fn protocols() -> Vec<Offered> {
    plain(PROTOCOLS)
}

pub(super) fn tcp_flags() -> Vec<Offered> {
    let flags = FLAGS.iter();
    flags.map(|(name, _)| (name.to_lowercase(), "")).collect()
}

pub(super) fn http_methods() -> Vec<Offered> {
    plain(["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"])
}

pub(super) fn http_statuses() -> Vec<Offered> {
    plain(["5+", "4+", "200", "404", "503"])
}

/// Protocols, as filters name them.
pub(crate) const PROTOCOLS: [&str; 11] = [
    "tcp", "udp", "icmp", "icmpv4", "icmpv6", "sctp", "vrrp", "igmp", "dns", "http", "kafka",
];

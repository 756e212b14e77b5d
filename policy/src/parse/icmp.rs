//! `icmps`: types of ICMP by name and number.

use super::field::{Field, FieldErrors, Refused};
use super::ports::{MAX_PORTS, Said};
use crate::rule::{Ports, protocol};

/// `icmps` of one element.
pub(super) fn icmps(field: &Field<'_>) -> Result<Vec<Said>, Refused> {
    let mut said = Vec::new();
    let mut errors = FieldErrors::default();
    for item in field.list()? {
        errors.record(item.only(&["fields"], &[]));
        let Some(fields) = item.get("fields") else {
            continue;
        };
        let fields = fields.list()?;
        if fields.len() > MAX_PORTS {
            return Err(item.refuse(
                "too many types, the max is 40",
                "split them over several items",
            ));
        }
        let types = FieldErrors::all(fields.iter().map(icmp_type));
        said.extend(errors.record(types).into_iter().flatten());
    }
    errors.finish(said)
}

fn icmp_type(field: &Field<'_>) -> Result<Said, Refused> {
    field.only(&["family", "type"], &[])?;
    let (family, protocol, names) = match field.get("family") {
        None => ("IPv4", protocol::ICMP, ICMP_TYPES),
        Some(family) => match family.text()? {
            "IPv4" => ("IPv4", protocol::ICMP, ICMP_TYPES),
            "IPv6" => ("IPv6", protocol::ICMPV6, ICMPV6_TYPES),
            other => {
                return Err(family.refuse(format!("wrong family: {other}"), "use IPv4 or IPv6"));
            }
        },
    };
    let value = field
        .get("type")
        .ok_or_else(|| field.refuse("has no type", "add type, a number or a name"))?;
    let number = match value.node.value.as_int() {
        Some(_) => value.number(255)?,
        None => {
            let text = value.text()?;
            let named = names
                .iter()
                .find(|(name, _)| *name == text)
                .map(|(_, number)| *number);
            let number = named.or_else(|| text.parse::<u8>().ok().map(u16::from));
            number.ok_or_else(|| {
                value.refuse(
                    format!("ICMP type {text} not found in {family}"),
                    "use a number from 0 to 255",
                )
            })?
        }
    };
    let ports = Ports::Range {
        protocol,
        first: number,
        last: number,
    };
    let version = if protocol == protocol::ICMP {
        "ICMP"
    } else {
        "ICMPv6"
    };
    // The first name of a number is the usual one.
    let name = names
        .iter()
        .find(|(_, n)| *n == number)
        .map(|(name, _)| *name);
    let text = match name {
        Some(name) => format!("{version} {name}"),
        None => format!("{version} type {number}"),
    };
    Ok((ports, text))
}

/// Names as in Cilium (`pkg/policy/api/icmp.go`).
const ICMP_TYPES: &[(&str, u16)] = &[
    ("EchoReply", 0),
    ("DestinationUnreachable", 3),
    ("Redirect", 5),
    ("EchoRequest", 8),
    ("Echo", 8),
    ("RouterAdvertisement", 9),
    ("RouterSelection", 10),
    ("TimeExceeded", 11),
    ("ParameterProblem", 12),
    ("Timestamp", 13),
    ("TimestampReply", 14),
    ("Photuris", 40),
    ("ExtendedEchoRequest", 42),
    ("ExtendedEchoReply", 43),
];

const ICMPV6_TYPES: &[(&str, u16)] = &[
    ("DestinationUnreachable", 1),
    ("PacketTooBig", 2),
    ("TimeExceeded", 3),
    ("ParameterProblem", 4),
    ("EchoRequest", 128),
    ("EchoReply", 129),
    ("MulticastListenerQuery", 130),
    ("MulticastListenerReport", 131),
    ("MulticastListenerDone", 132),
    ("RouterSolicitation", 133),
    ("RouterAdvertisement", 134),
    ("NeighborSolicitation", 135),
    ("NeighborAdvertisement", 136),
    ("RedirectMessage", 137),
    ("RouterRenumbering", 138),
    ("ICMPNodeInformationQuery", 139),
    ("ICMPNodeInformationResponse", 140),
    ("InverseNeighborDiscoverySolicitation", 141),
    ("InverseNeighborDiscoveryAdvertisement", 142),
    ("HomeAgentAddressDiscoveryRequest", 144),
    ("HomeAgentAddressDiscoveryReply", 145),
    ("MobilePrefixSolicitation", 146),
    ("MobilePrefixAdvertisement", 147),
    ("DuplicateAddressRequestCodeSuffix", 157),
    ("DuplicateAddressConfirmationCodeSuffix", 158),
    ("ExtendedEchoRequest", 160),
    ("ExtendedEchoReply", 161),
];

//! What each of Hubble's drop reasons means to people, and what usually causes it.

use proto::flow::DropReason as Wire;

use crate::explain_flow::DropReason;

/// A reason by its number, known or not.
pub(super) fn from_number(number: i32) -> DropReason {
    let (meaning, usual_cause) = meaning(Wire::try_from(number).unwrap_or_default());
    DropReason {
        number,
        meaning,
        usual_cause,
    }
}

const FAULTY_SENDER: &str = "a faulty or hostile program that builds packets itself";
const FULL: &str =
    "more connections at once than the node has room for (`flows status` shows how full it is)";
const MISSING: &str = "a pod, node or service that has just gone or is not ready yet";
const OTHER_DATAPATH: &str = "the configuration of the datapath that reported it";

/// What a reason means, and what usually causes it.
#[expect(clippy::too_many_lines, reason = "a table, one row for each reason")]
fn meaning(reason: Wire) -> (&'static str, &'static str) {
    use Wire as R;
    match reason {
        R::InvalidSourceIp => (
            "the source address does not belong to the sender",
            "a program that fakes its address, or a router, VPN or second network inside the pod",
        ),
        R::InvalidSourceMac | R::InvalidDestinationMac => (
            "a MAC address is not the expected one",
            "a bridge or a virtual machine inside the pod, or a program that fakes its address",
        ),
        R::InvalidPacketDropped => ("a header is cut short or contradicts itself", FAULTY_SENDER),
        R::CtTruncatedOrInvalidHeader => {
            ("the TCP, UDP or ICMP header is cut short", FAULTY_SENDER)
        }
        R::CtMissingTcpAckFlag => (
            "a TCP packet without ACK belongs to no new connection",
            "a connection that one side no longer knows",
        ),
        R::CtUnknownL4Protocol | R::UnknownL4Protocol => (
            "its transport protocol is not supported, only TCP, UDP, SCTP and ICMP are",
            "a tunnel or routing daemon inside the pod (GRE, IPIP, ESP, OSPF, VRRP, IGMP)",
        ),
        R::CtCannotCreateEntryFromPacket => (
            "the packet can't open a connection",
            "an answer or a late packet of a connection that is no longer known",
        ),
        R::CtMapInsertionFailed | R::FailedToInsertIntoProxymap => {
            ("the connection table is full", FULL)
        }
        R::UnsupportedL3Protocol => (
            "it is neither IPv4 nor IPv6 nor ARP",
            "a network protocol such as LLDP, spanning tree or IPX spoken inside the pod",
        ),
        R::UnsupportedL2Protocol => (
            "it is not an Ethernet frame",
            "a device of another kind, such as a tunnel, in place of the pod's own",
        ),
        R::InvalidIpv6ExtensionHeader => (
            "its chain of IPv6 extension headers is malformed or too long",
            FAULTY_SENDER,
        ),
        R::IpFragmentationNotSupported => (
            "it is a fragment, and fragments are switched off",
            "datagrams larger than the MTU",
        ),
        R::FirstLogicalDatagramFragmentNotFound => (
            "it is a later fragment of a datagram whose first fragment was not seen or not allowed",
            "a first fragment that was lost or overtaken, or datagrams larger than the MTU",
        ),
        R::NoConfigurationAvailableToPerformPolicyDecision | R::DropEpNotReady => (
            "the node has no policy for this pod yet, so nothing passes",
            "a pod that has just been created, or more pods or label sets than the node has room for",
        ),
        R::UnknownIcmpv4Code
        | R::UnknownIcmpv4Type
        | R::UnknownIcmpv6Code
        | R::UnknownIcmpv6Type
        | R::ForbiddenIcmpv6Message => (
            "this ICMP message is not allowed",
            "an error message about a connection that is not known, or a router inside the pod",
        ),
        R::UnknownConnectionTrackingState | R::CtNoMapFound => {
            ("the connection's state is unknown", OTHER_DATAPATH)
        }
        R::LocalHostIsUnreachable | R::DropHostNotReady => (
            "the node itself can't be reached or is not ready",
            "a node that has just started",
        ),
        R::StaleOrUnroutableIp
        | R::NoMatchingLocalContainerFound
        | R::UnknownL3TargetAddress
        | R::FibLookupFailed => (
            "no pod, node or service has the destination address",
            MISSING,
        ),
        R::ServiceBackendNotFound => (
            "the service has no backend",
            "no pod of the service is ready, or its selector matches none",
        ),
        R::IsAClusterip => (
            "it went to a service address on a port that the service does not have",
            "a wrong port, or ICMP to a service address",
        ),
        R::DeniedByLbSrcRangeCheck => (
            "the service accepts other source ranges only",
            "`loadBalancerSourceRanges` of the service",
        ),
        R::TtlExceeded => (
            "its time to live expired",
            "a routing loop, or a traceroute",
        ),
        R::ReachedEdtRateLimitingDropHorizon | R::DropRateLimited => (
            "it exceeds the bandwidth or rate limit",
            "more traffic than the pod's limit allows",
        ),
        R::UnencryptedTraffic => (
            "it is not encrypted, and encryption is required",
            "a node or peer that does not encrypt yet",
        ),
        R::AuthRequired => (
            "mutual authentication is required and has not taken place yet",
            "the first packets of a connection for which a policy demands authentication",
        ),
        R::InvalidIdentity | R::UnknownSender => (
            "the sender's identity is not known",
            "a pod or node that has just been created",
        ),
        R::IgmpHandled | R::IgmpSubscribed | R::MulticastHandled => {
            ("the node handled it itself", "ordinary multicast traffic")
        }
        R::VlanFiltered => (
            "its VLAN is not allowed",
            "a VLAN device inside the pod, or a tagged uplink",
        ),
        // Of a number that is not known here; no number at all may be a policy's.
        R::Unknown => (
            "the datapath gave a reason that is not known here",
            "a server newer than this program",
        ),
        // Policy's own are answered with rules, not here.
        R::PolicyDenied | R::PolicyDeny => ("a policy dropped it", "a missing or denying rule"),
        R::SocketLookupFailed => (
            "a rule sends it through the layer-7 proxy, and no proxy runs on the node",
            "flows-proxy has ended or was not started there: start it with the agent's --run-dir (`flows status` names \
             the nodes without one)",
        ),
        R::MissedTailCall
        | R::ErrorWritingToPacket
        | R::ErrorRetrievingTunnelKey
        | R::ErrorRetrievingTunnelOptions
        | R::InvalidGeneveOption
        | R::ErrorWhileCorrectingL3Checksum
        | R::ErrorWhileCorrectingL4Checksum
        | R::InvalidTcBuffer
        | R::SocketAssignFailed => ("the datapath failed on the packet", OTHER_DATAPATH),
        R::NoTunnelOrEncapsulationEndpoint
        | R::NoMappingForNatMasquerade
        | R::UnsupportedProtocolForNatMasquerade
        | R::EncapsulationTrafficIsProhibited
        | R::NatNotNeeded
        | R::ProxyRedirectionNotSupportedForProtocol
        | R::InvalidVni
        | R::NoSid
        | R::MissingSrv6State
        | R::Nat46
        | R::Nat64
        | R::SnatNoMapFound
        | R::InvalidClusterId
        | R::UnsupportedProtocolForDsrEncap
        | R::NoEgressGateway
        | R::NoNodeId
        | R::DropNoEgressIp
        | R::DropPuntProxy => (
            "tunnel, address translation or proxy could not carry it",
            OTHER_DATAPATH,
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each reason has its sentence, in the same form, and none of them offers anything to add.
    #[test]
    fn every_reason_has_a_sentence() {
        let mut known = 0;
        for number in 0..=255 {
            let Ok(reason) = Wire::try_from(number) else {
                continue;
            };
            known += 1;
            let (what, cause) = meaning(reason);
            for text in [what, cause] {
                assert!(
                    !text.is_empty() && !text.ends_with('.') && !text.contains("add "),
                    "{reason:?}: {text}"
                );
            }
        }
        assert!(known > 70, "{known}");
    }
}

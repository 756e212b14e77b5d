//! The numbers that the kernel's records use mean here what they mean there.

use abi::{identity, policy::match_type, reason};
use flow::monitor_api::{drop_reason_text, match_type_text};
use flow::{DropReason, Identity};
use flows_flow as flow;

#[test]
fn drop_reasons() {
    for (number, name) in [
        (reason::INVALID_SOURCE_IP, DropReason::InvalidSourceIp),
        (reason::POLICY_DENIED, DropReason::PolicyDenied),
        (reason::INVALID_PACKET, DropReason::InvalidPacketDropped),
        (reason::CT_TRUNCATED, DropReason::CtTruncatedOrInvalidHeader),
        (reason::CT_UNKNOWN_L4, DropReason::CtUnknownL4Protocol),
        (reason::UNSUPPORTED_L3, DropReason::UnsupportedL3Protocol),
        (reason::CT_INSERT_FAILED, DropReason::CtMapInsertionFailed),
        (
            reason::INVALID_IPV6_EXT,
            DropReason::InvalidIpv6ExtensionHeader,
        ),
        (
            reason::NO_CONFIGURATION,
            DropReason::NoConfigurationAvailableToPerformPolicyDecision,
        ),
        (reason::UNSUPPORTED_L2, DropReason::UnsupportedL2Protocol),
        (
            reason::FRAG_NOT_FOUND,
            DropReason::FirstLogicalDatagramFragmentNotFound,
        ),
        (reason::POLICY_DENY, DropReason::PolicyDeny),
    ] {
        assert_eq!(DropReason::try_from(i32::from(number)), Ok(name));
        assert!(drop_reason_text(number).is_some(), "{name:?}");
    }
}

#[test]
fn identities() {
    for (number, name) in [
        (identity::UNKNOWN, "unknown"),
        (identity::HOST, "host"),
        (identity::WORLD, "world"),
        (identity::UNMANAGED, "unmanaged"),
        (identity::HEALTH, "health"),
        (identity::INIT, "init"),
        (identity::REMOTE_NODE, "remote-node"),
        (identity::KUBE_APISERVER, "kube-apiserver"),
        (identity::INGRESS, "ingress"),
        (identity::WORLD_IPV4, "world-ipv4"),
        (identity::WORLD_IPV6, "world-ipv6"),
    ] {
        assert_eq!(Identity(number).name(), Some(name));
        assert_eq!(Identity::named(name), Some(Identity(number)));
    }
    assert_eq!(Identity(identity::FIRST_DERIVED).to_string(), "ID:256");
}

#[test]
fn match_types() {
    for (number, text) in [
        (match_type::NONE, "none"),
        (match_type::L3_ONLY, "L3-Only"),
        (match_type::L3_L4, "L3-L4"),
        (match_type::L4_ONLY, "L4-Only"),
        (match_type::ALL, "all"),
        (match_type::L3_PROTO, "L3-Proto"),
        (match_type::PROTO_ONLY, "Proto-Only"),
    ] {
        assert_eq!(match_type_text(number.into()), text);
    }
}

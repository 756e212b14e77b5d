//! The wire: Hubble's `flow`, `observer`, `peer` and `relay` packages, and our own `flows.v1`.
//!
//! Messages, clients and servers in `src/gen` are generated from `proto/**/*.proto` by
//! `cargo xtask codegen` and checked in. [`json`] is the JSON form that Hubble's tools print and
//! read, [`google`] the well-known types that the messages refer to,
//! [`tcp`] what is set on connections between machines.

pub mod fields;
pub mod google;
pub mod json;
#[cfg(feature = "grpc")]
pub mod tcp;

/// Flows, agent and debug events, and the filter over flows.
pub mod flow {
    #![allow(
        clippy::all,
        clippy::pedantic,
        clippy::restriction,
        reason = "generated"
    )]
    #![allow(unused_qualifications, reason = "generated")]
    include!("gen/flow.rs");
    include!("gen/flow.serde.rs");
}

/// The service that streams flows.
pub mod observer {
    #![allow(
        clippy::all,
        clippy::pedantic,
        clippy::restriction,
        reason = "generated"
    )]
    #![allow(unused_qualifications, reason = "generated")]
    include!("gen/observer.rs");
    include!("gen/observer.serde.rs");
}

/// The service that tells a relay about the nodes of a cluster.
pub mod peer {
    #![allow(
        clippy::all,
        clippy::pedantic,
        clippy::restriction,
        reason = "generated"
    )]
    #![allow(unused_qualifications, reason = "generated")]
    include!("gen/peer.rs");
    include!("gen/peer.serde.rs");
}

/// What a relay says about its nodes.
pub mod relay {
    #![allow(
        clippy::all,
        clippy::pedantic,
        clippy::restriction,
        reason = "generated"
    )]
    #![allow(unused_qualifications, reason = "generated")]
    include!("gen/relay.rs");
    include!("gen/relay.serde.rs");
}

/// Our own messages.
pub mod flows {
    /// What Hubble's messages have no field for.
    pub mod v1 {
        #![allow(
            clippy::all,
            clippy::pedantic,
            clippy::restriction,
            reason = "generated"
        )]
        #![allow(unused_qualifications, reason = "generated")]
        include!("gen/flows.v1.rs");
        include!("gen/flows.v1.serde.rs");
    }
}

/// The encoded `FileDescriptorSet` of all of the above, for gRPC reflection.
pub const DESCRIPTOR_SET: &[u8] = include_bytes!("gen/descriptor.bin");

/// Request metadata by which a client asks for [`flows::v1::FlowExtension`] (value `1`).
pub const WANT_EXTENSIONS: &str = "x-flows-extensions";

/// Request metadata by which a client asks for progress responses (value `1`).
pub const WANT_PROGRESS: &str = "x-flows-progress";

/// Request metadata by which a client wants the number of flows from each node, as Hubble's relay
/// counts (value `1`), not from all together.
pub const NUMBER_PER_NODE: &str = "x-flows-number-per-node";

/// Response metadata of a relay that counts the flows of all nodes together (value `1`).
pub const NUMBER_IN_TOTAL: &str = "x-flows-number-in-total";

/// Response metadata of a relay: its version. Hubble's name.
pub const RELAY_VERSION: &str = "hubble-relay-version";

/// The type URL of a [`flows::v1::FlowExtension`] in `flow.Flow.extensions`.
pub const EXTENSION_URL: &str = "type.googleapis.com/flows.v1.FlowExtension";

/// The time that a client gives a call, of the header `grpc-timeout`: `12S`, `500m`. `None` if it is
/// no such text.
pub fn deadline(header: &str) -> Option<std::time::Duration> {
    use std::time::Duration;
    let (unit, digits) = (header.chars().last()?, header.get(..header.len() - 1)?);
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: u64 = digits.parse().ok()?;
    Some(match unit {
        'H' => Duration::from_secs(number * 3600),
        'M' => Duration::from_secs(number * 60),
        'S' => Duration::from_secs(number),
        'm' => Duration::from_millis(number),
        'u' => Duration::from_micros(number),
        'n' => Duration::from_nanos(number),
        _ => return None,
    })
}

impl flows::v1::PolicyKind {
    /// As manifests and `flow.Policy.kind` spell it; empty if it isn't known.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown => "",
            Self::CiliumNetworkPolicy
            | Self::CiliumClusterwideNetworkPolicy
            | Self::NetworkPolicy => self.as_str_name(),
        }
    }
}

impl flow::Flow {
    /// The extension that rides in this flow, if there is one that can be read.
    pub fn extension(&self) -> Option<flows::v1::FlowExtension> {
        let any = self.extensions.as_ref()?;
        (any.type_url == EXTENSION_URL)
            .then(|| prost::Message::decode(any.value.as_slice()).ok())
            .flatten()
    }

    /// Lets `extension` ride in this flow.
    pub fn set_extension(&mut self, extension: &flows::v1::FlowExtension) {
        self.extensions = Some(google::Any {
            type_url: EXTENSION_URL.to_owned(),
            value: prost::Message::encode_to_vec(extension),
        });
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::deadline;

    #[test]
    fn deadlines_as_grpc_writes_them() {
        for (text, wanted) in [
            ("2H", Some(Duration::from_secs(7200))),
            ("12S", Some(Duration::from_secs(12))),
            ("500m", Some(Duration::from_millis(500))),
            ("99999999n", Some(Duration::from_nanos(99_999_999))),
            ("100000000S", None),
            ("S", None),
            ("-1S", None),
            ("1", None),
            ("1\u{e4}", None),
            ("", None),
        ] {
            assert_eq!(deadline(text), wanted, "{text:?}");
        }
    }
}

//! What an administrator chooses.

use serde::{Deserialize, Serialize};

/// When policy is enforced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// For pods that a policy selects, in the directions it speaks of.
    #[default]
    Default,
    /// For all pods, in both directions.
    Always,
    /// Not at all.
    Never,
}

/// How rules are read and applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Name of the local cluster; part of pods' identities.
    pub cluster: String,
    /// When policy is enforced.
    pub mode: Mode,
    /// A pod's own node may always reach it (probes of the kubelet), unless a rule denies it.
    pub allow_localhost: bool,
    /// Where rules of layer 7 are judged; `None`: nowhere, and policies that have some are refused.
    pub layer7: Option<ProxyPorts>,
}

/// Ports of the node at which the proxy listens for what is redirected to it, not 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProxyPorts {
    /// HTTP, Kafka and TLS. Which of them a connection is follows from its peer.
    pub tcp: u16,
    /// DNS, over UDP and TCP.
    pub dns: u16,
}

/// What a policy may be written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Language<'a> {
    /// Name of the local cluster, to which selectors are confined unless they say otherwise.
    pub cluster: &'a str,
    /// Rules of layer 7 and for names are taken, not refused.
    pub layer7: bool,
}

impl<'a> From<&'a Config> for Language<'a> {
    fn from(config: &'a Config) -> Self {
        Self {
            cluster: &config.cluster,
            layer7: config.layer7.is_some(),
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            cluster: "default".to_owned(),
            mode: Mode::Default,
            allow_localhost: true,
            layer7: None,
        }
    }
}

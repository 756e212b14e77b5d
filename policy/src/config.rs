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
}

impl Default for Config {
    fn default() -> Self {
        Self {
            cluster: "default".to_owned(),
            mode: Mode::Default,
            allow_localhost: true,
        }
    }
}

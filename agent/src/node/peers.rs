//! Where the other agents of the cluster are.

use std::collections::BTreeMap;

/// Full node name to address (`ip:port`, without a port if agents do not listen on TCP).
pub type Peers = BTreeMap<String, String>;

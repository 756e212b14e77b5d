//! How a stored event is shown: as the flows that a Hubble user expects of it.

use abi::event::{self, Event};

/// The packet reaches a pod of this node (else it leaves for elsewhere).
pub fn to_endpoint(event: &Event) -> bool {
    let receiver = if event.flags & event::F_REPLY != 0 {
        event.egress
    } else {
        event.ingress
    };
    event.flags & event::F_FROM_POD == 0 || receiver != event::NOT_JUDGED
}

//! By which device a packet leaves the node.

use std::{net::IpAddr, sync::Arc};

use flow::Side;

use crate::{
    fact::{Kind, Packet},
    names::{Device, Named},
};

/// Who knows the ways: the kernel, or a test.
pub trait Ways: Send {
    /// Packets follow that are looked at together.
    fn begin(&mut self);

    /// The device by which a packet leaves that came in by the interface of that number; `None` if none
    /// does or that can't be told.
    fn device(&mut self, from: IpAddr, to: IpAddr, by: u32) -> Option<Arc<Device>>;
}

/// The device by which a pod's packet leaves the node, if it does.
pub(super) fn way(ways: &mut dyn Ways, packet: &Packet, named: &Named) -> Option<Arc<Device>> {
    if packet.kind() == Kind::Drop || !packet.leaves_node() {
        return None;
    }
    let veth = named.ends[0].interface.as_ref()?;
    let [from, to] = [Side::Source, Side::Destination].map(|side| packet.address(side));
    ways.device(from?, to?, veth.index)
}

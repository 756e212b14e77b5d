//! By which device a packet leaves the node.

mod kernel;

use std::{net::IpAddr, sync::Arc};

use flow::Side;

use crate::{
    fact::{Kind, Packet},
    node::names::{Device, Resolved},
};

pub use kernel::KernelEgressDevices;

/// Answers by which device packets leave: the kernel, or a test.
pub trait EgressDevices: Send {
    /// Packets follow that are looked at together.
    fn begin(&mut self);

    /// The device by which a packet leaves that came in by the interface of that number; `None` if none
    /// does or that can't be told.
    fn device(&mut self, from: IpAddr, to: IpAddr, by: u32) -> Option<Arc<Device>>;
}

/// The device by which a pod's packet leaves the node, if it does.
pub(super) fn egress_device(
    egress_devices: &mut dyn EgressDevices,
    packet: &Packet,
    named: &Resolved,
) -> Option<Arc<Device>> {
    if packet.kind() == Kind::Drop || !packet.leaves_node() {
        return None;
    }
    let veth = named.ends[0].interface.as_ref()?;
    let [from, to] = [Side::Source, Side::Destination].map(|side| packet.address(side));
    egress_devices.device(from?, to?, veth.index)
}

//! Where and when a packet is judged.

/// Where the program runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hook {
    /// A packet comes from the pod.
    FromPod,
    /// A packet goes to the pod.
    ToPod,
}

/// What stays the same while a packet is judged.
#[derive(Clone, Copy)]
pub struct Context {
    pub(crate) hook: Hook,
    /// Interface at which the program runs.
    pub(crate) ifindex: u32,
    /// Interface by which the packet came to this node; 0 = the node itself sent it.
    pub(crate) came_by: u32,
    /// 0: the node's proxy sent the packet.
    pub(crate) not_from_proxy: u32,
    pub(crate) revision: u32,
    pub(crate) tick: u32,
    /// Of the frame, bytes.
    pub(crate) length: u32,
}

impl Context {
    /// The packet did not come from the network: this node, or the pod at this interface, sent it.
    #[inline(always)]
    pub(crate) fn is_from_here(&self) -> bool {
        matches!(self.hook, Hook::FromPod) || self.came_by == 0
    }

    /// The node's proxy sent the packet.
    #[inline(always)]
    pub(crate) fn is_from_proxy(&self) -> bool {
        self.not_from_proxy == 0
    }

    #[inline(always)]
    pub(crate) fn is_from_pod(&self) -> bool {
        matches!(self.hook, Hook::FromPod)
    }
}

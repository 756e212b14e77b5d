//! Packets to and from the node's layer-7 proxy, by their marks (`SO_MARK`, `skb->mark`). Marks are Cilium's
//! (`bpf/lib/common.h`, `MARK_MAGIC_*`), so that rules which people have for them hold.

/// Port at which the proxy takes connections, unless it is told another one: of those that Cilium keeps for
/// proxies, 10000 to 20000.
pub const TCP_PORT: u16 = 10_080;
/// Port at which it takes DNS.
pub const DNS_PORT: u16 = 10_053;

/// Bits of a mark that say whose it is.
pub const MASK: u32 = 0x0f00;
/// On the way to the proxy; the upper 16 bits are the port at which it listens, 0 for a connection that it has.
/// A routing rule takes such packets to this host.
pub const TO: u32 = 0x0200;
/// From the proxy, which judged what a pod receives.
pub const FROM_INGRESS: u32 = 0x0a00;
/// From the proxy, which judged what a pod sends (or both).
pub const FROM_EGRESS: u32 = 0x0b00;

/// The mark of a packet on its way to the proxy's port.
#[inline(always)]
pub const fn to(port: u16) -> u32 {
    (port as u32) << 16 | TO
}

/// Zero if the proxy sent what has this mark. A number, because for a comparison the kernel's verifier would
/// go through a whole program twice.
#[inline(always)]
pub const fn differs_from_proxys(mark: u32) -> u32 {
    const BOTH: u32 = MASK & !(FROM_INGRESS ^ FROM_EGRESS);
    mark & BOTH ^ FROM_INGRESS & FROM_EGRESS
}

/// The port of a packet on its way to the proxy; `None` if it isn't.
#[inline(always)]
pub const fn port_of(mark: u32) -> Option<u16> {
    if mark & MASK == TO {
        Some((mark >> 16) as u16)
    } else {
        None
    }
}

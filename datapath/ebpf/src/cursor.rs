//! The packet cursor over an skb: direct packet access, every read compared with the data's end.

use aya_ebpf::programs::TcContext;
use datapath_core::Packet;

/// Bytes of headers that should be readable directly: Ethernet with two VLAN tags, IPv6 with
/// extension headers, an ICMP error with what it quotes.
const HEADERS: u32 = 192;

/// A frame in an skb. `data` and `end` stay valid because nothing that the core calls changes the
/// packet.
pub(crate) struct Frame {
    data: usize,
    end: usize,
    len: u32,
}

impl Frame {
    /// Pulls the headers into the linear part first if they aren't there.
    #[inline(always)]
    pub(crate) fn new(ctx: &TcContext) -> Self {
        let len = ctx.len();
        let wanted = if len < HEADERS { len } else { HEADERS };
        if ctx.data() + wanted as usize > ctx.data_end() {
            // A failure leaves the packet short: reads beyond its end give None, and the verdict is
            // "invalid packet".
            let _ = ctx.pull_data(wanted);
        }
        Self {
            data: ctx.data(),
            end: ctx.data_end(),
            len,
        }
    }

    #[inline(always)]
    fn read<T: Copy>(&self, offset: usize) -> Option<T> {
        // Offsets are sums of header lengths; the bound lets the verifier see that they are small.
        if offset > 2048 {
            return None;
        }
        let start = self.data + offset;
        if start + size_of::<T>() > self.end {
            return None;
        }
        // SAFETY: the comparison above, which the verifier checks too, keeps the read inside the
        // packet; `T` is an array of integers, for which every bit pattern is valid, and eBPF loads
        // have no alignment to keep.
        Some(unsafe { (start as *const T).read() })
    }
}

impl Packet for Frame {
    #[inline(always)]
    fn len(&self) -> u32 {
        self.len
    }

    #[inline(always)]
    fn bytes<const N: usize>(&self, offset: usize) -> Option<[u8; N]> {
        self.read(offset)
    }

    #[inline(always)]
    fn halves<const N: usize>(&self, offset: usize) -> Option<[u16; N]> {
        self.read(offset)
    }

    #[inline(always)]
    fn words<const N: usize>(&self, offset: usize) -> Option<[u32; N]> {
        self.read(offset)
    }
}

//! The tc programs: glue between the kernel's maps and `flows-datapath-core`, which decides.
#![no_std]
#![no_main]
#![expect(
    unsafe_code,
    reason = "kernel maps and packets are raw memory; each block says why it holds"
)]

mod cursor;
mod maps;
mod proxy;
mod steps;

use aya_ebpf::bindings::{TC_ACT_OK, TC_ACT_SHOT};
use aya_ebpf::helpers::generated::{bpf_ktime_get_coarse_ns, bpf_redirect_peer};
use aya_ebpf::macros::classifier;
use aya_ebpf::programs::TcContext;
use datapath_core::Action;
use datapath_core::verdict::Seen;

use crate::cursor::Frame;
use crate::maps::Kernel;

/// Packets from the pod: ingress of the host side of its veth.
#[classifier]
pub fn from_pod(ctx: TcContext) -> i32 {
    run(&ctx, true)
}

/// Packets to the pod: egress of the host side of its veth.
#[classifier]
pub fn to_pod(ctx: TcContext) -> i32 {
    run(&ctx, false)
}

/// Packets for the proxy: ingress of the loopback interface.
#[classifier]
pub fn to_proxy(ctx: TcContext) -> i32 {
    proxy::receive(&ctx)
}

#[inline(always)]
fn run(ctx: &TcContext, from_pod: bool) -> i32 {
    let Some(scratch) = maps::scratch() else {
        return TC_ACT_SHOT;
    };
    let Some(node) = maps::node() else {
        return TC_ACT_SHOT;
    };
    let frame = Frame::new(ctx);
    let mut kernel = Kernel { ctx, node };
    // SAFETY: the helper takes nothing and only reads a clock.
    let now = unsafe { bpf_ktime_get_coarse_ns() };
    // SAFETY: the skb is the program's context for as long as it runs.
    let ifindex = unsafe { (*ctx.skb.skb).ifindex };
    // SAFETY: as above.
    let came_by = unsafe { (*ctx.skb.skb).ingress_ifindex };
    // SAFETY: as above.
    let mark = unsafe { (*ctx.skb.skb).mark };
    let seen = Seen {
        ifindex,
        came_by,
        mark,
        now,
    };
    let action = if from_pod {
        datapath_core::from_pod(&frame, &mut kernel, scratch, seen)
    } else {
        datapath_core::to_pod(&frame, &mut kernel, scratch, seen)
    };
    match action {
        Action::Pass => TC_ACT_OK,
        Action::Drop => TC_ACT_SHOT,
        Action::ToProxy(port) => proxy::send(ctx, port),
        // SAFETY: plain integers; an interface that is gone makes the kernel drop the packet.
        Action::Redirect(ifindex) => unsafe { bpf_redirect_peer(ifindex, 0) as i32 },
    }
}

#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";

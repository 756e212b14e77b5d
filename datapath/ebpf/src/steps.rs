//! Steps of the verdict as global functions: the verifier checks each once, by itself and for any memory
//! that it may be given, so that its cost isn't multiplied by the ways that lead to it ("function-by-function
//! verification", kernel commit 51c39bb1d5d1). Without them a program takes four times as many instructions
//! to verify, and that long to load. A step that sends no event takes no packet.

use abi::conntrack::{CtKey4, CtKey6};
use aya_ebpf::bindings::__sk_buff;
use aya_ebpf::programs::TcContext;
use datapath_core::Context;
use datapath_core::family::{Family, V4, V6};
use datapath_core::parse::Tuple;
use datapath_core::policy::{self, Column, Found, PolicyQuery, Probe};
use datapath_core::shares::{self, Claim, Free};
use datapath_core::verdict::{self, ActionCode, Conclude, VerdictState};

use crate::maps::{self, Kernel};

impl<C> Probe for Kernel<C> {
    #[inline(always)]
    fn probe(&self, query: &PolicyQuery, column: &Column, shape: u32, found: &mut Found) -> u32 {
        step_probe(query, column, shape, found)
    }
}

/// [`policy::probe`].
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn step_probe(
    query: *const PolicyQuery,
    column: *const Column,
    shape: u32,
    found: *mut Found,
) -> u32 {
    // SAFETY: callers hand over references, whose sizes the verifier holds them to.
    let given = unsafe { (query.as_ref(), column.as_ref(), found.as_mut()) };
    let (Some(kernel), (Some(query), Some(column), Some(found))) = (kernel(), given) else {
        return 0;
    };
    policy::probe(&kernel, query, column, shape, found)
}

impl<C> Free for Kernel<C> {
    #[inline(always)]
    fn free<F: Family>(&mut self, claim: &mut Claim, key: &F::CtKey) -> u32 {
        let key = core::ptr::from_ref(key);
        // A family's keys are of one type.
        if F::EVENT_FLAG == V4::EVENT_FLAG {
            step_free4(claim, key.cast())
        } else {
            step_free6(claim, key.cast())
        }
    }
}

/// [`shares::free`] of an IPv4 connection.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn step_free4(claim: *mut Claim, key: *const CtKey4) -> u32 {
    free::<V4>(claim, key)
}

/// [`shares::free`] of an IPv6 connection.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn step_free6(claim: *mut Claim, key: *const CtKey6) -> u32 {
    free::<V6>(claim, key)
}

#[inline(always)]
fn free<F: Family>(claim: *mut Claim, key: *const F::CtKey) -> u32 {
    // SAFETY: as in `step_probe`.
    let given = unsafe { (claim.as_mut(), key.as_ref()) };
    let (Some(mut kernel), (Some(claim), Some(key))) = (kernel(), given) else {
        return 0;
    };
    shares::free::<F, _>(&mut kernel, claim, key)
}

impl Conclude for Kernel<&TcContext> {
    #[inline(always)]
    fn conclude<F: Family>(
        &mut self,
        state: &mut VerdictState,
        context: &Context,
        tuple: &Tuple<F>,
    ) -> ActionCode {
        let skb = self.ctx.skb.skb;
        let tuple = core::ptr::from_ref(tuple);
        if F::EVENT_FLAG == V4::EVENT_FLAG {
            step_conclude4(skb, state, context, tuple.cast())
        } else {
            step_conclude6(skb, state, context, tuple.cast())
        }
    }

    #[inline(always)]
    fn carry_on<F: Family>(
        &mut self,
        state: &mut VerdictState,
        context: &Context,
        tuple: &Tuple<F>,
    ) -> ActionCode {
        let skb = self.ctx.skb.skb;
        let tuple = core::ptr::from_ref(tuple);
        if F::EVENT_FLAG == V4::EVENT_FLAG {
            step_carry_on4(skb, state, context, tuple.cast())
        } else {
            step_carry_on6(skb, state, context, tuple.cast())
        }
    }
}

/// [`verdict::carry_on`] of an IPv4 packet.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn step_carry_on4(
    skb: *mut __sk_buff,
    state: *mut VerdictState,
    context: *const Context,
    tuple: *const Tuple<V4>,
) -> ActionCode {
    carry_on(skb, state, context, tuple)
}

/// [`verdict::carry_on`] of an IPv6 packet.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn step_carry_on6(
    skb: *mut __sk_buff,
    state: *mut VerdictState,
    context: *const Context,
    tuple: *const Tuple<V6>,
) -> ActionCode {
    carry_on(skb, state, context, tuple)
}

#[inline(always)]
fn carry_on<F: Family>(
    skb: *mut __sk_buff,
    state: *mut VerdictState,
    context: *const Context,
    tuple: *const Tuple<F>,
) -> ActionCode {
    // SAFETY: as in `step_probe`.
    let given = unsafe { (state.as_mut(), context.as_ref(), tuple.as_ref()) };
    let (Some(node), (Some(state), Some(context), Some(tuple))) = (maps::node(), given) else {
        return verdict::DROP;
    };
    let ctx = &TcContext::new(skb);
    verdict::carry_on(&mut Kernel { ctx, node }, state, context, tuple)
}

/// [`verdict::conclude`] of an IPv4 packet.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn step_conclude4(
    skb: *mut __sk_buff,
    state: *mut VerdictState,
    context: *const Context,
    tuple: *const Tuple<V4>,
) -> ActionCode {
    conclude(skb, state, context, tuple)
}

/// [`verdict::conclude`] of an IPv6 packet.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn step_conclude6(
    skb: *mut __sk_buff,
    state: *mut VerdictState,
    context: *const Context,
    tuple: *const Tuple<V6>,
) -> ActionCode {
    conclude(skb, state, context, tuple)
}

#[inline(always)]
fn conclude<F: Family>(
    skb: *mut __sk_buff,
    state: *mut VerdictState,
    context: *const Context,
    tuple: *const Tuple<F>,
) -> ActionCode {
    // SAFETY: as in `step_probe`.
    let given = unsafe { (state.as_mut(), context.as_ref(), tuple.as_ref()) };
    let (Some(node), (Some(state), Some(context), Some(tuple))) = (maps::node(), given) else {
        return verdict::DROP;
    };
    let ctx = &TcContext::new(skb);
    verdict::conclude(&mut Kernel { ctx, node }, state, context, tuple)
}

/// The maps, for a step that sends no event.
#[inline(always)]
fn kernel() -> Option<Kernel<()>> {
    Some(Kernel {
        ctx: (),
        node: maps::node()?,
    })
}

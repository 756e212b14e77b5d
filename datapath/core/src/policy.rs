//! One direction's decision from a policy table.

use abi::event::{FORWARDED, REDIRECTED};
use abi::policy::{
    COOKIE_NONE, Direction, EGRESS, ENFORCED, ENTRY_DENY, ENTRY_PRESENT, HAS_DENY, PolicyEntry,
    PolicyKey, SHAPE_ALL, SHAPE_PORT, SHAPE_PROTO, TABLE_PRESENT, match_type,
};
use abi::reason;

use crate::maps::Maps;

/// What one end said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// As in [`abi::event::Event::egress`]: forwarded, redirected, or the drop reason.
    pub verdict: u8,
    /// [`abi::policy::match_type`].
    pub match_type: u8,
    /// Proxy port of a redirect.
    pub proxy_port: u16,
    /// The rule.
    pub cookie: u32,
}

impl Decision {
    /// Does the packet go on?
    #[inline(always)]
    pub fn allows(&self) -> bool {
        self.verdict < reason::INVALID_SOURCE_IP
    }
}

/// What is asked of a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PolicyQuery {
    /// Node revision that counts.
    pub revision: u32,
    /// Table of the endpoint whose side is judged.
    pub table: u32,
    /// Identity of the other side.
    pub peer: u32,
    /// Destination port; ICMP: type.
    pub port: u16,
    /// IP protocol.
    pub proto: u8,
    /// Egress (clear: ingress).
    pub egress: bool,
}

/// A question, its answer, and what was found on the way.
///
/// [`decide`] and its parts are functions of their own that leave their results in such memory: so
/// the kernel's verifier walks each of them once per call, and not once per way through it times
/// everything that follows.
#[derive(Clone, Copy, Debug, Default)]
pub struct PolicyLookup {
    /// To be filled in.
    pub query: PolicyQuery,
    /// The answer.
    pub decision: Decision,
    direction: Direction,
    column: Column,
    peer: Found,
    any: Found,
}

/// What is asked of one column: entries for one identity.
#[derive(Clone, Copy, Debug, Default)]
pub struct Column {
    identity: u32,
    /// Shapes that the table has in this column.
    shapes: u32,
    /// Some entry of the direction denies: a longer entry that allows doesn't end the search.
    denies: u32,
    /// How many shapes between "protocol" and "exact port" to look at.
    range_shapes: u32,
}

/// The entry that a column answers with.
#[derive(Clone, Copy, Debug, Default)]
pub struct Found {
    entry: PolicyEntry,
    /// Shape + 1; 0 = nothing found.
    rank: u32,
}

impl Found {
    #[inline(always)]
    fn denies(&self) -> bool {
        self.entry.flags & ENTRY_DENY != 0
    }
}

/// Looking one shape up, which the kernel's program makes a function that the verifier checks once and by
/// itself, instead of once for each way that leads to a call.
pub trait Probe: Maps + Sized {
    /// [`probe`].
    #[inline(always)]
    fn probe(&self, query: &PolicyQuery, column: &Column, shape: u32, found: &mut Found) -> u32 {
        probe(self, query, column, shape, found)
    }
}

/// Shapes between "protocol" and "exact port".
const RANGES: u32 = 0x00ff_fe00;

/// Answers `judging.question`. A table that isn't there fails closed.
#[inline(never)]
pub fn decide<M: Probe>(maps: &M, lookup: &mut PolicyLookup) {
    let PolicyLookup {
        query,
        decision,
        direction,
        column,
        peer,
        any,
    } = lookup;
    *decision = Decision {
        verdict: reason::NO_CONFIGURATION,
        cookie: COOKIE_NONE,
        ..Decision::default()
    };
    *peer = Found::default();
    *any = Found::default();
    if !header(maps, query, direction) {
        return;
    }
    if direction.peer_shapes != 0 {
        column.identity = query.peer;
        column.shapes = direction.peer_shapes;
        column.denies = direction.flags & HAS_DENY;
        search(maps, query, column, peer);
    }
    if direction.any_shapes != 0 && !peer.denies() {
        column.identity = 0;
        column.shapes = direction.any_shapes;
        column.denies = direction.flags & HAS_DENY;
        search(maps, query, column, any);
    }
    *decision = answer(peer, any, direction);
}

/// Copies the header of the direction that is asked about; false if there is no such table.
#[inline(never)]
fn header<M: Maps>(maps: &M, query: &PolicyQuery, out: &mut Direction) -> bool {
    let Some(table) = maps
        .table(query.table)
        .map(|staged| staged.at(query.revision))
    else {
        return false;
    };
    if query.egress {
        *out = table.egress;
    } else {
        *out = table.ingress;
    }
    table.flags & TABLE_PRESENT != 0
}

/// `policy.md` section 10, "precedence": a deny wins; then the higher precedence, the longer shape,
/// the peer's own entry.
#[inline(always)]
fn answer(peer: &Found, any: &Found, direction: &Direction) -> Decision {
    let any_wins = any.rank != 0
        && (peer.rank == 0
            || any.denies()
            || any.entry.precedence > peer.entry.precedence
            || (any.entry.precedence == peer.entry.precedence && any.rank > peer.rank));
    let found = if any_wins { any } else { peer };
    if found.rank == 0 {
        let enforced = direction.flags & ENFORCED != 0;
        return Decision {
            verdict: if enforced {
                reason::POLICY_DENIED
            } else {
                FORWARDED
            },
            match_type: if enforced {
                match_type::NONE
            } else {
                match_type::ALL
            },
            proxy_port: 0,
            cookie: direction.default_cookie,
        };
    }
    let verdict = if found.denies() {
        reason::POLICY_DENY
    } else if found.entry.proxy_port != 0 {
        REDIRECTED
    } else {
        FORWARDED
    };
    let by_proto = found.rank == u32::from(SHAPE_PROTO) + 1;
    let match_type = match (any_wins, found.rank == u32::from(SHAPE_ALL) + 1, by_proto) {
        (false, true, _) => match_type::L3_ONLY,
        (false, false, true) => match_type::L3_PROTO,
        (false, false, false) => match_type::L3_L4,
        (true, true, _) => match_type::ALL,
        (true, false, true) => match_type::PROTO_ONLY,
        (true, false, false) => match_type::L4_ONLY,
    };
    let PolicyEntry {
        cookie, proxy_port, ..
    } = found.entry;
    Decision {
        verdict,
        match_type,
        proxy_port,
        cookie,
    }
}

/// The entry of one column: its longest shape, unless some shape denies.
#[inline(never)]
fn search<M: Probe>(maps: &M, query: &PolicyQuery, column: &mut Column, found: &mut Found) {
    let has = |column: &Column, shape: u8| column.shapes & 1 << shape != 0;
    if has(column, SHAPE_PORT) && maps.probe(query, column, SHAPE_PORT.into(), found) != 0 {
        return;
    }
    if column.shapes & RANGES != 0 {
        column.range_shapes = u32::from(SHAPE_PORT - SHAPE_PROTO - 1);
        ranges(maps, query, column, found);
        if found.rank != 0 && (column.denies == 0 || found.denies()) {
            return;
        }
    }
    if has(column, SHAPE_PROTO) && maps.probe(query, column, SHAPE_PROTO.into(), found) != 0 {
        return;
    }
    if has(column, SHAPE_ALL) {
        maps.probe(query, column, SHAPE_ALL.into(), found);
    }
}

/// The port prefixes, longest first. Their number comes from memory so that the loop stays a loop.
#[inline(never)]
fn ranges<M: Probe>(maps: &M, query: &PolicyQuery, column: &Column, found: &mut Found) {
    let mut passed = 0;
    while passed < column.range_shapes & 15 {
        passed += 1;
        // 23 down to 9.
        let shape = u32::from(SHAPE_PORT) - passed;
        let has = column.shapes >> shape & 1 != 0;
        if has && maps.probe(query, column, shape, found) != 0 {
            return;
        }
    }
}

/// Looks one shape (0 to 24) up. 1 ends the search: the entry denies, or it allows and nothing denies.
#[inline(always)]
pub fn probe<M: Maps>(
    maps: &M,
    query: &PolicyQuery,
    column: &Column,
    shape: u32,
    found: &mut Found,
) -> u32 {
    let shape = (shape & 31) as u8;
    // Shape n fixes n - 8 bits of the port, from the top.
    let open_bits = SHAPE_PORT.saturating_sub(shape) & 15;
    let port = if shape <= SHAPE_PROTO {
        0
    } else {
        query.port >> open_bits << open_bits
    };
    let key = PolicyKey {
        table: query.table,
        identity: column.identity,
        port,
        proto: if shape == SHAPE_ALL { 0 } else { query.proto },
        shape: shape | if query.egress { EGRESS } else { 0 },
    };
    let Some(staged) = maps.policy(&key) else {
        return 0;
    };
    let entry = staged.at(query.revision);
    if entry.flags & ENTRY_PRESENT == 0 {
        return 0;
    }
    let denies = entry.flags & ENTRY_DENY != 0;
    if denies || found.rank == 0 {
        found.entry = *entry;
        found.rank = u32::from(shape) + 1;
    }
    u32::from(denies || column.denies == 0)
}

//! Whatever the order in which the nodes are heard, and whatever is heard twice or not at all, the
//! connections are the same.

use flow::Verdict;
use flow::connection::{Outcome, State};
use flow::view::{Direction, Transport, tcp};
use flows_flow as flow;
use proptest::prelude::*;
use proto::flows::v1::Cause;

use crate::told::{BEGIN, MS, Told, fates};

const LATER: i64 = BEGIN + 10_000_000_000 * MS;

/// What happens to a connection.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Story {
    Closed,
    Open,
    Reset,
    Refused,
    DeniedAtSource,
    DeniedAtDestination,
    NoAnswer,
}

const STORIES: [Story; 7] = [
    Story::Closed,
    Story::Open,
    Story::Reset,
    Story::Refused,
    Story::DeniedAtSource,
    Story::DeniedAtDestination,
    Story::NoAnswer,
];

/// A connection as it really was.
#[derive(Debug, Clone, Copy)]
struct Plan {
    story: Story,
    port: u16,
    /// ms from the end of the last one between the same ports.
    pause: i64,
    packets: u64,
    one_node: bool,
    /// How far the destination's clock is ahead, ms.
    skew: i64,
}

fn plan() -> impl Strategy<Value = Plan> {
    let story = prop::sample::select(&STORIES[..]);
    (
        story,
        0..3u16,
        0..400_000i64,
        1..6u64,
        any::<bool>(),
        -300..300i64,
    )
        .prop_map(|(story, port, pause, packets, one_node, skew)| Plan {
            story,
            port: 40_000 + port,
            pause,
            packets,
            one_node,
            skew,
        })
}

/// What both nodes tell of it, from `begin` (ms) on; and when it is over.
fn tell(plan: &Plan, begin: i64) -> ([Vec<Told>; 2], i64) {
    const PASS: Option<Verdict> = Some(Verdict::Forwarded);
    const DROP: Option<Verdict> = Some(Verdict::Dropped);
    let denied = match plan.story {
        Story::DeniedAtSource => [DROP, None],
        Story::DeniedAtDestination => [PASS, DROP],
        Story::Closed | Story::Open | Story::Reset | Story::Refused | Story::NoAnswer => {
            [PASS, PASS]
        }
    };
    let mut nodes = [Vec::new(), Vec::new()];
    let mut at = begin;
    let mut counts = [0, 0];
    let mut say = |at: i64, reply: bool, flags: u16, cause: Cause| {
        counts[usize::from(reply)] += 1;
        for (node, name) in ["n1", "n2"].into_iter().enumerate() {
            let judged = match (plan.one_node, node) {
                (true, 0) => denied,
                (false, 0) => [denied[0], None],
                (false, 1) => [None, denied[1]],
                _ => continue,
            };
            if judged == [None, None] {
                continue;
            }
            let late = if node == 1 { 1 + plan.skew } else { 0 };
            let told = Told {
                port: plan.port,
                reply,
                flags,
                packets: counts,
                ..Told::new(name, at + late, judged)
            };
            let cause = if told.is_dropped() {
                Cause::Drop
            } else {
                cause
            };
            // Sent again, an allowed packet is of a connection that is known.
            let known = cause == Cause::New && at > begin;
            let cause = if known { Cause::Active } else { cause };
            nodes[node].push(Told { cause, ..told });
        }
    };
    say(at, false, tcp::SYN, Cause::New);
    match plan.story {
        Story::DeniedAtSource | Story::DeniedAtDestination | Story::NoAnswer => {
            for again in 0..plan.packets {
                at += 1_000 << again;
                say(at, false, tcp::SYN, Cause::New);
            }
        }
        Story::Refused => {
            at += 2;
            say(at, true, tcp::RST | tcp::ACK, Cause::End);
        }
        Story::Closed | Story::Open | Story::Reset => {
            at += 2;
            say(at, true, tcp::SYN | tcp::ACK, Cause::Flags);
            for _ in 0..plan.packets {
                at += 5_000;
                say(at, false, tcp::ACK, Cause::Active);
                at += 3;
                say(at, true, tcp::ACK, Cause::Active);
            }
            at += 10;
            match plan.story {
                Story::Closed => {
                    say(at, false, tcp::FIN | tcp::ACK, Cause::Flags);
                    at += 3;
                    say(at, true, tcp::FIN | tcp::ACK, Cause::End);
                }
                Story::Reset => say(at, false, tcp::RST, Cause::End),
                Story::Open
                | Story::Refused
                | Story::DeniedAtSource
                | Story::DeniedAtDestination
                | Story::NoAnswer => {}
            }
        }
    }
    (nodes, at)
}

/// All connections, each pair of ports one after the other; what each node tells is by time.
fn world(plans: &[Plan]) -> [Vec<Told>; 2] {
    let mut free = [0i64; 3];
    let mut all = [Vec::new(), Vec::new()];
    for plan in plans {
        let free = &mut free[usize::from(plan.port - 40_000)];
        // As long as no port is used again before its connection has timed out.
        let quiet = match plan.story {
            Story::Closed | Story::Reset | Story::Refused => 12_000,
            Story::Open | Story::DeniedAtSource | Story::DeniedAtDestination | Story::NoAnswer => {
                200_000
            }
        };
        let (nodes, end) = tell(plan, *free + plan.pause);
        *free = end + quiet;
        for (all, told) in all.iter_mut().zip(nodes) {
            all.extend(told);
        }
    }
    for told in &mut all {
        told.sort_by_key(|told| told.time);
    }
    all
}

/// Both nodes' events mixed: `choices` says whose turn it is, and what is told again.
fn mix(nodes: &[Vec<Told>; 2], choices: &[u8]) -> Vec<Told> {
    let mut next = [0, 0];
    let mut mixed: Vec<Told> = Vec::new();
    let mut choices = choices.iter().cycle();
    while next[0] < nodes[0].len() || next[1] < nodes[1].len() {
        let choice = choices.next().copied().unwrap_or(0);
        let mut node = usize::from(choice & 1);
        if next[node] >= nodes[node].len() {
            node = 1 - node;
        }
        mixed.push(nodes[node][next[node]]);
        next[node] += 1;
        if choice & 0b110 == 0b110 {
            let again = mixed.len() - 1 - usize::from(choice >> 3) % mixed.len();
            mixed.push(mixed[again]);
        }
    }
    mixed
}

proptest! {
    #[test]
    fn any_interleaving_gives_the_same_connections(
        plans in prop::collection::vec(plan(), 1..8),
        choices in prop::collection::vec(any::<u8>(), 32),
        kept in prop::collection::vec(any::<u8>(), 64),
        losses in any::<bool>(),
    ) {
        let mut nodes = world(&plans);
        if losses {
            for told in &mut nodes {
                let mut kept = kept.iter().cycle();
                told.retain(|_| kept.next().is_some_and(|roll| roll % 4 > 0));
            }
        }
        let mut by_time = nodes.concat();
        by_time.sort_by_key(|told| told.time);
        let expected = fates(&by_time, LATER);
        prop_assert_eq!(&fates(&mix(&nodes, &choices), LATER), &expected);
        let [first, second] = &nodes;
        prop_assert_eq!(&fates(first.iter().chain(second), LATER), &expected);
        prop_assert_eq!(&fates(second.iter().chain(first), LATER), &expected);
    }

    #[test]
    fn connections_are_told_as_they_were(
        plans in prop::collection::vec(plan(), 1..8),
        choices in prop::collection::vec(any::<u8>(), 32),
    ) {
        let nodes = world(&plans);
        let told = fates(&mix(&nodes, &choices), LATER);
        prop_assert_eq!(told.len(), plans.len());
        let mut told: Vec<_> = told.into_iter().map(|fate| (fate.port, fate.start, fate)).collect();
        told.sort_by_key(|(port, start, _)| (*port, *start));
        let mut plans = plans.clone();
        plans.sort_by_key(|plan| plan.port);
        for (plan, (_, _, fate)) in plans.iter().zip(told) {
            let (outcome, state) = match plan.story {
                Story::Closed => (Outcome::Allowed, State::Closed),
                Story::Open => (Outcome::Allowed, State::Open),
                Story::Reset => (Outcome::Allowed, State::Reset),
                Story::Refused => (Outcome::Allowed, State::Refused),
                Story::NoAnswer => (Outcome::Allowed, State::NoAnswer),
                Story::DeniedAtSource => {
                    (Outcome::Denied { at: Some(Direction::Egress) }, State::Denied)
                }
                Story::DeniedAtDestination => {
                    (Outcome::Denied { at: Some(Direction::Ingress) }, State::Denied)
                }
            };
            prop_assert_eq!(fate.outcome, outcome);
            prop_assert_eq!(fate.state, state);
            let is_denied = state == State::Denied;
            prop_assert_eq!(fate.drops, if is_denied { plan.packets + 1 } else { 0 });
            prop_assert_eq!(fate.silent, None);
        }
    }
}

#[test]
fn transports_are_kept_apart() {
    let tcp = Told::new("n1", 0, [Some(Verdict::Forwarded), None]);
    let udp = Told {
        transport: Transport::Udp,
        ..tcp
    };
    assert_eq!(fates(&[tcp, udp], LATER).len(), 2);
}

//! Who opened a connection: what counts against its direction, and what is still known when it has
//! timed out.

use abi::event::F_REPLY;
use abi::node::ticks;
use abi::proto::{SCTP, TCP};
use abi::reason;
use datapath_core::Action::{Drop, Pass, Redirect};
use datapath_host::HostMaps;

use crate::common::*;

fn later(maps: &mut HostMaps, seconds: u64) {
    maps.now += u64::from(ticks(seconds) + 1) << 24;
}

/// A packet of SCTP with one chunk.
fn sctp(src: [u8; 4], dst: [u8; 4], chunk: u8) -> Vec<u8> {
    let mut frame = udp(src, 2905, dst, 2905, &[0; 20]);
    frame[23] = SCTP;
    frame[14 + 20 + 12] = chunk;
    frame
}

const INIT: u8 = 1;
const HEARTBEAT: u8 = 4;
const DATA: u8 = 0;

#[test]
fn a_packet_that_opens_against_the_direction_of_a_connection_is_judged_by_itself() {
    // The client may call; nobody may call the client.
    let dials = tcp(CLIENT4, 4001, SERVER4, 4001, "S");
    let dials_back = tcp(SERVER4, 4001, CLIENT4, 4001, "S");
    let associates = sctp(CLIENT4, SERVER4, INIT);
    let associates_back = sctp(SERVER4, CLIENT4, INIT);
    for (there, back) in [(dials, dials_back), (associates, associates_back)] {
        for is_stale in [false, true] {
            let mut maps = node();
            enforce(&mut maps, 1, false);
            assert_eq!(maps.from_pod(&there, CLIENT), Redirect(SERVER));
            later(&mut maps, 50);
            maps.node.revision += u32::from(is_stale);
            assert_eq!(maps.from_pod(&back, SERVER), Drop);
            assert_eq!(maps.ct4.len(), 1, "and what is known stays");
            assert_eq!(maps.from_pod(&there, CLIENT), Redirect(SERVER));
        }
    }
    // Both may: TCP's simultaneous open.
    let mut maps = node();
    let dials = tcp(CLIENT4, 4001, SERVER4, 4001, "S");
    let dials_back = tcp(SERVER4, 4001, CLIENT4, 4001, "S");
    assert_eq!(maps.from_pod(&dials, CLIENT), Redirect(SERVER));
    assert_eq!(maps.from_pod(&dials_back, SERVER), Redirect(CLIENT));
    let answer = tcp(CLIENT4, 4001, SERVER4, 4001, "SA");
    assert_eq!(maps.from_pod(&answer, CLIENT), Redirect(SERVER));
}

/// Both pods isolated on the way in; the client may call one port of the server.
fn isolated(proto: u8, port: u16) -> HostMaps {
    let mut maps = node();
    enforce(&mut maps, 1, false);
    enforce(&mut maps, 2, false);
    let rule = (CLIENT_IDENTITY, proto, port, 24);
    entry(&mut maps, 2, false, rule, false, 77);
    maps
}

#[test]
fn a_connection_that_timed_out_goes_on_in_its_direction() {
    let call = |flags| tcp(CLIENT4, 4000, SERVER4, 80, flags);
    let answer = |flags| tcp(SERVER4, 80, CLIENT4, 4000, flags);
    for (what, reset, idle) in [("idle", false, 8_001), ("a stray RST", true, 11)] {
        let mut maps = isolated(TCP, 80);
        for flags in ["S", "A"] {
            assert_eq!(maps.from_pod(&call(flags), CLIENT), Redirect(SERVER));
        }
        if reset {
            assert_eq!(maps.from_pod(&answer("R"), SERVER), Redirect(CLIENT));
        }
        later(&mut maps, idle);
        assert_eq!(
            maps.from_pod(&call("A"), CLIENT),
            Redirect(SERVER),
            "{what}"
        );
        later(&mut maps, idle);
        assert_eq!(
            maps.from_pod(&answer("A"), SERVER),
            Redirect(CLIENT),
            "{what}"
        );
        // Judged again, not waved through.
        later(&mut maps, idle);
        maps.policy.clear();
        assert_eq!(maps.from_pod(&answer("A"), SERVER), Drop, "{what}");
        assert_eq!(maps.from_pod(&call("A"), CLIENT), Drop, "{what}");
    }
    let mut maps = isolated(SCTP, 2905);
    let data = sctp(CLIENT4, SERVER4, DATA);
    assert_eq!(maps.from_pod(&data, CLIENT), Drop, "nothing is known");
    assert_eq!(
        maps.from_pod(&sctp(CLIENT4, SERVER4, INIT), CLIENT),
        Redirect(SERVER)
    );
    later(&mut maps, 61);
    assert_eq!(maps.from_pod(&data, CLIENT), Redirect(SERVER));
    assert_eq!(
        maps.from_pod(&sctp(SERVER4, CLIENT4, HEARTBEAT), SERVER),
        Redirect(CLIENT)
    );
}

#[test]
fn all_drops_of_a_cut_pickup_tell_of_the_way_that_was_denied() {
    let mut maps = node();
    let packet = tcp(SERVER4, 22, CLIENT4, 4000, "A");
    assert_eq!(maps.from_pod(&packet, SERVER), Redirect(CLIENT));
    events(&mut maps);
    enforce(&mut maps, 2, false);
    maps.node.revision += 1;
    for _ in 0..3 {
        assert_eq!(maps.from_pod(&packet, SERVER), Drop);
        let event = only_event(&mut maps);
        assert_eq!(
            (event.ingress, event.ingress_cookie, event.flags & F_REPLY),
            (reason::POLICY_DENIED, SERVER_DEFAULT, F_REPLY)
        );
    }
}

#[test]
fn what_comes_from_outside_after_a_stray_rst_goes_on() {
    let mut maps = node();
    enforce(&mut maps, 1, false);
    maps.came_by = 3;
    for flags in ["S", "A"] {
        let call = tcp(CLIENT4, 4000, WORLD4, 443, flags);
        assert_eq!(maps.from_pod(&call, CLIENT), Pass);
    }
    let reset = tcp(WORLD4, 443, CLIENT4, 4000, "R");
    assert_eq!(maps.to_pod(&reset, CLIENT), Pass);
    later(&mut maps, 11);
    let more = tcp(CLIENT4, 4000, WORLD4, 443, "A");
    assert_eq!(maps.from_pod(&more, CLIENT), Pass);
}

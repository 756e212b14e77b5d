//! What the kernel's verifier says of the programs.

use testing_kernel::Node;

/// Instructions that the verifier goes through before it gives up.
const LIMIT: u32 = 1_000_000;

#[test]
fn the_verifier_has_room_to_spare() {
    let node = Node::up();
    let _datapath = node.open();
    let ours: Vec<_> = aya::programs::loaded_programs()
        .flatten()
        .filter(|program| {
            matches!(
                program.name_as_str(),
                Some("from_pod" | "to_pod" | "to_proxy")
            )
        })
        .collect();
    assert!(ours.len() >= 3);
    for program in ours {
        let name = program.name_as_str().unwrap_or_default();
        let walked = program.verified_instruction_count().unwrap_or(LIMIT);
        eprintln!("{name}: {walked} instructions verified");
        assert!(walked < LIMIT / 4 * 3, "{name}: {walked} instructions");
    }
}

//! The tables of cases in `testdata`: what the language means, probe by probe. The
//! same through the kernel and a scan over the rules: `cargo xtask policy-cases`.

mod case_files;

use std::collections::BTreeMap;

use case_files::{FILES, File, Loaded, Run};

/// Sets whose language isn't supported yet, and the field that says so. A set that becomes supported
/// must be taken off: it then has to pass.
const SKIPPED: [(&str, &str); 4] = [
    ("host-01", "nodeSelector"),
    ("host-02", "nodeSelector"),
    ("svc-01", "toServices"),
    ("svc-02", "toServices"),
];

/// What a file of cases came to.
#[derive(Default)]
struct Outcome {
    sets: usize,
    probes: usize,
    failures: Vec<String>,
    /// Sets that were left out, and the refusal that says why.
    skipped: BTreeMap<String, String>,
}

fn run(path: &str) -> Outcome {
    let file = File::read(&std::fs::read_to_string(path).expect("the table of cases"));
    let mut outcome = Outcome::default();
    for set in &file.sets {
        let policies = match set.load() {
            Loaded::Fine(policies) => policies,
            Loaded::Unsupported(field) => {
                outcome.skipped.insert(set.id.clone(), field);
                continue;
            }
            Loaded::Wrong(wrong) => {
                let told = format!("{} ({}): {wrong}", set.id, set.title);
                outcome.failures.push(told);
                continue;
            }
        };
        outcome.sets += 1;
        let run = Run::new(&file.fixtures, set, &policies);
        assert_eq!(run.tables.unnamed, 0);
        for (n, probe) in set.probes.iter().enumerate() {
            outcome.probes += 1;
            let directions = probe.directions.iter();
            let scan = directions.map(|way| run.scan(&file.fixtures, &policies, probe, *way));
            let scan = Some(scan.collect());
            let lookup = run.decide(&file.fixtures, probe);
            for (engine, decisions) in [("lookup", lookup), ("scan", scan)] {
                let wrong = match decisions {
                    Some(decisions) => probe.wrong(&decisions),
                    None => Some("nobody to ask".to_owned()),
                };
                let wrong = wrong.or_else(|| run.wrong_request(&file.fixtures, probe));
                if let Some(wrong) = wrong {
                    let (id, title) = (&set.id, &set.title);
                    let told = format!("{id} ({title}) probe {n}: {probe}, {engine}: {wrong}");
                    outcome.failures.push(told);
                }
            }
        }
    }
    outcome
}

#[test]
fn every_probe_comes_out_as_the_tables_say() {
    let known: BTreeMap<&str, &str> = SKIPPED.into_iter().collect();
    // Of each file, at least how many sets and probes must have run.
    for (path, skips, sets, probes) in [
        (FILES[0], SKIPPED.len(), 60, 200),
        (FILES[1], 0, 30, 85),
        (FILES[2], 0, 215, 1500),
        (FILES[3], 0, 50, 220),
    ] {
        let outcome = run(path);
        assert!(
            outcome.failures.is_empty(),
            "{path}: {} of {}:\n{}",
            outcome.failures.len(),
            outcome.probes,
            outcome.failures.join("\n")
        );
        let listed =
            |id: &str, refused: &str| known.get(id).is_some_and(|field| refused.contains(field));
        let unlisted: Vec<String> = outcome
            .skipped
            .iter()
            .filter(|(id, refused)| !listed(id, refused))
            .map(|(id, refused)| format!("{id}: {refused}"))
            .collect();
        assert!(
            unlisted.is_empty(),
            "{path}: skipped, but not listed for that:\n{}",
            unlisted.join("\n")
        );
        assert_eq!(
            outcome.skipped.len(),
            skips,
            "{path}: a set is listed as skipped but runs"
        );
        assert!(
            outcome.sets >= sets && outcome.probes >= probes,
            "{path}: only {} sets, {} probes ran",
            outcome.sets,
            outcome.probes
        );
    }
}

//! Any text as policies: they are read or refused, every refusal names a place in the text, what is good
//! has a meaning, and reading twice gives the same; with rules of layer 7 and without.

#![no_main]

use cluster::{Object, Origin, State, manifest, yaml};
use explain::validate::{File, Severity, validate};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let ports = policy::ProxyPorts { tcp: 1, dns: 2 };
    for layer7 in [None, Some(ports)] {
        let config = policy::Config {
            layer7,
            ..policy::Config::default()
        };
        check(text, &config);
    }
});

fn check(text: &str, config: &policy::Config) {
    let file = File {
        name: "fuzz.yaml".into(),
        text: text.to_owned(),
    };
    // YAML ends lines at either of them.
    let lines = text.matches(['\n', '\r']).count() + 1;
    let report = validate(std::slice::from_ref(&file), &State::default(), config);
    for diagnostic in &report.diagnostics {
        let problem = &diagnostic.problem;
        assert!(!problem.problem.is_empty(), "{problem:?}");
        let origin = problem.file().expect("all of it is of a file");
        assert_eq!(origin.path, file.name, "{problem:?}");
        let line = usize::try_from(origin.at.line).expect("a line");
        assert!(line <= lines, "{problem:?}");
        if diagnostic.severity == Severity::Error && problem.object.is_some() {
            assert!(line > 0, "{problem:?}");
        }
    }
    let again = validate(&[file], &State::default(), config);
    assert_eq!(report, again);

    let Ok(documents) = yaml::parse(text) else {
        return;
    };
    let origin = Origin::from("fuzz.yaml");
    for document in documents
        .into_iter()
        .flat_map(|tree| manifest::read(&origin, tree))
    {
        if let manifest::Document::Object(_, Object::Policy(raw), _) = document {
            // The first refusal is one of all of them, and both agree on what is good.
            match (policy::parse(&raw, config), policy::parse_all(&raw, config)) {
                (Ok(one), Ok(other)) => assert_eq!(one, other),
                (Err(first), Err(all)) => assert_eq!(Some(&*first), all.first()),
                (one, other) => panic!("{one:?}, {other:?}"),
            }
        }
    }
}

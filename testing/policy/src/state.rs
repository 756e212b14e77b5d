//! States made of YAML text.

use cluster::manifest::{self, Document};
use cluster::{Origin, Problem, State, yaml};

/// A state made of manifests; whatever is wrong with them fails the test.
///
/// # Panics
/// Then.
pub fn state(text: &str) -> State {
    let mut state = State {
        generation: 1,
        ..State::default()
    };
    add(&mut state, "test.yaml", text);
    state
}

/// Adds manifests to a state; whatever is wrong with them fails the test.
///
/// # Panics
/// Then.
pub fn add(state: &mut State, file: &str, text: &str) {
    let origin = Origin::from(file);
    for document in yaml::parse(text).expect("the test's YAML is right") {
        for document in manifest::read(&origin, document) {
            match document {
                Document::Object(_, object, _) => state.insert(object),
                Document::Bad(_, problem) => panic!("{problem}"),
                Document::Ignored(ignored) => panic!("{ignored:?} isn't used"),
            }
        }
    }
    state.generation += 1;
}

/// The problems as they are shown.
pub fn shown(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}

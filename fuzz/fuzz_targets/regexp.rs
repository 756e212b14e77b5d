//! Any text as a regular expression of a policy: the first line; the second is matched. What is taken is
//! anchored, and a plain text matches itself alone.

#![no_main]

use l7::http::{Rule, RuleSpec};
use l7::lint;
use l7::regexp::Regexp;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let (expression, subject) = text.split_once('\n').unwrap_or((text, ""));
    let spec = RuleSpec {
        path: Some(expression.into()),
        ..RuleSpec::default()
    };
    let _found = lint::http(&spec);
    let regexp = Regexp::new(expression);
    assert_eq!(Rule::new(&spec).is_ok(), regexp.is_ok());
    match regexp {
        Ok(regexp) => {
            let matches = regexp.matches(subject.as_bytes());
            if let Some(literal) = regexp.literal() {
                assert_eq!(matches, literal == subject);
            }
            // Another form of the same.
            if let Ok(grouped) = Regexp::new(&format!("(?:{expression})")) {
                assert_eq!(grouped.matches(subject.as_bytes()), matches);
            }
        }
        Err(error) => assert!(error.to_string().starts_with("error parsing regexp: ")),
    }
});

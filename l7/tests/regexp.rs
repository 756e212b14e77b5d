//! Regular expressions are RE2's: a table of what RE2 itself said, and Go's words for what is wrong.

use l7::regexp::{MAX_LENGTH, Regexp};
use serde_json::Value;

#[test]
fn every_row_of_the_table_is_as_re2_has_it() {
    let table = include_str!("../../testdata/l7/regexps.jsonl");
    let mut lines = table.lines();
    let head: Value = serde_json::from_str(lines.next().unwrap()).unwrap();
    let texts = head["texts"].as_array().unwrap();
    let (mut refused, mut matched, mut wrong) = (0, 0, Vec::new());
    for line in lines {
        let row: Value = serde_json::from_str(line).unwrap();
        let text = row[0].as_str().unwrap();
        let regexp = Regexp::new(text);
        let Some(wanted) = row[1].as_array() else {
            refused += 1;
            if regexp.is_ok() {
                wrong.push(format!("{text:?} is taken, RE2 refuses it"));
            }
            continue;
        };
        let regexp = match regexp {
            Ok(regexp) => regexp,
            Err(error) => {
                wrong.push(format!("{text:?}: {error}; RE2 takes it"));
                continue;
            }
        };
        for (index, subject) in texts.iter().enumerate() {
            let wanted = wanted
                .iter()
                .any(|one| one.as_u64() == u64::try_from(index).ok());
            matched += i32::from(wanted);
            let is = regexp.matches(subject.as_str().unwrap().as_bytes());
            if is != wanted {
                wrong.push(format!(
                    "{text:?} matches {subject}: {is}, RE2 says {wanted}"
                ));
            }
        }
    }
    assert!(refused > 100 && matched > 500, "{refused} {matched}");
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn what_is_wrong_is_said_as_go_says_it() {
    let long = "a".repeat(MAX_LENGTH + 1);
    let deep = "(".repeat(300) + &")".repeat(300);
    let rows = [
        ("/a(?!b)", "invalid or unsupported Perl syntax: `(?!`"),
        ("(?<=a)b", "invalid or unsupported Perl syntax: `(?<`"),
        ("(?x)a", "invalid or unsupported Perl syntax: `(?x`"),
        ("GE(T", "missing closing ): `GE(T`"),
        ("a)", "unexpected ): `)`"),
        ("[a", "missing closing ]: `[a`"),
        ("[b-a]", "invalid character class range: `b-a`"),
        ("[[:nope:]]", "invalid character class range: `[:nope:]`"),
        (r"\p{Nope}", r"invalid character class range: `\p{Nope}`"),
        (r"(a)\1", r"invalid escape sequence: `\1`"),
        (r"\Z", r"invalid escape sequence: `\Z`"),
        (r"\xg0", r"invalid escape sequence: `\x`"),
        ("a\\", "trailing backslash at end of expression: ``"),
        ("*", "missing argument to repetition operator: `*`"),
        ("(+)", "missing argument to repetition operator: `+`"),
        ("a**", "invalid nested repetition operator: `**`"),
        ("a{1001}", "invalid repeat count: `{1001}`"),
        ("a{2,1}", "invalid repeat count: `{2,1}`"),
        ("nest(a(?i)*)", "unsupported syntax: `nest(a(?i)*)`"),
        (r"\pL{20}", r"expression too large: `\pL{20}`"),
        ("(?P<a-b>c)", "invalid named capture: `(?P<a-b>`"),
        (
            "(?:(?:a{1000}){1000}){1000}",
            "expression too large: `(?:(?:a{1000}){1000}){1000}`",
        ),
    ];
    for (text, wanted) in rows {
        let error = Regexp::new(text).unwrap_err().to_string();
        assert_eq!(error, format!("error parsing regexp: {wanted}"), "{text}");
    }
    assert!(
        Regexp::new(&long)
            .unwrap_err()
            .to_string()
            .contains("too large: `aaa")
    );
    assert!(
        Regexp::new(&deep)
            .unwrap_err()
            .to_string()
            .contains("nests too deeply")
    );
}

#[test]
fn plain_text_is_compared() {
    for (text, literal) in [
        ("/metrics", Some("/metrics")),
        (r"/a\.b{id}", Some("/a.b{id}")),
        ("/a.b", None),
    ] {
        assert_eq!(Regexp::new(text).unwrap().literal(), literal, "{text}");
    }
}

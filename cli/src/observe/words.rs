//! What stands behind `flows observe` without a flag: parts of names, `pod shop/web`, or an expression.

use flow::{Filter, expr::quote};

use crate::error::Error;

/// Kinds as kubectl names them, and the comparison of what is behind them.
const KINDS: [(&str, &str); 10] = [
    ("pod|pods|po", "pod ~"),
    ("namespace|namespaces|ns", "ns =="),
    ("service|services|svc", "service ~"),
    (
        "workload|deployment|deploy|statefulset|sts|daemonset|ds|replicaset|rs|job|cronjob",
        "workload ~",
    ),
    ("policy|policies|netpol|cnp|ccnp|networkpolicy", "policy ~"),
    ("node|nodes|no", "node =="),
    ("label", "label =="),
    ("ip|address", "ip =="),
    ("port", "port =="),
    ("identity", "identity =="),
];

/// Those of the words that are to be in a name: what is neither `pod X` nor a comparison.
pub(super) fn of_names<'a>(words: &[&'a str]) -> Vec<&'a str> {
    let is_of_kind = words.len() == 2 && is_kind(words[0]);
    let is_name = |word: &&str| {
        let plain = |letter: char| letter.is_alphanumeric() || "-_./:".contains(letter);
        word.chars().all(plain) && Filter::parse_expr(word).is_ok()
    };
    match is_of_kind {
        true => Vec::new(),
        false if words.iter().all(is_name) => words.to_vec(),
        false => Vec::new(),
    }
}

fn is_kind(word: &str) -> bool {
    let mut all = KINDS.iter().flat_map(|(names, _)| names.split('|'));
    all.any(|name| name == word)
}

/// The words as an expression: `pod X`, else each a condition by itself, else all of them one.
///
/// # Errors
/// They are none.
pub(super) fn expression(words: &[&str]) -> Result<String, Error> {
    if let [kind, value] = words
        && let Some((_, comparison)) = KINDS
            .iter()
            .find(|(names, _)| names.split('|').any(|name| name == *kind))
    {
        let text = format!("{comparison} {}", quote(value));
        if Filter::parse_expr(&text).is_ok() {
            return Ok(text);
        }
    }
    if words.iter().all(|word| Filter::parse_expr(word).is_ok()) {
        let each: Vec<String> = words.iter().map(|word| format!("({word})")).collect();
        return match (each.as_slice(), words) {
            ([_], [one]) => Ok((*one).to_owned()),
            (each, _) => Ok(each.join(" and ")),
        };
    }
    let text = words.join(" ");
    match Filter::parse_expr(&text) {
        Ok(_) => Ok(text),
        Err(error) => Err(Error::Hinted(
            format!("these words are not a filter:\n{}", error.render(&text)),
            "flows observe NAME, or an expression in quotes as for --filter".to_owned(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_filters() {
        for (words, wanted) in [
            (&["user-service"][..], "user-service"),
            (&["web", "reply"], "web and reply"),
            (&["pod", "shop/web"], "pod ~ shop/web*"),
            (&["ns", "shop"], "ns == shop"),
            (&["port", "5432"], "port == 5432"),
            (&["verdict", "==", "DROPPED"], "verdict == DROPPED"),
            (&["not", "web"], "not web"),
            (&["web or api", "reply"], "(web or api) and reply"),
            (&["pod", "==", "a"], "pod == a"),
        ] {
            let text = expression(words).unwrap();
            let printed = Filter::parse_expr(&text).unwrap().to_string();
            assert_eq!(printed, wanted, "{words:?}");
        }
    }

    #[test]
    fn what_is_not_one_is_pointed_at() {
        for (words, wanted) in [
            (
                &["src.prt", "==", "53"][..],
                "src.prt == 53\n^^^^^^^ unknown field",
            ),
            (&["5432"], "did you mean `port == 5432`?"),
            (&["verdict"], "`verdict` needs a comparison"),
            (&["a", "denied"], "a denied\n  ^^^^^^"),
        ] {
            let error = expression(words).unwrap_err().to_string();
            assert!(error.contains(wanted), "{words:?}: {error}");
        }
    }
}

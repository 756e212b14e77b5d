//! Guesses what a mistyped word was meant to be.

/// The known name that is most like a mistyped one: at most three edits, or a third of it, away.
pub fn closest<'n>(name: &str, known: &[&'n str]) -> Option<&'n str> {
    known
        .iter()
        .map(|candidate| (distance(name, candidate), *candidate))
        .min()
        .filter(|(distance, candidate)| *distance <= 3.min(candidate.len() / 3))
        .map(|(_, candidate)| candidate)
}

/// Edits between two words, upper and lower case being equal.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.to_lowercase().chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.to_lowercase().chars().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let kept = corner + usize::from(x != *y);
            corner = row[j + 1];
            row[j + 1] = kept.min(corner + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guesses() {
        let known = ["ingress", "egress", "ingressDeny", "toPorts"];
        for (name, wanted) in [
            ("ingres", Some("ingress")),
            ("Egress", Some("egress")),
            ("ingresDeny", Some("ingressDeny")),
            ("toPort", Some("toPorts")),
            ("toEndpoints", None),
            ("foo", None),
            ("", None),
        ] {
            assert_eq!(closest(name, &known), wanted, "{name}");
        }
    }
}

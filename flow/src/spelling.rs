//! What a mistyped word was meant to be.

/// The most names that are offered at once.
const OFFERED: usize = 4;

/// The known name that is most like a mistyped one, if one is at all.
pub fn closest<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    closest_by(name, known, |known| *known)
}

/// The thing whose spelling is most like a mistyped one: at most three letters, and a third of the longer of
/// the two, are changed, put in, left out or swapped. Upper and lower case are equal; of equally near things
/// it is the first.
pub fn closest_by<T, S: AsRef<str>>(
    name: &str,
    known: impl IntoIterator<Item = T>,
    spelling: impl Fn(&T) -> S,
) -> Option<T> {
    let wanted = name.to_lowercase();
    let length = wanted.chars().count();
    let near = known.into_iter().filter_map(|known| {
        let spelled = spelling(&known).as_ref().to_lowercase();
        let letters = spelled.chars().count();
        let most = 3.min(letters.max(length) / 3);
        // The lengths alone tell of most that they differ by more.
        let distance = (length.abs_diff(letters) <= most)
            .then(|| strsim::osa_distance(&wanted, &spelled))
            .filter(|distance| *distance <= most)?;
        Some((distance, known))
    });
    near.min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// What an error about a name says of those that may be meant, after a semicolon: `; did you mean a, b or
/// c?`, or nothing.
pub fn did_you_mean<S: AsRef<str>>(names: &[S]) -> String {
    let names: Vec<&str> = names.iter().take(OFFERED).map(AsRef::as_ref).collect();
    match names.split_last() {
        None => String::new(),
        Some((one, [])) => format!("; did you mean {one}?"),
        Some((last, others)) => format!("; did you mean {} or {last}?", others.join(", ")),
    }
}

/// The same of one word of the expression language.
pub(crate) fn did_you_mean_word(word: Option<&str>) -> String {
    word.map_or_else(String::new, |word| did_you_mean(&[format!("`{word}`")]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guesses() {
        let known = [
            "ingress",
            "egress",
            "ingressDeny",
            "toPorts",
            "src.pod",
            "src.port",
            "dst.port",
        ];
        for (name, wanted) in [
            ("ingres", Some("ingress")),
            ("Egress", Some("egress")),
            ("ingresDeny", Some("ingressDeny")),
            ("toPort", Some("toPorts")),
            ("src.prt", Some("src.port")),
            ("scr.pod", Some("src.pod")),
            ("SRC.POD", Some("src.pod")),
            ("egresssss", Some("egress")),
            ("destination", None),
            ("toEndpoints", None),
            ("foo", None),
            ("", None),
        ] {
            assert_eq!(closest(name, known), wanted, "{name}");
        }
    }

    #[test]
    fn names_are_offered() {
        for (names, text) in [
            (&[][..], ""),
            (&["a"], "; did you mean a?"),
            (&["a", "b"], "; did you mean a or b?"),
            (&["a", "b", "c", "d", "e"], "; did you mean a, b, c or d?"),
        ] {
            assert_eq!(did_you_mean(names), text);
        }
    }
}

//! Texts for people that stay short whatever a policy holds: rules with ten thousand prefixes, selectors
//! with two thousand labels. What is left out is counted.

use cluster::quantity::grouped;

/// The most characters of one item of a list: a selector, a prefix.
const ITEM: usize = 120;
/// The most items of a list that are spelled out.
const ITEMS: usize = 8;

/// A text, cut if it is longer than an item of a list may be.
pub fn item(text: &str) -> String {
    match text.char_indices().nth(ITEM) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}...", &text[..end]),
    }
}

/// The first items of a list, and how many more there are.
pub fn list<T: AsRef<str>>(items: &[T], between: &str) -> String {
    let shown: Vec<String> = items
        .iter()
        .take(ITEMS)
        .map(|text| item(text.as_ref()))
        .collect();
    format!("{}{}", shown.join(between), more(items.len()))
}

/// The first items of a list whose texts are bounded already, and how many more there are.
pub fn list_of_bounded<T: AsRef<str>>(items: &[T], between: &str) -> String {
    let shown: Vec<&str> = items.iter().take(ITEMS).map(AsRef::as_ref).collect();
    format!("{}{}", shown.join(between), more(items.len()))
}

/// ` and 9,992 more`, of so many items; nothing if all are spelled out.
pub fn more(all: usize) -> String {
    match all.saturating_sub(ITEMS) {
        0 => String::new(),
        more => format!(" and {} more", grouped(more as u64)),
    }
}

/// Items that are spelled out.
pub fn shown<T>(items: &[T]) -> &[T] {
    &items[..items.len().min(ITEMS)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_short() {
        let many: Vec<String> = (0..10_000).map(|n| format!("10.0.{n}.0/24")).collect();
        let text = list(&many, " or ");
        assert!(text.ends_with(" or 10.0.7.0/24 and 9,992 more"), "{text}");
        let long = "a".repeat(100_000);
        assert_eq!(list(&[long.as_str()], ", ").len(), ITEM + 3);
        assert_eq!(list(&many[..2], " or "), "10.0.0.0/24 or 10.0.1.0/24");
        assert_eq!(
            list_of_bounded(&many[..9], " or ").matches(" or ").count(),
            7
        );
        assert_eq!(item(&"\u{e9}".repeat(121)).chars().count(), ITEM + 3);
    }
}

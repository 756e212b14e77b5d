//! Lets generated protojson write enum values without a name.

const UNKNOWN: &str = ".map_err(|_| serde::ser::Error::custom(format!(\"Invalid variant {}\", ";
const COLLECT: &str = ".collect::<std::result::Result<Vec<_>, _>>()?";

/// Returns `source`, in which enum values that have no name are written as numbers instead of failing.
pub(crate) fn named_or_number(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    for line in source.lines() {
        out.push_str(&with_number(line));
        out.push('\n');
    }
    out
}

/// A line that turns an enum's number into a variant or an error turns it into a variant or the
/// number.
fn with_number(line: &str) -> String {
    let Some((indent, rest)) = line.split_once(UNKNOWN) else {
        return line.replace(COLLECT, ".collect::<Vec<_>>()");
    };
    let (number, end) = rest.split_once(")))").unwrap_or((rest, ""));
    let end = end.strip_prefix('?').unwrap_or(end);
    format!(
        "{indent}.map_or_else(|_| crate::json::Variant::Number({number}), \
         crate::json::Variant::Name){end}"
    )
}

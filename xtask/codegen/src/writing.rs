//! Keeps of the generated protojson what writes it, and lets it write enum values without a name.
//!
//! Reading goes through the descriptors (`proto::json`), which know more of protojson and are a
//! quarter of the code to compile. Writing is generated, because it has to be fast.

const UNKNOWN: &str = ".map_err(|_| serde::ser::Error::custom(format!(\"Invalid variant {}\", ";
const COLLECT: &str = ".collect::<std::result::Result<Vec<_>, _>>()?";

/// Returns `source` without its `Deserialize` implementations; enum values that have no name are
/// written as numbers instead of failing.
pub(crate) fn writing_only(source: &str) -> String {
    let mut out = String::with_capacity(source.len() / 3);
    let mut reading = false;
    for line in source.lines() {
        reading |= line.starts_with("impl<'de> serde::Deserialize<'de> for ");
        if !reading {
            out.push_str(&named_or_number(line));
            out.push('\n');
        }
        if line == "}" {
            reading = false;
        }
    }
    out
}

/// A line that turns an enum's number into a variant or an error turns it into a variant or the
/// number.
fn named_or_number(line: &str) -> String {
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

//! What a scalar without quotes is: text, number, boolean or nothing.
//!
//! A number is whole ([`Value::Int`]) only if every reader of YAML takes it for the same one: Kubernetes'
//! tools read YAML 1.1, in which `010` is 8 and `1_000` is a thousand, others read 1.2.

use super::Value;

/// The value of a plain scalar.
pub(super) fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        ".nan" | ".NaN" | ".NAN" => return Value::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => {
            return Value::Float(f64::INFINITY);
        }
        "-.inf" | "-.Inf" | "-.INF" => return Value::Float(f64::NEG_INFINITY),
        _ => {}
    }
    if is_decimal(text)
        && let Ok(number) = text.parse()
    {
        return Value::Int(number);
    }
    match odd_number(text) {
        Some(number) => Value::Float(number),
        None => Value::Text(text.to_owned()),
    }
}

/// Digits with nothing about them that could be read otherwise.
fn is_decimal(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let all_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    all_digits && (digits == "0" || !digits.starts_with('0'))
}

/// What some reader of YAML takes for a number, whole or not.
fn odd_number(text: &str) -> Option<f64> {
    let bare = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !bare.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    let digits: String = text.chars().filter(|c| *c != '_').collect();
    let unsigned = digits.strip_prefix(['-', '+']).unwrap_or(&digits);
    for (prefix, base) in [("0x", 16), ("0X", 16), ("0o", 8), ("0b", 2)] {
        if let Some(rest) = unsigned.strip_prefix(prefix) {
            let number = u64::from_str_radix(rest, base).ok()?;
            return Some(number as f64);
        }
    }
    let is_number = unsigned
        .bytes()
        .all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-'));
    if !is_number {
        return None;
    }
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars() {
        for (text, wanted) in [
            ("80", Value::Int(80)),
            ("-1", Value::Int(-1)),
            ("0", Value::Int(0)),
            ("010", Value::Float(10.0)),
            ("00", Value::Float(0.0)),
            ("+80", Value::Float(80.0)),
            ("0x50", Value::Float(80.0)),
            ("0o17", Value::Float(15.0)),
            ("0b101", Value::Float(5.0)),
            ("1_000", Value::Float(1000.0)),
            ("1.5", Value::Float(1.5)),
            ("1e3", Value::Float(1000.0)),
            (".5", Value::Float(0.5)),
            (
                "18446744073709551616",
                Value::Float(18_446_744_073_709_551_616.0),
            ),
            ("true", Value::Bool(true)),
            ("~", Value::Null),
            ("", Value::Null),
        ] {
            assert_eq!(plain(text), wanted, "{text:?}");
        }
        for text in [
            "yes",
            "web",
            "1.2.3",
            "10.0.0.0/8",
            "0xyz",
            "-",
            ".",
            "..",
            "e",
            "1-2",
            "2001:db8::1",
            "infinity",
            "nan",
            "inf",
            "tRUE",
            "12e",
            "5d9",
            "_1",
        ] {
            assert_eq!(plain(text), Value::Text(text.to_owned()), "{text:?}");
        }
    }
}

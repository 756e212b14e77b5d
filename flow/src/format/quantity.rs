//! The words for numbers.

/// `999 B`, `1.5 kB`, `12 MB`: two or three digits, units of 1,000.
pub fn bytes(bytes: u64) -> String {
    const UNITS: [(&str, u64); 6] = [
        ("EB", 1_000_000_000_000_000_000),
        ("PB", 1_000_000_000_000_000),
        ("TB", 1_000_000_000_000),
        ("GB", 1_000_000_000),
        ("MB", 1_000_000),
        ("kB", 1_000),
    ];
    for (unit, size) in UNITS {
        if bytes >= size {
            let tenths = bytes / (size / 10);
            return match tenths {
                100.. => format!("{} {unit}", tenths / 10),
                _ => format!("{}.{} {unit}", tenths / 10, tenths % 10),
            };
        }
    }
    format!("{bytes} B")
}

/// `840us`, `1.2ms`, `3.5s`
pub fn micros(us: u32) -> String {
    match us {
        0..1_000 => format!("{us}us"),
        1_000..1_000_000 => format!("{}.{}ms", us / 1_000, us / 100 % 10),
        _ => format!("{}.{}s", us / 1_000_000, us / 100_000 % 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        for (number, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.0 kB"),
            (9_999, "9.9 kB"),
            (10_000, "10 kB"),
            (999_999, "999 kB"),
            (1_500_000, "1.5 MB"),
            (u64::MAX, "18 EB"),
        ] {
            assert_eq!(bytes(number), text);
        }
        for (us, text) in [
            (7, "7us"),
            (1_234, "1.2ms"),
            (999_999, "999.9ms"),
            (u32::MAX, "4294.9s"),
        ] {
            assert_eq!(micros(us), text);
        }
    }
}

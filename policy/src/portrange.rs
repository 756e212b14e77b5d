//! Port ranges as port prefixes, the way addresses have them.

/// Splits `first..=last` into the fewest prefixes: (port with its open bits 0, number of fixed bits).
pub fn prefixes(first: u16, last: u16) -> Vec<(u16, u8)> {
    let mut prefixes = Vec::new();
    let (mut next, end) = (u32::from(first), u32::from(last) + 1);
    while next < end {
        // The largest block that begins here and ends in time.
        let aligned = if next == 0 {
            16
        } else {
            next.trailing_zeros().min(16)
        };
        let fits = (end - next).ilog2();
        let open = aligned.min(fits);
        let port = u16::try_from(next).expect("below the end of a port range");
        let fixed = u8::try_from(16 - open).expect("at most 16");
        prefixes.push((port, fixed));
        next += 1 << open;
    }
    prefixes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_splits() {
        for (first, last, wanted) in [
            (80, 80, vec![(80, 16)]),
            (64, 127, vec![(64, 10)]),
            (5, 10, vec![(5, 16), (6, 15), (8, 15), (10, 16)]),
            (0, 65535, vec![(0, 0)]),
            (65535, 65535, vec![(65535, 16)]),
        ] {
            assert_eq!(prefixes(first, last), wanted, "{first}-{last}");
        }
        assert_eq!(prefixes(1, 65535).len(), 16);
    }

    #[test]
    fn every_port_once() {
        for (first, last) in [
            (1, 1024),
            (1000, 1999),
            (32768, 60999),
            (0, 1),
            (65000, 65535),
        ] {
            let mut covered = vec![0u8; 65536];
            for (port, fixed) in prefixes(first, last) {
                let size = 1usize << (16 - fixed);
                for times in &mut covered[usize::from(port)..usize::from(port) + size] {
                    *times += 1;
                }
            }
            for (port, times) in covered.iter().enumerate() {
                let inside = (usize::from(first)..=usize::from(last)).contains(&port);
                assert_eq!(*times, u8::from(inside), "{first}-{last}: {port}");
            }
        }
    }
}

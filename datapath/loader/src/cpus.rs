//! Which CPUs there are.

use std::fs;
use std::path::Path;

use crate::Error;

/// CPUs that can ever be: the length of per-CPU values.
pub(crate) fn possible() -> Result<usize, Error> {
    let cpus = read("/sys/devices/system/cpu/possible")?;
    Ok(cpus.last().map_or(1, |&last| last as usize + 1))
}

/// CPUs that run now.
pub(crate) fn online() -> Result<Vec<u32>, Error> {
    read("/sys/devices/system/cpu/online")
}

fn read(path: &str) -> Result<Vec<u32>, Error> {
    let path = Path::new(path);
    let content = fs::read_to_string(path).map_err(|source| Error::Path {
        action: "reading",
        path: path.to_path_buf(),
        source,
    })?;
    parse(&content).ok_or_else(|| Error::CpuList {
        path: path.to_path_buf(),
        content,
    })
}

/// Parses a list as `0-3,8`.
fn parse(list: &str) -> Option<Vec<u32>> {
    let mut cpus = Vec::new();
    for range in list.trim().split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
        // The kernel knows no machine beyond 8,192.
        if last > 1 << 16 {
            return None;
        }
        cpus.extend(first..=last);
    }
    (!cpus.is_empty()).then_some(cpus)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn lists_of_cpus() {
        let rows: [(&str, Option<&[u32]>); 6] = [
            ("0\n", Some(&[0])),
            ("0-3\n", Some(&[0, 1, 2, 3])),
            ("0-1,4,6-7", Some(&[0, 1, 4, 6, 7])),
            ("", None),
            ("0-x", None),
            ("0-99999999999", None),
        ];
        for (list, cpus) in rows {
            assert_eq!(parse(list).as_deref(), cpus, "{list:?}");
        }
    }
}

//! Whether the kernel is new enough.

use crate::Error;

/// Refuses kernels without TCX (Linux 6.6).
pub(crate) fn check() -> Result<(), Error> {
    let names = nix::sys::utsname::uname().map_err(|errno| Error::Path {
        action: "asking for",
        path: "uname".into(),
        source: errno.into(),
    })?;
    let release = names.release().to_string_lossy();
    if is_new_enough(&release) {
        Ok(())
    } else {
        Err(Error::KernelTooOld {
            release: release.into_owned(),
        })
    }
}

fn is_new_enough(release: &str) -> bool {
    let mut parts = release
        .split(|c: char| !c.is_ascii_digit())
        .map(str::parse::<u32>);
    match (parts.next(), parts.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor) >= (6, 6),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::is_new_enough;

    #[test]
    fn releases() {
        let rows = [
            ("6.6.0", true),
            ("6.6-rc1", true),
            ("6.18.44-x", true),
            ("7.0.0", true),
            ("6.5.13-generic", false),
            ("5.15.0-91-generic", false),
            ("", false),
            ("x.y", false),
        ];
        for (release, expected) in rows {
            assert_eq!(is_new_enough(release), expected, "{release}");
        }
    }
}

//! Expressions of before, in a small file of the user's.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::PathBuf,
};

use super::bar::REMEMBERED;

/// The file; none where there is no home.
#[derive(Clone, Debug, Default)]
pub(crate) struct FilterHistory(Option<PathBuf>);

impl FilterHistory {
    /// `$XDG_STATE_HOME/flows/filters`, else `~/.local/state/flows/filters`.
    pub(crate) fn of_environment(variable: impl Fn(&str) -> Option<String>) -> Self {
        let absolute = |name: &str| {
            let path = variable(name).map(PathBuf::from);
            path.filter(|path| path.is_absolute())
        };
        let state = absolute("XDG_STATE_HOME")
            .or_else(|| absolute("HOME").map(|home| home.join(".local/state")));
        Self(state.map(|state| state.join("flows/filters")))
    }

    /// The newest expressions, the oldest first. A file that isn't there, or can't be read, has none.
    pub(crate) fn read(&self) -> Vec<String> {
        let text = self
            .0
            .as_ref()
            .and_then(|path| fs::read_to_string(path).ok());
        let text = text.unwrap_or_default();
        let lines: Vec<_> = text.lines().filter(|line| !line.is_empty()).collect();
        let from = lines.len().saturating_sub(REMEMBERED);
        lines[from..]
            .iter()
            .map(|line| (*line).to_owned())
            .collect()
    }

    /// Replaces the file, for its owner only.
    ///
    /// # Errors
    /// The file system's.
    pub(crate) fn write(&self, expressions: &[String]) -> io::Result<()> {
        let Some(path) = &self.0 else { return Ok(()) };
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)?;
        }
        // Beside it and renamed: another one that reads or writes sees a whole file.
        let new = path.with_extension(format!("new-{}", std::process::id()));
        let mut options = OpenOptions::new();
        let options = options.write(true).create(true).truncate(true).mode(0o600);
        let written = options.open(&new).and_then(|mut file| {
            expressions
                .iter()
                .try_for_each(|line| writeln!(file, "{line}"))
        });
        match written.and_then(|()| fs::rename(&new, path)) {
            Ok(()) => Ok(()),
            Err(error) => {
                let _left = fs::remove_file(&new);
                Err(error)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_come_back() {
        let home = tempfile::tempdir().unwrap();
        let variable =
            |name: &str| (name == "HOME").then(|| home.path().to_str().unwrap().to_owned());
        let file = FilterHistory::of_environment(variable);
        assert!(file.read().is_empty());
        let expressions: Vec<String> = (0..REMEMBERED + 5)
            .map(|at| format!("port == {at}"))
            .collect();
        file.write(&expressions).unwrap();
        assert_eq!(file.read(), expressions[5..]);
        let left = fs::read_dir(home.path().join(".local/state/flows")).unwrap();
        assert_eq!(left.count(), 1);
        assert!(
            FilterHistory::of_environment(|_| None)
                .write(&expressions)
                .is_ok()
        );
    }
}

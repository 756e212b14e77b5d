//! The user's file of contexts: which server, and which namespace names without one are of.
//!
//! ```toml
//! current-context = "prod"
//!
//! [contexts.prod]
//! server = "localhost:4245"   # or: lab = "demo"
//! namespace = "shop"
//! ```
//!
//! Comments and order stay when it is changed.

mod edit;
mod read;

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

pub(crate) use edit::{key, quoted};
use flow::print::escape;
use flow::spelling::{closest, did_you_mean};

/// Longest file, in bytes.
const LONGEST: u64 = 1 << 20;

/// Where a context leads to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Context {
    /// Address of the server.
    pub(crate) server: Option<String>,
    /// The lab whose relay is the server.
    pub(crate) lab: Option<String>,
    /// What names without a namespace are of.
    pub(crate) namespace: Option<String>,
}

/// What the file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Contexts {
    /// Name of the context that counts where none is named.
    pub(crate) current: Option<String>,
    /// All of them by name.
    pub(crate) contexts: BTreeMap<String, Context>,
}

/// The file, as it is.
#[derive(Clone, Debug)]
pub(crate) struct ConfigFile {
    pub(crate) path: PathBuf,
    text: String,
    pub(crate) contexts: Contexts,
}

/// A change of a context's value; `None` takes it out.
pub(crate) type Change<'a> = (&'static str, Option<&'a str>);

impl ConfigFile {
    /// Reads the file that is named, else `$XDG_CONFIG_HOME/flows/config.toml`, else
    /// `~/.config/flows/config.toml`. One that isn't there is empty, unless it is named and `must_be` there.
    ///
    /// # Errors
    /// The file and the line, and what is wrong there.
    pub(crate) fn load(
        named: Option<&Path>,
        must_be: bool,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, String> {
        let path = match named {
            Some(path) => Some(path.to_owned()),
            None => usual_path(variable),
        };
        let Some(path) = path else {
            // Where there is no home there is no file.
            return Self::from_text(PathBuf::new(), String::new());
        };
        let shown = escape(&path.to_string_lossy());
        let mut text = String::new();
        let read = File::open(&path).and_then(|file| {
            let mut file = file.take(LONGEST + 1);
            file.read_to_string(&mut text)
        });
        match read {
            Ok(_) if text.len() as u64 > LONGEST => {
                Err(format!("{shown}: longer than {LONGEST} bytes"))
            }
            Ok(_) => Self::from_text(path, text),
            Err(error)
                if error.kind() == io::ErrorKind::NotFound && !(must_be && named.is_some()) =>
            {
                Self::from_text(path, String::new())
            }
            Err(error) => Err(format!("{shown}: {error}")),
        }
    }

    fn from_text(path: PathBuf, text: String) -> Result<Self, String> {
        let contexts = read::contexts(&text).map_err(|(line, why)| {
            let shown = escape(&path.to_string_lossy());
            format!("{shown}:{line}: {}", escape(&why))
        })?;
        Ok(Self {
            path,
            text,
            contexts,
        })
    }

    /// The context of that name, else the current one; `None` if there is none.
    ///
    /// # Errors
    /// There is no context of the name.
    pub(crate) fn context(&self, named: Option<&str>) -> Result<Option<&Context>, String> {
        let Some(name) = named.or(self.contexts.current.as_deref()) else {
            return Ok(None);
        };
        match self.contexts.contexts.get(name) {
            Some(context) => Ok(Some(context)),
            None => Err(self.no_context(name)),
        }
    }

    /// That there is no context of a name.
    pub(crate) fn no_context(&self, name: &str) -> String {
        let names = self.contexts.contexts.keys().map(String::as_str);
        let near: Vec<&str> = closest(name, names.clone()).into_iter().collect();
        let known = match (near.is_empty(), names.clone().next()) {
            (false, _) => did_you_mean(&near),
            (true, None) => "; there are none".to_owned(),
            (true, Some(_)) => format!("; there are: {}", names.collect::<Vec<_>>().join(", ")),
        };
        let file = self.path.to_string_lossy();
        escape(&format!("{file}: there is no context {name:?}{known}")).to_string()
    }

    /// Makes a context the current one.
    ///
    /// # Errors
    /// The file can't be written.
    pub(crate) fn set_current(&mut self, name: Option<&str>) -> Result<(), String> {
        self.replace(edit::set_current(&self.text, name))
    }

    /// Makes or changes a context.
    ///
    /// # Errors
    /// The file can't be written, or would not be valid.
    pub(crate) fn set_context(&mut self, name: &str, changes: &[Change<'_>]) -> Result<(), String> {
        self.replace(edit::set_context(&self.text, name, changes))
    }

    /// Takes a context out.
    ///
    /// # Errors
    /// The file can't be written.
    pub(crate) fn delete_context(&mut self, name: &str) -> Result<(), String> {
        self.replace(edit::delete_context(&self.text, name))
    }

    /// Reads the new text before it replaces the file: at once, for its owner only.
    fn replace(&mut self, text: String) -> Result<(), String> {
        let new = Self::from_text(self.path.clone(), text)?;
        let write = || {
            if let Some(directory) = new.path.parent() {
                fs::create_dir_all(directory)?;
            }
            // A link stays one: what it leads to is replaced.
            let target = fs::canonicalize(&new.path).unwrap_or_else(|_new| new.path.clone());
            let beside = target.with_extension(format!("{}.new", std::process::id()));
            let mut file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&beside)?;
            file.write_all(new.text.as_bytes())?;
            fs::rename(&beside, &target)
        };
        if new.path.as_os_str().is_empty() {
            return Err(
                "there is no home directory to write to: name a file with --config".to_owned(),
            );
        }
        write().map_err(|error: io::Error| {
            format!("{}: {error}", escape(&new.path.to_string_lossy()))
        })?;
        *self = new;
        Ok(())
    }
}

fn usual_path(variable: impl Fn(&str) -> Option<String>) -> Option<PathBuf> {
    let absolute = |name: &str| {
        let path = variable(name).map(PathBuf::from);
        path.filter(|path| path.is_absolute())
    };
    let config =
        absolute("XDG_CONFIG_HOME").or_else(|| absolute("HOME").map(|home| home.join(".config")));
    config.map(|config| config.join("flows/config.toml"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_where_programs_keep_theirs() {
        let path = |set: &[(&str, &str)]| {
            let set: BTreeMap<_, _> = set.iter().copied().collect();
            usual_path(|name| set.get(name).map(|value| (*value).to_owned()))
        };
        let both = [("XDG_CONFIG_HOME", "/x"), ("HOME", "/home/a")];
        assert_eq!(path(&both).unwrap(), Path::new("/x/flows/config.toml"));
        let home = [("XDG_CONFIG_HOME", "x"), ("HOME", "/home/a")];
        assert_eq!(
            path(&home).unwrap(),
            Path::new("/home/a/.config/flows/config.toml")
        );
        assert_eq!(path(&[]), None);
    }

    #[test]
    fn a_file_is_made_changed_and_read_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a/config.toml");
        let load = |must_be| ConfigFile::load(Some(&path), must_be, |_| None);
        assert!(
            load(true)
                .unwrap_err()
                .contains("config.toml: No such file")
        );
        let mut file = load(false).unwrap();
        assert_eq!(file.context(None), Ok(None));
        let server = [
            ("server", Some("localhost:4245")),
            ("namespace", Some("shop")),
        ];
        file.set_context("prod", &server).unwrap();
        file.set_context("my lab", &[("lab", Some("demo"))])
            .unwrap();
        file.set_current(Some("prod")).unwrap();
        let mut file = load(true).unwrap();
        let prod = file.context(None).unwrap().unwrap();
        assert_eq!(prod.server.as_deref(), Some("localhost:4245"));
        assert_eq!(prod.namespace.as_deref(), Some("shop"));
        let lab = file.context(Some("my lab")).unwrap().unwrap();
        assert_eq!(lab.lab.as_deref(), Some("demo"));
        let error = file.context(Some("prot")).unwrap_err();
        assert!(
            error.ends_with("there is no context \"prot\"; did you mean prod?"),
            "{error}"
        );
        file.delete_context("prod").unwrap();
        assert!(
            load(true)
                .unwrap()
                .context(None)
                .unwrap_err()
                .contains("my lab")
        );
        // Both would be two servers.
        let both = file
            .set_context("my lab", &[("server", Some("a:1"))])
            .unwrap_err();
        assert!(both.contains("a server and a lab"), "{both}");
    }

    #[test]
    fn mistakes_name_the_file_and_the_line() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config.toml");
        fs::write(&path, "# mine\n[contexts.prod]\nsrver = \"x\"\n").unwrap();
        let error = ConfigFile::load(Some(&path), true, |_| None).unwrap_err();
        assert!(
            error.ends_with("config.toml:3: unknown key srver; did you mean server?"),
            "{error}"
        );
        fs::write(&path, "x".repeat((1 << 20) + 1)).unwrap();
        let error = ConfigFile::load(Some(&path), true, |_| None).unwrap_err();
        assert!(error.contains("longer than"), "{error}");
    }
}

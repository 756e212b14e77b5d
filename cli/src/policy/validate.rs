//! `flows policy validate`.

use std::{
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use cluster::{Directory, State, source::Checkpoint};
use explain::validate::File;
use proto::flows::v1::{ManifestFile, ValidateResponse, diagnostic::Severity};

use super::{clean, json, read, render, server};
use crate::{args::Args, error::Error};

/// Checks files; the exit code says whether all is well.
pub(crate) async fn validate(args: &Args) -> Result<(), Error> {
    let sound = check(args).await;
    match sound {
        Ok(true) => Ok(()),
        Ok(false) => Err(Error::Answered(1)),
        // 1 means that there is something wrong with them.
        Err(error) => Err(Error::NoAnswer(Box::new(error))),
    }
}

async fn check(args: &Args) -> Result<bool, Error> {
    let json = json(args)?;
    let strict = args.switch("strict", false)?;
    let quiet = args.switch("quiet", false)?;
    let files = files(&args.rest)?;
    let named = args.value("lab").is_some() || args.value("server").is_some();
    let mut answer = match args.value("state") {
        None if named => of_server(args, &files).await?,
        directory => of_directory(args, directory.as_deref(), &files)?,
    };
    if quiet {
        answer.meanings.clear();
        answer
            .diagnostics
            .retain(|diagnostic| diagnostic.severity() != Severity::Note);
    }
    let counts = |severity: Severity| {
        let mut diagnostics = answer.diagnostics.iter();
        diagnostics.any(|diagnostic| diagnostic.severity() == severity)
    };
    let refused = counts(Severity::Error) || strict && counts(Severity::Warning);
    let mut out = anstream::stdout().lock();
    if json {
        proto::json::write_pretty(&mut out, &answer)?;
    } else {
        let (answer, files) = clean::report(answer, files);
        write!(out, "{}", render::report(&answer, &files))?;
    }
    Ok(!refused)
}

async fn of_server(args: &Args, files: &[File]) -> Result<ValidateResponse, Error> {
    let server = server(args).await?;
    let files = files.iter().map(|file| ManifestFile {
        name: file.name.to_string(),
        text: file.text.clone(),
    });
    let answer = server.validate(files.collect()).await;
    answer.map_err(Error::Request)
}

fn of_directory(
    args: &Args,
    directory: Option<&str>,
    files: &[File],
) -> Result<ValidateResponse, Error> {
    let config = read::config(args)?;
    let present = match directory {
        Some(directory) => Directory::open(directory.as_ref(), &Checkpoint::default())?.state(),
        None => State::default().into(),
    };
    let report = explain::validate::validate(files, &present, &config);
    Ok(explain::proto::report(&report))
}

/// Reads all files that are named, and those in directories that are named.
fn files(names: &[String]) -> Result<Vec<File>, Error> {
    let mut files = Vec::new();
    for name in names {
        if name == "-" {
            let mut text = String::new();
            io::stdin().lock().read_to_string(&mut text)?;
            files.push(File {
                name: "<stdin>".into(),
                text,
            });
            continue;
        }
        let path = Path::new(name);
        let paths = match path.is_dir() {
            true => within(path)?,
            false => vec![path.to_owned()],
        };
        if paths.is_empty() {
            // A path with a mistake in it shall pass no test of others.
            let text = format!("no manifests in {name} (files ending in .yaml, .yml or .json)");
            return Err(Error::Usage(text));
        }
        for path in paths {
            let text = std::fs::read_to_string(&path).map_err(unreadable(&path))?;
            files.push(File {
                name: path.to_string_lossy().into(),
                text,
            });
        }
    }
    Ok(files)
}

/// Manifests in a directory and those below it, hidden ones left out, in the order of their names.
fn within(directory: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(directory)
        .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect())
        .map_err(unreadable(directory))?;
    entries.sort();
    let mut found = Vec::new();
    for path in entries {
        let hidden = path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with('.'));
        let extension = path.extension().and_then(|extension| extension.to_str());
        if hidden {
            continue;
        }
        if path.is_dir() {
            found.extend(within(&path)?);
        } else if matches!(extension, Some("yaml" | "yml" | "json")) {
            found.push(path);
        }
    }
    Ok(found)
}

fn unreadable(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    move |error| Error::Input { path, error }
}

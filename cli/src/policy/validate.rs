//! `flows policy validate`.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

use cluster::{Directory, State, source::Checkpoint};
use explain::validate::File;
use policy::Config;
use proto::flows::v1::{ManifestFile, ValidateResponse, diagnostic::Severity};

use super::{
    clean,
    manifests::{self, StateArgs},
    render,
};
use crate::{
    connect::ServerArgs,
    error::Error,
    flag::{self, Given, Switch, TextFormat, or_environment},
};

const EXAMPLES: &str = "Examples:
  flows policy validate policies/                       by themselves
  flows policy validate new.yaml --state manifests/     beside the pods and policies of a directory
  flows --lab demo policy validate new.yaml             beside those of a running cluster
  flows policy validate --strict --quiet policies/      in CI

Without --state and without --lab or --server, the pods and policies in the files themselves are all
there is: what selectors match is checked only if there are pods among them. Rules of layer 7 are
checked as agents do, which need a proxy for them, and noted; with --l7-proxy=off they are errors.

Exit codes: 0 all can be enforced (there may be warnings); 1 there are errors (--strict: or warnings);
2 it could not be checked: a file can't be read, a server doesn't answer.";

/// Check policies: errors, what they mean, and likely mistakes
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// files of manifests, directories of them, or - for standard input
    #[arg(value_name = "FILE|DIR", required = true)]
    files: Vec<PathBuf>,
    /// exit with 1 for warnings, too
    #[arg(long, help_heading = "Output")]
    strict: Option<Given<Switch>>,
    /// print only errors and warnings, no notes and no meanings
    #[arg(long, help_heading = "Output")]
    quiet: Option<Given<Switch>>,
    /// text or json [default: text]
    #[arg(short, long, value_name = "FORMAT", help_heading = "Output")]
    output: Option<Given<TextFormat>>,
    #[command(flatten)]
    state: StateArgs,
}

/// Checks files; the exit code says whether all is well.
pub(crate) async fn run(args: &Args, server: &ServerArgs) -> Result<(), Error> {
    match check(args, server).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(Error::Answered(1)),
        // 1 means that there is something wrong with them.
        Err(error) => Err(Error::NoAnswer(Box::new(error))),
    }
}

async fn check(args: &Args, server: &ServerArgs) -> Result<bool, Error> {
    let format = flag::get(&or_environment(&args.output, "output"))?;
    let strict = flag::is_on(&args.strict)?;
    let quiet = flag::is_on(&args.quiet)?;
    let files = manifests::files(&args.files)?;
    let mut answer = match &args.state.state {
        None if server.is_named() => {
            args.state.check_running_cluster()?;
            of_server(server, &files).await?
        }
        directory => of_directory(directory.as_deref(), &args.state.config()?, &files)?,
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
    let written = match format.unwrap_or(TextFormat::Text) {
        TextFormat::Json => proto::json::write_pretty(&mut out, &answer).map_err(Error::from),
        TextFormat::Text => {
            let (answer, files) = clean::report(answer, files);
            write!(out, "{}", render::report(&answer, &files)).map_err(Error::from)
        }
    };
    Error::unless_reader_is_gone(written)?;
    Ok(!refused)
}

async fn of_server(server: &ServerArgs, files: &[File]) -> Result<ValidateResponse, Error> {
    let server = server.connect().await?;
    let files = files.iter().map(|file| ManifestFile {
        name: file.name.to_string(),
        text: file.text.clone(),
    });
    let answer = server.validate(files.collect()).await;
    answer.map_err(Error::Request)
}

fn of_directory(
    directory: Option<&Path>,
    config: &Config,
    files: &[File],
) -> Result<ValidateResponse, Error> {
    let present = match directory {
        Some(directory) => Directory::open(directory, &Checkpoint::default())?.state(),
        None => State::default().into(),
    };
    let mut report = explain::validate::validate(files, &present, config);
    report.note_proxy();
    Ok(explain::proto::report(&report))
}

//! `flows policy diff`: what a change would do, before it is applied.

mod json;
mod states;
mod text;

use std::{io::Write as _, path::PathBuf};

use explain::cancel::Cancel;
use explain::diff_report::{Report, markdown};

use super::{flows::FlowArgs, manifests::StateArgs};
use crate::{
    connect::ServerArgs,
    error::Error,
    flag::{self, Given, Switch, Value, no_format, or_environment},
};

pub(super) use json::{JsonPeer, JsonReason};

const EXAMPLES: &str = "Examples:
  flows policy diff web.yaml                          a changed or new policy, in the cluster
  flows policy diff policies/ --state manifests/      beside the pods and policies of a directory
  flows policy diff --delete cnp shop/web             what removing a policy would do
  flows policy diff --from old/ --to new/             two directories, each a whole cluster
  flows policy diff web.yaml --state manifests/ --flows flows.jsonl
  flows policy diff new.yaml --exit-code -o markdown  in CI, as a comment on a change request

An object in a FILE takes the place of the one with the same kind, namespace and name, or is added. What is
compared is not text but which connections the tables of both states allow, by the code that runs in the
kernel, and which requests the rules of layer 7 let through on those that stay allowed. Workloads that
change alike are one row; the rules below a row decide before and after. Recorded flows (of a running
cluster those of the last hour) tell how many real connections and requests would change.

Exit codes: 0 done; 1 an error, such as a policy that would be refused. With --exit-code: 0 nothing changes;
2 some connections or requests become denied; 3 some become allowed and none denied; 1 as before.";

/// Show which connections and requests a change of policies would deny or allow, before it is applied
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// files of changed or new manifests, directories of them, or - for standard input
    #[arg(value_name = "FILE|DIR")]
    files: Vec<PathBuf>,
    /// an object that is removed, such as cnp shop/web; can be repeated
    #[arg(long, value_names = ["KIND", "NAMESPACE/NAME"], num_args = 2, action = clap::ArgAction::Append, help_heading = "The change")]
    delete: Vec<String>,
    /// directory of all manifests before the change; goes with --to
    #[arg(long, value_name = "DIR", help_heading = "The change")]
    from: Option<PathBuf>,
    /// directory of all manifests after the change; goes with --from
    #[arg(long, value_name = "DIR", help_heading = "The change")]
    to: Option<PathBuf>,
    /// exit with 2 if connections or requests become denied, with 3 if some become allowed and none denied
    #[arg(long, help_heading = "Output")]
    exit_code: Option<Given<Switch>>,
    /// text, json or markdown [default: text]
    #[arg(short, long, value_name = "FORMAT", help_heading = "Output")]
    output: Option<Given<Format>>,
    #[command(flatten)]
    flows: FlowArgs,
    #[command(flatten)]
    state: StateArgs,
}

/// How the difference is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Text,
    Json,
    Markdown,
}

impl Value for Format {
    const NAMES: &'static [&'static str] = &["text", "json", "markdown"];

    fn read(_: &str, text: &str) -> Result<Self, (String, Option<String>)> {
        match text {
            "text" => Ok(Self::Text),
            "json" | "JSON" => Ok(Self::Json),
            "markdown" | "md" => Ok(Self::Markdown),
            other => Err(no_format(other, "text, json, markdown")),
        }
    }
}

/// Shows the difference; the exit code may tell of it.
pub(crate) async fn run(args: &Args, server: &ServerArgs) -> Result<(), Error> {
    let format = flag::get(&or_environment(&args.output, "output"))?.unwrap_or(Format::Text);
    let coded = flag::is_on(&args.exit_code)?;
    let states = states::read(args, server).await?;
    let flows = args.flows.read(states.before.server.as_ref()).await?;
    let report = Report::new(
        &states.before.inputs,
        &states.after.inputs,
        &states.checked,
        flows
            .as_ref()
            .map(|flows| (&flows.groups, flows.origin.clone())),
        &Cancel::default(),
    )
    .map_err(|cancelled| Error::Usage(cancelled.to_string()))?;
    let mut out = anstream::stdout().lock();
    let written = match format {
        Format::Text => write!(out, "{}", text::show(&report)).map_err(Error::from),
        Format::Markdown => write!(out, "{}", markdown(&report)).map_err(Error::from),
        Format::Json => {
            proto::json::write_pretty(&mut out, &json::Diff::new(&report)).map_err(Error::from)
        }
    };
    Error::unless_reader_is_gone(written)?;
    match exit_code(&report) {
        0 => Ok(()),
        _ if !coded => Ok(()),
        code => Err(Error::Answered(code)),
    }
}

/// With `--exit-code`, as its help says.
fn exit_code(report: &Report) -> u8 {
    match (report.denies(), report.allows()) {
        (true, _) => 2,
        (false, true) => 3,
        (false, false) => 0,
    }
}

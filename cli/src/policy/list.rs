//! What lists of policies, endpoints and identities have in common.

use std::io::{self, Write};

use flow::print::escape;
use flow::spelling::{closest_by, did_you_mean};
use serde::Serialize;

use crate::{
    error::Error,
    flag::{Given, TextFormat, or_environment},
    line::line,
};

/// How a list is printed.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct OutputArgs {
    /// text or json [default: text]
    #[arg(short, long, value_name = "FORMAT", help_heading = "Output")]
    output: Option<Given<TextFormat>>,
}

impl OutputArgs {
    pub(super) fn is_json(&self) -> Result<bool, Error> {
        let output = or_environment(&self.output, "output");
        let format = output.map_or(Ok(TextFormat::Text), |output| output.get())?;
        Ok(format == TextFormat::Json)
    }
}

/// What has to be known to take an answer right; aside, so that what reads the answer can go on.
pub(super) fn notes(notes: &[String]) {
    let mut err = io::stderr().lock();
    for note in notes {
        // Nowhere to complain to when standard error is gone as well.
        let _gone = line!(err, "Note: {note}");
    }
}

/// Names that may be meant by one that nobody has: those that hold it, or the one spelled most like it.
pub(super) fn similar(name: &str, known: &[String]) -> String {
    // They stand in an error, which may have several lines.
    let known: Vec<String> = known.iter().map(|name| escape(name)).collect();
    let bare = |full: &str| full.rsplit([' ', '/']).next().unwrap_or(full).to_owned();
    let mut similar: Vec<&String> = known
        .iter()
        .filter(|full| full.contains(name) || name.contains('/') && bare(full) == bare(name))
        .collect();
    if similar.is_empty() {
        similar.extend(closest_by(&bare(name), &known, |full| bare(full)));
    }
    did_you_mean(&similar)
}

pub(super) fn as_json<T: Serialize>(out: &mut dyn Write, list: &[T]) -> io::Result<()> {
    proto::json::write_pretty(out, list)
}

pub(super) fn row<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).to_vec()
}

pub(super) fn or_none(text: &str) -> &str {
    if text.is_empty() { "none" } else { text }
}

/// Labels without those that all pods of a namespace and a cluster have.
pub(super) fn peer(labels: &[String]) -> String {
    let telling = labels
        .iter()
        .filter(|label| !label.contains(":io.cilium.k8s."));
    let telling: Vec<String> = telling
        .map(|label| {
            let short = label.strip_prefix("k8s:").unwrap_or(label);
            match short.strip_prefix("io.kubernetes.pod.namespace=") {
                Some(namespace) => format!("namespace={namespace}"),
                None => short.to_owned(),
            }
        })
        .collect();
    telling.join(",")
}

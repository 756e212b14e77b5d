//! `flows observe`.

pub(crate) mod cells;
mod connections;
mod empty;
mod events;
pub(crate) mod file;
pub(crate) mod filter_plan;
mod groups;
pub(crate) mod known;
mod request;
mod stream;
mod view;
mod words;

use std::{
    io::{self, Write},
    time::Duration,
};

use flow::{
    flags::{FilterFlags, Lists},
    print::{Format, Printer, escape},
    time::Zone,
};
use proto::observer::{GetFlowsRequest, GetFlowsResponse, get_flows_response::ResponseTypes};

use crate::{
    connect::ServerArgs,
    error::Error,
    filter_args::FilterArgs,
    flag::{self, Given, Switch},
};
use connections::{ConnectionRows, Most, Present};
use filter_plan::FilterPlan;
use groups::{EventGroups, Groups};
use request::{Selection, SelectionArgs};
use view::{FormatArgs, View};

const EXAMPLES: &str = "Examples:
  flows observe --verdict DROPPED                  what was dropped, by which rule
  flows observe user-service                       what has that in any of its names
  flows observe -f --from pod:shop/web             what its copies try, as it happens
  flows observe --to-pod shop/db --port 5432 --since 10m
  flows observe -n shop --not --verdict FORWARDED  what didn't go through
  flows observe 'src.pod ~ shop/web and dst.port in {53, 443} and not reply'
  flows observe --filter 'src.ip in 10.0.0.0/8 and bytes > 10MB' -o json
  flows observe --aggregate-by src.workload,dst.workload,verdict,reason
  flows observe -f --aggregate-by dst.fqdn,dst.port   who is called, refreshed in place
  flows observe --verdict DROPPED -o json > drops.json
  flows observe --input-file drops.json            to look at later

Values of one flag are alternatives, different flags must all hold. --pod, --ip, --label and so on
look at one end at a time: --pod a --port 80 finds flows from a's port 80 and flows to it.";

/// Show flows: what was decided for each connection, by which rule, and why
#[derive(Clone, Debug, clap::Args)]
#[command(
    override_usage = "flows observe [NAME | EXPRESSION]... [flags]",
    after_help = EXAMPLES
)]
pub(crate) struct Args {
    #[command(flatten)]
    selection: SelectionArgs,
    #[command(flatten)]
    format: FormatArgs,
    #[command(flatten)]
    pub(crate) filters: FilterArgs,
    /// print the filters as allowlist and denylist, and end
    #[arg(long, help_heading = "Filters: how they combine")]
    print_raw_filters: Option<Given<Switch>>,
    /// `flows`, `agent-events` or `debug-events`; else parts of names, or an expression.
    #[arg(hide = true)]
    pub(crate) words: Vec<String>,
}

impl Args {
    /// Whether what is shown is in one of Hubble's formats, and what is wrong in Hubble's words.
    pub(crate) fn is_hubbles(&self) -> bool {
        !self.format.is_ours()
    }

    /// The words behind `observe`.
    fn filter_words(&self) -> Vec<&str> {
        let words = self.words.iter().map(String::as_str);
        words
            .skip(usize::from(
                self.words.first().is_some_and(|word| word == "flows"),
            ))
            .collect()
    }

    /// The words behind `observe` as an expression. A script of Hubble's may have words that mean nothing.
    fn words_filter(&self, words: &[&str]) -> Result<Option<String>, Error> {
        if words.is_empty() || !self.format.filters_by_words() {
            for word in words.iter().take(1) {
                let instead = format!("--filter {}", flow::expr::quote(word));
                writeln!(
                    io::stderr(),
                    "hint: {word:?} selects nothing, as in hubble; {instead} does"
                )?;
            }
            return Ok(None);
        }
        words::expression(words).map(Some)
    }
}

/// Shows flows, from a server or a file.
pub(crate) async fn run(args: &Args, server: &ServerArgs) -> Result<(), Error> {
    server.check_pairs()?;
    if let Some(kind @ ("agent-events" | "debug-events")) = args.words.first().map(String::as_str) {
        return Box::pin(events::show(args, server, kind == "debug-events")).await;
    }
    let (selection, lists) = read_flags(args)?;
    let words = args.filter_words();
    let mut filters = args.filters.clone();
    let of_names = words::of_names(&words).into_iter();
    filters.words.extend(of_names.map(str::to_owned));
    let words = args.words_filter(&words)?;
    let view = View::from_args(&args.format, selection.follow, server.is_debug()?)?;
    let file = args.selection.input_file.as_deref();
    let expressions = args.filters.expressions.iter().cloned();
    let expressions: Vec<String> = expressions.chain(words).collect();
    let plan = FilterPlan::new(&expressions, lists, file.is_some(), args.format.is_ours())?;
    if flag::is_on(&args.print_raw_filters)? {
        // Read for its errors.
        let _request = selection.request(args, &view, &plan.lists)?;
        return Ok(io::stdout().write_all(plan.yaml()?.as_bytes())?);
    }
    let (plan, view) = match plan.for_connections()? {
        Some(plan) if view.connections && selection.last_per_node == 0 => (plan, view),
        Some(_) | None => (
            plan,
            View {
                connections: false,
                ..view
            },
        ),
    };
    let request = selection.request(args, &view, &plan.lists)?;
    if let (Some(_), Some(rest)) = (&request.field_mask, &plan.rest) {
        return Err(Error::Usage(format!(
            "--field-mask would hide what --filter looks at here: {rest}"
        )));
    }
    let mut groups = Groups::from_args(&args.format, &view, selection.follow)?;
    let debug = view.options.debug;
    let rows = view.connections.then(|| {
        let most = Most::of(&selection, &request, groups.is_some());
        let present = Present::of(&request, file.is_some());
        let (filter, follow, groups) = (&plan.filter, selection.follow, groups.take());
        ConnectionRows::new(&view, filter, follow, present, most, groups)
    });
    let groups = groups.map(EventGroups::new);
    let mut output = Output::new(view, groups, rows, plan.rest.is_some());
    // A mask is a list of all that is wanted.
    let masked = request.field_mask.as_ref().map(|mask| mask.paths.iter());
    if masked.is_some_and(|mut paths| !paths.any(|path| path.starts_with("extensions"))) {
        output.extensions = false;
    }
    if debug {
        output.note(&request)?;
    }
    match file {
        Some(_) if server.forwards_port()? => Err(Error::Usage(
            "cannot use --input-file and --auto-port-forward together".to_owned(),
        )),
        Some(path) => {
            file::show(
                path,
                &request,
                plan.events.program(),
                &selection,
                &filters,
                &mut output,
            )?;
            output.finish()
        }
        None => {
            Box::pin(stream::show(
                server, request, &selection, &filters, &plan, output,
            ))
            .await
        }
    }
}

/// Reads the filters, then what else selects flows.
fn read_flags(args: &Args) -> Result<(Selection, Lists), Error> {
    let mut filters = FilterFlags::default();
    for (name, value) in &args.filters.flags {
        match *name {
            // The short words of the end kinds, as they are also written.
            "from" | "to" if value.starts_with("ns:") => {
                filters.set(name, &value.replacen("ns:", "namespace:", 1))?;
            }
            name => filters.set(name, value)?,
        }
    }
    for (name, value) in args.filters.of_environment() {
        filters.set(name, &value)?;
    }
    let lists = filters.finish()?;
    Ok((Selection::from_args(&args.selection)?, lists))
}

/// Whether what Hubble's messages have no field for is seen: rule, reason, bytes.
fn tells_extensions(format: Format) -> bool {
    match format {
        Format::Wide | Format::Json | Format::LegacyJson => true,
        Format::Compact | Format::Dict | Format::Table => false,
    }
}

/// Where responses go: flows to standard output, what is said about nodes to standard error.
pub(crate) struct Output {
    printer: Printer,
    /// Groups, if they are shown instead of flows.
    groups: Option<EventGroups>,
    /// Connections, or groups of them, if they are shown instead of flows.
    pub(crate) connections: Option<ConnectionRows>,
    /// The server is asked for what it says beyond Hubble's: the format shows it, or we look at it.
    extensions: bool,
    /// The format is not one of Hubble's.
    ours: bool,
    /// That moments are told in.
    zone: Zone,
    out: io::BufWriter<io::Stdout>,
    err: Box<dyn Write + Send>,
}

impl Output {
    fn new(
        view: View,
        groups: Option<EventGroups>,
        connections: Option<ConnectionRows>,
        looks: bool,
    ) -> Self {
        let err: Box<dyn Write + Send> = if view.silent {
            Box::new(io::sink())
        } else {
            Box::new(io::stderr())
        };
        let out = io::BufWriter::with_capacity(64 << 10, io::stdout());
        let sums = groups.is_some() || connections.is_some();
        Self {
            extensions: sums || looks || tells_extensions(view.options.format),
            ours: sums || view.options.format == Format::Wide,
            zone: view.options.zone.clone(),
            printer: Printer::new(view.options),
            groups,
            connections,
            out,
            err,
        }
    }

    pub(crate) fn print(&mut self, response: &GetFlowsResponse) -> Result<(), Error> {
        if let Some(connections) = &mut self.connections {
            match &response.response_types {
                Some(ResponseTypes::Flow(flow)) => {
                    connections.push(flow);
                    return Ok(());
                }
                Some(ResponseTypes::LostEvents(lost)) => connections.lost(response, lost),
                Some(ResponseTypes::NodeStatus(_)) | None => {}
            }
        }
        if self.groups.is_some() || self.connections.is_some() {
            match (&response.response_types, &mut self.groups) {
                (Some(ResponseTypes::Flow(flow)), Some(groups)) => {
                    groups.push(flow, &mut self.out)?;
                }
                // Losses are no groups, but nothing is silently missing.
                (Some(_), _) => {
                    let mut text = Vec::new();
                    self.printer.print(response, &mut text, &mut self.err)?;
                    self.err.write_all(&text)?;
                }
                (None, _) => {}
            }
            return Ok(());
        }
        Ok(self.printer.print(response, &mut self.out, &mut self.err)?)
    }

    /// Shows what is due while a file or a pipe is read; with `-f` it may be long until its end.
    pub(crate) fn tick(&mut self) -> Result<(), Error> {
        if let Some(connections) = &mut self.connections {
            connections.refresh(&mut self.out)?;
        }
        Ok(())
    }

    /// When something is to be shown though nothing comes.
    fn refreshes_in(&self) -> Option<Duration> {
        if let Some(connections) = &self.connections {
            return connections.refreshes_in();
        }
        self.groups.as_ref()?.refreshes_in()
    }

    /// Says what is asked, for `--debug`.
    fn note(&mut self, request: &GetFlowsRequest) -> Result<(), Error> {
        let now = jiff::Timestamp::now();
        let request = proto::json::to_string(request)?;
        let request = request.replace('\\', "\\\\").replace('"', "\\\"");
        let text = format!(
            "time={now:.3} level=DEBUG msg=\"Sending GetFlows request\" req=\"{request}\"\n"
        );
        Ok(self.err.write_all(text.as_bytes())?)
    }

    /// Whether what is said beside the flows is in our words, not in Hubble's.
    pub(crate) fn is_ours(&self) -> bool {
        self.ours
    }

    /// Says something about the input.
    pub(crate) fn say(&mut self, text: &str) -> Result<(), Error> {
        let line = format!("{}\n", escape(text));
        Ok(self.err.write_all(line.as_bytes())?)
    }

    /// Warns of a line of input that can't be read.
    pub(crate) fn warn(
        &mut self,
        message: &str,
        error: &str,
        line: Option<&str>,
    ) -> Result<(), Error> {
        let quoted = |text: &str| escape(&text.replace('\\', "\\\\").replace('"', "\\\""));
        let now = jiff::Timestamp::now();
        let line = line
            .map(|line| format!(" line=\"{}\"", quoted(line)))
            .unwrap_or_default();
        let text = format!(
            "time={now:.3} level=WARN msg=\"{message}\" error=\"{}\"{line}\n",
            quoted(error)
        );
        // Log lines are not the printer's errors: --silent-errors leaves them.
        Ok(io::stderr().write_all(text.as_bytes())?)
    }

    fn flush(&mut self) -> Result<(), Error> {
        if let Some(groups) = &mut self.groups {
            groups.refresh(&mut self.out)?;
        }
        if let Some(connections) = &mut self.connections {
            connections.refresh(&mut self.out)?;
        }
        Ok(self.out.flush()?)
    }

    fn finish(&mut self) -> Result<(), Error> {
        if let Some(connections) = &mut self.connections {
            connections.finish(&mut self.out)?;
            let note = connections.note();
            self.out.flush()?;
            if let Some(note) = note {
                self.say(&note)?;
            }
            return Ok(());
        }
        match &mut self.groups {
            Some(groups) => groups.finish(&mut self.out)?,
            None => self.printer.finish(&mut self.out)?,
        }
        self.flush()
    }
}

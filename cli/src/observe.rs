//! `flows observe`.

mod events;
mod file;
mod groups;
mod plain;
mod request;
mod stream;
pub(crate) mod wanted;

use std::{
    io::{self, IsTerminal, Write},
    time::Duration,
};

use flow::{
    flags::{FilterFlags, Lists},
    print::{Format, Options, Printer, escape},
    time::{TimeFormat, Zone},
};
use proto::observer::{GetFlowsRequest, GetFlowsResponse, get_flows_response::ResponseTypes};

use crate::{
    args::{self, Args, no_format},
    error::Error,
};
use groups::Groups;
use request::Selection;
use wanted::Wanted;

/// Shows flows, from a server or a file.
pub(crate) async fn run(args: &Args) -> Result<(), Error> {
    let shown = show(args).await;
    shown.map_err(|error| match plain::is_ours(args) {
        true => plain::plain(error, args),
        false => error,
    })
}

async fn show(args: &Args) -> Result<(), Error> {
    check_pairs(args)?;
    if let Some(kind @ ("agent-events" | "debug-events")) = args.rest.first().map(String::as_str) {
        return Box::pin(events::show(args, kind == "debug-events")).await;
    }
    let (selection, lists) = read_flags(args)?;
    // `observe flows` is `observe`; other further words are ignored, as hubble does, but not silently.
    if let Some(word) = args.rest.iter().find(|word| *word != "flows") {
        let pod = "for the flows of a pod: flows observe --pod";
        writeln!(io::stderr(), "hint: {word:?} selects nothing; {pod} {word}")?;
    }
    let view = View::from_args(args, &selection)?;
    let wanted = Wanted::new(args, lists, plain::is_ours(args))?;
    let request = selection.request(args, &view, &wanted.lists)?;
    if args.switch("print-raw-filters", false)? {
        return Ok(io::stdout().write_all(wanted.yaml()?.as_bytes())?);
    }
    if let (Some(_), Some(rest)) = (&request.field_mask, &wanted.rest) {
        return Err(Error::Usage(format!(
            "--field-mask would hide what --filter looks at here: {rest}"
        )));
    }
    let groups = Groups::from_args(args, &view, selection.follow)?;
    let debug = view.options.debug;
    let mut screen = Screen::new(view, groups, wanted.rest.is_some());
    // A mask is a list of all that is wanted.
    let masked = request.field_mask.as_ref().map(|mask| mask.paths.iter());
    if masked.is_some_and(|mut paths| !paths.any(|path| path.starts_with("extensions"))) {
        screen.extensions = false;
    }
    if debug {
        screen.note(&request)?;
    }
    match args.value("input-file") {
        Some(_) if args.switch("port-forward", false)? => Err(Error::Usage(
            "cannot use --input-file and --auto-port-forward together".to_owned(),
        )),
        Some(path) => {
            file::show(
                &path,
                &request,
                wanted.filter.program(),
                &selection,
                &mut screen,
            )?;
            screen.finish()
        }
        None => Box::pin(stream::show(args, request, &selection, &wanted, screen)).await,
    }
}

/// Pairs of flags that hubble refuses before it reads anything, be it a file.
fn check_pairs(args: &Args) -> Result<(), Error> {
    let given = |name: &str| args.value(name).is_some_and(|value| !value.is_empty());
    let refuse = |why: &str| Err(Error::Usage(format!("invalid flag(s): {why}")));
    match (given("tls-client-cert-file"), given("tls-client-key-file")) {
        (true, true) => {
            let server = args.value("server").unwrap_or_default();
            if !args.switch("tls", false)? && !server.starts_with("tls://") {
                return refuse("transport layer security required");
            }
        }
        (false, false) => {}
        _ => {
            return refuse(
                "certificate and private key are both required, but only one was provided",
            );
        }
    }
    if given("basic-auth-username") != given("basic-auth-password") {
        return refuse("must specify both basic-auth-username and basic-auth-password");
    }
    Ok(())
}

/// Reads the flags in their order, as the first mistake is the one to tell.
fn read_flags(args: &Args) -> Result<(Selection, Lists), Error> {
    let mut filters = FilterFlags::default();
    for (name, value) in &args.flags {
        match *name {
            // The short words of the end kinds, as they are also written.
            "from" | "to" if value.starts_with("ns:") => {
                filters.set(name, &value.replacen("ns:", "namespace:", 1))?;
            }
            name if args::is_filter(name) => filters.set(name, value)?,
            "last" | "first" | "last-per-node" => {
                Args {
                    flags: vec![(name, value.clone())],
                    ..Args::default()
                }
                .number(name)?;
            }
            _ => {}
        }
    }
    for name in ["allowlist", "denylist"] {
        // Given as flags they were taken above.
        if args.values(name).next().is_none()
            && let Some(value) = args.value(name)
        {
            filters.set(name, &value)?;
        }
    }
    let lists = filters.finish()?;
    Ok((Selection::from_args(args)?, lists))
}

/// How flows are shown.
#[derive(Clone, Debug)]
pub(crate) struct View {
    pub(crate) options: Options,
    /// The name of the format, for messages.
    pub(crate) output: &'static str,
    silent: bool,
}

impl View {
    fn from_args(args: &Args, selection: &Selection) -> Result<Self, Error> {
        let output = args.value("output").unwrap_or_else(|| "wide".to_owned());
        let (format, output) = match output.as_str() {
            "wide" => (Format::Wide, "wide"),
            "compact" => (Format::Compact, "compact"),
            "dict" => (Format::Dict, "dict"),
            "table" | "tab" if selection.follow => {
                return Err(Error::Usage(
                    "table output format is not compatible with follow mode".to_owned(),
                ));
            }
            "table" | "tab" => (Format::Table, "table"),
            "json" | "JSON" if legacy_json() => (Format::LegacyJson, "json"),
            "json" | "JSON" => (Format::Json, "json"),
            "jsonpb" => (Format::Json, "jsonpb"),
            other => {
                let formats = "wide, compact, dict, table, json, jsonpb";
                return Err(no_format(other, formats));
            }
        };
        let color = match args.value("color").as_deref() {
            Some("always") => true,
            Some("never") => false,
            _ => {
                io::stdout().is_terminal()
                    && std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty())
            }
        };
        let numeric = args.switch("numeric", false)?;
        let ours = format == Format::Wide
            || format == Format::Table && args.value("aggregate-by").is_some();
        let options = Options {
            format,
            time: TimeFormat::named(&args.value("time-format").unwrap_or_default()),
            // What is ours to show is in the zone of who looks; Hubble's formats and JSON in UTC.
            zone: match ours && !args.switch("utc", false)? {
                true => Zone::local(),
                false => Zone::UTC,
            },
            color,
            node_names: args.switch("print-node-name", false)?,
            policy_names: args.switch("print-policy-names", false)?,
            translate: args.switch("ip-translation", true)? && !numeric,
            debug: args.switch("debug", false)?,
        };
        Ok(Self {
            options,
            output,
            silent: args.switch("silent-errors", false)?,
        })
    }
}

/// Bare flows instead of responses, for scripts from before there were responses.
fn legacy_json() -> bool {
    let words = std::env::var("HUBBLE_COMPAT").unwrap_or_default();
    words.split(',').any(|word| word == "legacy-json-output")
}

/// Whether what Hubble's messages have no field for is seen: rule, reason, bytes.
fn tells_extensions(format: Format) -> bool {
    match format {
        Format::Wide | Format::Json | Format::LegacyJson => true,
        Format::Compact | Format::Dict | Format::Table => false,
    }
}

/// Where responses go: flows to standard output, what is said about nodes to standard error.
pub(crate) struct Screen {
    printer: Printer,
    /// Groups, if they are shown instead of flows.
    groups: Option<Groups>,
    /// The server is asked for what it says beyond Hubble's: the format shows it, or we look at it.
    extensions: bool,
    /// The format is not one of Hubble's.
    ours: bool,
    out: io::BufWriter<io::Stdout>,
    err: Box<dyn Write + Send>,
}

impl Screen {
    fn new(view: View, groups: Option<Groups>, looks: bool) -> Self {
        let err: Box<dyn Write + Send> = if view.silent {
            Box::new(io::sink())
        } else {
            Box::new(io::stderr())
        };
        let out = io::BufWriter::with_capacity(64 << 10, io::stdout());
        Self {
            extensions: groups.is_some() || looks || tells_extensions(view.options.format),
            ours: groups.is_some() || view.options.format == Format::Wide,
            printer: Printer::new(view.options),
            groups,
            out,
            err,
        }
    }

    pub(crate) fn print(&mut self, response: &GetFlowsResponse) -> Result<(), Error> {
        if let Some(groups) = &mut self.groups {
            match &response.response_types {
                Some(ResponseTypes::Flow(flow)) => groups.push(flow, &mut self.out)?,
                // Losses are no groups, but nothing is silently missing.
                Some(_) => {
                    let mut text = Vec::new();
                    self.printer.print(response, &mut text, &mut self.err)?;
                    self.err.write_all(&text)?;
                }
                None => {}
            }
            return Ok(());
        }
        Ok(self.printer.print(response, &mut self.out, &mut self.err)?)
    }

    /// When something is to be shown though nothing comes.
    fn refreshes_in(&self) -> Option<Duration> {
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
        Ok(self.out.flush()?)
    }

    fn finish(&mut self) -> Result<(), Error> {
        match &mut self.groups {
            Some(groups) => groups.finish(&mut self.out)?,
            None => self.printer.finish(&mut self.out)?,
        }
        self.flush()
    }
}

//! `flows observe`.

mod file;
mod request;

use std::io::{self, IsTerminal, Write};

use flow::{
    flags::{FilterFlags, Lists},
    print::{Format, Options, Printer},
    time::TimeFormat,
};
use futures::FutureExt;
use proto::observer::{GetFlowsRequest, GetFlowsResponse, observer_client::ObserverClient};
use tonic::metadata::MetadataValue;

use crate::{
    args::{self, Args},
    connect::connect,
    error::Error,
};
use request::Selection;

/// Shows flows, from a server or a file.
pub(crate) async fn run(args: &Args) -> Result<(), Error> {
    // `observe flows` is `observe`; other further words are ignored, as hubble does.
    if let Some(kind @ ("agent-events" | "debug-events")) = args.rest.first().map(String::as_str) {
        return Err(Error::Usage(format!("observe {kind} is not supported yet")));
    }
    let (selection, lists) = read_flags(args)?;
    let view = View::from_args(args, &selection)?;
    let request = selection.request(args, &view, &lists)?;
    if args.switch("print-raw-filters", false)? {
        return Ok(io::stdout().write_all(lists.yaml()?.as_bytes())?);
    }
    let mut screen = Screen::new(view);
    if view.options.debug {
        screen.note(&request)?;
    }
    match args.value("input-file") {
        Some(_) if args.switch("port-forward", false)? => Err(Error::Usage(
            "cannot use --input-file and --auto-port-forward together".to_owned(),
        )),
        Some(path) => {
            file::show(&path, &request, &selection, &mut screen)?;
            screen.finish()
        }
        None => stream(args, request, screen).await,
    }
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
            "last" | "first" => {
                Args {
                    flags: vec![(name, value.clone())],
                    ..Args::default()
                }
                .number(name)?;
            }
            _ => {}
        }
    }
    let lists = filters.finish()?;
    Ok((Selection::from_args(args)?, lists))
}

/// How flows are shown.
#[derive(Clone, Copy, Debug)]
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
            other => return Err(Error::Usage(format!("invalid output format: {other}"))),
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
        let options = Options {
            format,
            time: TimeFormat::named(&args.value("time-format").unwrap_or_default()),
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

/// Where responses go: flows to standard output, what is said about nodes to standard error.
pub(crate) struct Screen {
    printer: Printer,
    /// Our format: the server is asked for what it shows beyond Hubble's.
    extensions: bool,
    out: io::BufWriter<io::Stdout>,
    err: Box<dyn Write + Send>,
}

impl Screen {
    fn new(view: View) -> Self {
        let err: Box<dyn Write + Send> = if view.silent {
            Box::new(io::sink())
        } else {
            Box::new(io::stderr())
        };
        let out = io::BufWriter::with_capacity(64 << 10, io::stdout());
        Self {
            printer: Printer::new(view.options),
            extensions: view.options.format == Format::Wide,
            out,
            err,
        }
    }

    pub(crate) fn print(&mut self, response: &GetFlowsResponse) -> Result<(), Error> {
        Ok(self.printer.print(response, &mut self.out, &mut self.err)?)
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

    /// Warns of a line of input that can't be read.
    pub(crate) fn warn(
        &mut self,
        message: &str,
        error: &str,
        line: Option<&str>,
    ) -> Result<(), Error> {
        let quoted = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
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
        Ok(self.out.flush()?)
    }

    fn finish(mut self) -> Result<(), Error> {
        self.printer.finish(&mut self.out)?;
        self.flush()
    }
}

/// Shows what a server answers.
async fn stream(args: &Args, request: GetFlowsRequest, mut screen: Screen) -> Result<(), Error> {
    let channel = connect(args).await?;
    let mut request = tonic::Request::new(request);
    if screen.extensions {
        request
            .metadata_mut()
            .insert(proto::WANT_EXTENSIONS, MetadataValue::from_static("1"));
    }
    let mut client = ObserverClient::new(channel).max_decoding_message_size(64 << 20);
    let mut stream = client.get_flows(request).await?.into_inner();
    loop {
        // What has come is shown before anything is waited for.
        let message = match stream.message().now_or_never() {
            Some(message) => message,
            None => {
                screen.flush()?;
                stream.message().await
            }
        };
        match message {
            Ok(Some(response)) => screen.print(&response)?,
            Ok(None) => return screen.finish(),
            Err(status) => {
                screen.finish()?;
                return Err(status.into());
            }
        }
    }
}

//! flows: the command line.
//!
//! ```text
//! args     flags in order, as text                connect  which server, and the connection
//! observe  request -> server or file -> print     status, list, watch  the other questions
//! top      flows on a terminal, live              text, table  what people read, and what fits
//! policy   questions to the policy engine, over a directory or a server
//! ```

mod args;
mod connect;
mod duration;
mod error;
mod line;
mod list;
mod observe;
mod policy;
mod status;
mod table;
mod text;
mod top;
mod watch;

use std::{
    ffi::OsString,
    io::{self, Write},
};

use tokio::signal::unix::{SignalKind, signal};

pub use args::command;
use args::{Args, Stop};
pub use error::Error;

/// Runs a command line (with the program's name first) and returns the exit code: 0, or 1 (2 where
/// help says so) with a line on standard error, and maybe one that says what to do instead. A reader that goes away ends it quietly; so does Ctrl-C.
pub async fn run(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let result = match args::parse(arguments) {
        Ok(args) => dispatch(&args).await,
        Err(Stop::Text(text)) => write!(anstream::stdout(), "{text}").map_err(Error::from),
        Err(Stop::Mistake(line, None)) => Err(Error::Usage(line)),
        Err(Stop::Mistake(line, Some(hint))) => Err(Error::Hinted(line, hint)),
    };
    match result {
        Ok(()) => 0,
        Err(error) if error.is_broken_pipe() => 0,
        Err(Error::Answered(code)) => code,
        Err(error) => {
            // Nowhere to complain to when standard error is gone as well.
            let hint = error.hint().map(|hint| format!("\nhint: {hint}"));
            let text = format!("{error}{}", hint.unwrap_or_default());
            let _gone = writeln!(io::stderr(), "{}", flow::print::escape_lines(&text));
            error.exit_code()
        }
    }
}

async fn dispatch(args: &Args) -> Result<(), Error> {
    let words: Vec<_> = args.command.iter().map(String::as_str).collect();
    // Listened for before anything is printed: whoever sees the first line may press Ctrl-C.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let work = async {
        match &words[..] {
            ["observe"] => observe::run(args).await,
            ["top"] => top::run(args).await,
            ["status"] => status::run(args).await,
            ["list", "nodes"] => list::nodes(args).await,
            ["list", "namespaces"] => list::namespaces(args).await,
            ["policy", "get"] => policy::policies(args).await,
            ["policy", "wait"] => policy::wait(args).await,
            ["endpoint", "list" | "get"] => policy::endpoints(args).await,
            ["identity", "list" | "get"] => policy::identities(args).await,
            ["policy", "validate"] => policy::validate(args).await,
            ["policy", "trace"] => policy::trace(args).await,
            ["watch", "peers"] => watch::peers(args).await,
            ["completion"] => completion(args.rest.first().map_or("", |shell| shell)),
            _ => Ok(writeln!(
                io::stdout(),
                "flows {} on {}/{}",
                env!("CARGO_PKG_VERSION"),
                std::env::consts::OS,
                std::env::consts::ARCH
            )?),
        }
    };
    tokio::select! {
        done = work => done,
        // What was printed so far has been flushed: printing happens between waits.
        _ = interrupt.recv() => Ok(()),
    }
}

fn completion(shell: &str) -> Result<(), Error> {
    let shell: clap_complete::Shell = shell.parse().map_err(Error::Usage)?;
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command(), "flows", &mut script);
    Ok(io::stdout().write_all(&script)?)
}

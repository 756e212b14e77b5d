//! flows: the command line.
//!
//! ```text
//! args         the commands, parsed, and which function runs each
//! observe      request -> server or file -> print
//! incidents    what is denied, by cause          explain   why a connection was decided so
//! top          flows on a terminal, live
//! policy       trace, validate, what is in force: of a directory or a server
//! status, list, watch   of a server
//! config       the file of contexts                  contexts   flows config
//! words        of kubectl, cilium and hubble         help       -h
//! complete     values for the shells' completion     plain      mistakes in plain words
//! filter_args  filter flags, in order                connect  flags that name the server
//! flag         values of flags, as Go reads them     text, table  what people read, and what fits
//! ```

mod args;
mod complete;
mod config;
mod connect;
mod contexts;
mod error;
mod explain;
mod filter_args;
mod flag;
mod help;
mod history;
mod incidents;
mod line;
mod list;
mod observe;
mod plain;
mod policy;
mod status;
mod table;
mod text;
mod time_args;
mod top;
mod version;
mod watch;
mod words;

use std::{
    ffi::OsString,
    io::{self, Write},
};

use tokio::signal::unix::{SignalKind, signal};

pub use args::command;
use args::{Cli, ParseOutcome};
pub use error::Error;

/// Runs a command line (with the program's name first) and returns the exit code: 0, or 1 (2 where
/// help says so) with a line on standard error, and maybe one that says what to do instead. A reader that goes away ends it quietly; so does Ctrl-C.
pub async fn run(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let result = match args::parse(arguments) {
        Ok(command) => run_command(&command).await,
        Err(ParseOutcome::Text(text)) => write!(anstream::stdout(), "{text}").map_err(Error::from),
        Err(ParseOutcome::Mistake(line, None)) => Err(Error::Usage(line)),
        Err(ParseOutcome::Mistake(line, Some(hint))) => Err(Error::Hinted(line, hint)),
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

async fn run_command(command: &Cli) -> Result<(), Error> {
    // Listened for before anything is printed: whoever sees the first line may press Ctrl-C.
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        done = command.run() => done.map_err(|error| command.in_its_words(error)),
        // What was printed so far has been flushed: printing happens between waits.
        _ = interrupt.recv() => Ok(()),
    }
}

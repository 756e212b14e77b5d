//! What may stand at the end of a command line: commands, flags, and their values, live ones of the server too.
//!
//! ```text
//! the shell's script -- words --> place   which command, and what is being typed: of which kind
//!                                 values  what may stand there: known here, or asked of the server
//! ```

mod kind;
mod place;
mod values;

use std::{
    io::{self, Write},
    time::Duration,
};

use clap::Command;
use clap_complete::Shell;

use crate::{connect::ServerArgs, error::Error, line::line};
use place::{Place, Typed};
use values::{Live, Proposal};

pub(crate) const EXAMPLES: &str = "Examples:
  source <(flows completion bash)                    in ~/.bashrc
  source <(flows completion zsh)                     in ~/.zshrc, behind compinit
  flows completion fish > ~/.config/fish/completions/flows.fish
In bash, zsh and fish the values of flags are completed, too: pods, policies and labels are asked of the
server, for at most a second.";

/// How long a server may take: somebody waits with a finger on the key.
const PATIENCE: Duration = Duration::from_millis(1000);
/// Most proposals.
const MOST: usize = 500;

/// What was typed so far.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// the line up to the cursor, as bash has it; words are read from it
    #[arg(long)]
    line: Option<String>,
    /// the words up to the cursor, without the program; the last one is being typed
    #[arg(last = true)]
    words: Vec<String>,
}

/// Prints proposals, a line each with a tab in front of what is said about it. A line that begins with a
/// colon tells the script: `:files` that files may stand there, `:nospace` that a word may go on.
pub(crate) async fn run(args: &Args, mut root: Command, server: &ServerArgs) -> Result<(), Error> {
    root.build();
    let typed = match &args.line {
        Some(line) => Typed::from_line(line),
        None => Typed::from_words(&args.words),
    };
    let Some(place) = Place::find(&root, &typed) else {
        return Ok(());
    };
    let server = server.clone().of_line(&place.server);
    let live = match place.kind.asks_server() {
        true => Live::ask(&server, PATIENCE, &place.kind).await,
        false => Live::default(),
    };
    let found = values::proposals(&place, &live, &server);
    let mut out = io::stdout().lock();
    Ok(write(&mut out, &place, &found, args.line.is_some())?)
}

fn write(
    out: &mut dyn Write,
    place: &Place<'_>,
    found: &[Proposal],
    in_bash: bool,
) -> io::Result<()> {
    if place.kind.is_file() {
        writeln!(out, ":files")?;
    }
    if place.kind.goes_on() || found.iter().any(|found| found.text.ends_with([':', '='])) {
        writeln!(out, ":nospace")?;
    }
    // Bash replaces what is behind the last of these letters, unless the word is in quotes.
    let kept = match in_bash && !place.in_quotes {
        true => place.typed.rfind(['=', ':']).map_or(0, |at| at + 1),
        false => 0,
    };
    for Proposal { text, about } in found.iter().take(MOST) {
        let whole = format!("{}{text}", place.front);
        let Some(rest) = whole.get(kept..).filter(|rest| !rest.is_empty()) else {
            continue;
        };
        match about.is_empty() || in_bash {
            true => line!(out, "{rest}")?,
            false => writeln!(
                out,
                "{}\t{}",
                flow::print::escape(rest),
                flow::print::escape(about)
            )?,
        }
    }
    Ok(())
}

/// The script of a shell.
pub(crate) fn script(shell: Shell, mut root: Command) -> Result<(), Error> {
    let mut script = Vec::new();
    match shell {
        Shell::Bash => script.extend_from_slice(include_bytes!("complete/flows.bash")),
        Shell::Zsh => script.extend_from_slice(include_bytes!("complete/flows.zsh")),
        Shell::Fish => script.extend_from_slice(include_bytes!("complete/flows.fish")),
        // Of these, commands and flags.
        Shell::Elvish | Shell::PowerShell | _ => {
            clap_complete::generate(shell, &mut root, "flows", &mut script)
        }
    }
    Ok(io::stdout().write_all(&script)?)
}

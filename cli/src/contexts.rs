//! `flows config`: the contexts of the user's file, with kubectl's words.

use std::io::{self, Write};

use crate::{
    config::{Change, Contexts, key, quoted},
    connect::ServerArgs,
    error::Error,
    flag::{self, Given, Switch},
    line::line,
    table,
};

/// What to do with the file.
#[derive(Clone, Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Show the file: contexts, and which is the current one
    View,
    /// List the contexts
    #[command(visible_alias = "contexts")]
    GetContexts,
    /// Print the name of the current context
    CurrentContext,
    /// Make a context the current one
    #[command(visible_alias = "use")]
    UseContext {
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Make or change a context: its --server or --lab, and --namespace
    #[command(after_help = "Examples:
  flows config set-context prod --server localhost:4245 --namespace shop
  flows config set-context demo --lab demo
  flows config set-context --current --namespace data
An empty value takes one out: --namespace ''.")]
    SetContext(SetArgs),
    /// Take a context out of the file
    DeleteContext {
        #[arg(value_name = "NAME")]
        name: String,
    },
}

/// Flags of `set-context`; the server's are those of all commands.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct SetArgs {
    /// name of the context
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// change the current context
    #[arg(long)]
    current: Option<Given<Switch>>,
    /// what names of pods and services without a namespace are of
    #[arg(short, long, value_name = "NS")]
    namespace: Option<String>,
}

/// Does it.
pub(crate) fn run(command: &Command, server: &ServerArgs) -> Result<(), Error> {
    let mut out = io::stdout().lock();
    let mut file = server.config_file(matches!(command, Command::SetContext(_)))?;
    match command {
        Command::View if file.contexts == Contexts::default() => {
            let path = file.path.display();
            line!(
                io::stderr(),
                "{path} has no contexts; flows config set-context NAME --server ADDRESS makes one"
            )?;
        }
        Command::View => view(&mut out, &file.contexts)?,
        Command::GetContexts => list(&mut out, &file.contexts)?,
        Command::CurrentContext => match &file.contexts.current {
            Some(current) => line!(out, "{current}")?,
            None => {
                return Err(Error::Hinted(
                    "no context is the current one".to_owned(),
                    "flows config use-context NAME".to_owned(),
                ));
            }
        },
        Command::UseContext { name } => {
            if !file.contexts.contexts.contains_key(name) {
                return Err(Error::Usage(file.no_context(name)));
            }
            file.set_current(Some(name))?;
            line!(out, "Switched to context {name:?}.")?;
        }
        Command::SetContext(args) => {
            let current = flag::is_on(&args.current)?;
            let name = match (&args.name, current, &file.contexts.current) {
                (Some(name), false, _) => name.clone(),
                (None, true, Some(current)) => current.clone(),
                (None, true, None) => {
                    return Err(Error::Usage("no context is the current one".to_owned()));
                }
                _ => {
                    return Err(Error::Hinted(
                        "name a context, or --current".to_owned(),
                        "flows config set-context NAME --server ADDRESS".to_owned(),
                    ));
                }
            };
            let (address, lab) = server.given();
            let mut changes: Vec<Change<'_>> = Vec::new();
            // One is taken out before the other comes in.
            match (address, lab) {
                (Some(address), _) => changes.extend([("lab", None), ("server", some(address))]),
                (None, Some(lab)) => changes.extend([("server", None), ("lab", some(lab))]),
                (None, None) => {}
            }
            if let Some(namespace) = &args.namespace {
                changes.push(("namespace", some(namespace)));
            }
            let known = file.contexts.contexts.contains_key(&name);
            file.set_context(&name, &changes)?;
            let done = if known { "modified" } else { "created" };
            line!(out, "Context {name:?} {done} in {}.", file.path.display())?;
            if !known && file.contexts.current.is_none() {
                line!(
                    out,
                    "`flows config use-context {name}` makes it the current one."
                )?;
            }
        }
        Command::DeleteContext { name } => {
            if !file.contexts.contexts.contains_key(name) {
                return Err(Error::Usage(file.no_context(name)));
            }
            file.delete_context(name)?;
            if file.contexts.current.as_ref() == Some(name) {
                file.set_current(None)?;
            }
            line!(
                out,
                "Deleted context {name:?} from {}.",
                file.path.display()
            )?;
        }
    }
    Ok(())
}

fn some(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

fn view(out: &mut dyn Write, contexts: &Contexts) -> io::Result<()> {
    if let Some(current) = &contexts.current {
        line!(out, "current-context = {}", quoted(current))?;
    }
    for (at, (name, context)) in contexts.contexts.iter().enumerate() {
        if at > 0 || contexts.current.is_some() {
            writeln!(out)?;
        }
        line!(out, "[contexts.{}]", key(name))?;
        for (name, value) in [
            ("server", &context.server),
            ("lab", &context.lab),
            ("namespace", &context.namespace),
        ] {
            if let Some(value) = value {
                line!(out, "{name} = {}", quoted(value))?;
            }
        }
    }
    Ok(())
}

fn list(out: &mut dyn Write, contexts: &Contexts) -> io::Result<()> {
    let row = |cells: [&str; 4]| cells.map(str::to_owned).to_vec();
    let mut rows = vec![row(["CURRENT", "NAME", "SERVER", "NAMESPACE"])];
    for (name, context) in &contexts.contexts {
        let current = contexts.current.as_ref() == Some(name);
        let server = match (&context.server, &context.lab) {
            (Some(server), _) => server.clone(),
            (None, Some(lab)) => format!("lab {lab}"),
            (None, None) => String::new(),
        };
        let namespace = context.namespace.as_deref().unwrap_or_default();
        let mark = if current { "*" } else { "" };
        rows.push(row([mark, name, &server, namespace]));
    }
    table::write(out, &rows)
}

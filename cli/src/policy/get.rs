//! `flows policy get`: the policies in force, and how often each rule decided.

use std::io::{self, Write};

use explain::proto::{direction_text, path_text};
use flow::print::escape_lines;
use proto::flows::v1::PolicyState;

use super::list::{as_json, notes, or_none, row, similar};
use super::manifests;
use crate::{
    connect::ServerArgs,
    error::Error,
    flag::{self, Given, Value, no_format, or_environment},
    line::line,
    table, text,
};

/// Show the enforced policies and how often each rule decided
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// text, json, or yaml: the manifests as they are enforced [default: text]
    #[arg(short, long, value_name = "FORMAT", help_heading = "Output")]
    output: Option<Given<Format>>,
    /// one policy: web, shop/web or 'cnp shop/web'
    #[arg(value_name = "NAME")]
    name: Option<String>,
}

/// How policies are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Text,
    Json,
    Yaml,
}

impl Value for Format {
    const NAMES: &'static [&'static str] = &["text", "json", "yaml"];

    fn read(_: &str, text: &str) -> Result<Self, (String, Option<String>)> {
        match text {
            "text" => Ok(Self::Text),
            "json" | "JSON" => Ok(Self::Json),
            "yaml" | "YAML" => Ok(Self::Yaml),
            other => Err(no_format(other, "text, json, yaml")),
        }
    }
}

/// Whether a policy, `cnp shop/web`, is meant by `cnp shop/web`, `shop/web` or `web`.
fn is_named(full: &str, name: &str) -> bool {
    let bare = full.split_once(' ').map_or(full, |(_, name)| name);
    let last = bare.rsplit('/').next().unwrap_or(bare);
    [full, bare, last].contains(&name)
}

fn no_policy(name: &str, known: &[String]) -> Error {
    Error::Usage(format!(
        "no policy {name} is enforced{}",
        similar(name, known)
    ))
}

/// Prints the manifests of all policies, or of those of a name, as documents of one file.
async fn print_manifests(name: Option<&str>, server: &ServerArgs) -> Result<(), Error> {
    let manifests = manifests::of_server(server).await?;
    let all = manifests.inputs.state.policies.iter();
    let all: Vec<_> = all.map(|(of, policy)| (of.to_string(), policy)).collect();
    let wanted = all
        .iter()
        .filter(|(full, _)| name.is_none_or(|name| is_named(full, name)));
    let wanted: Vec<_> = wanted.collect();
    if let (Some(name), []) = (name, wanted.as_slice()) {
        let known: Vec<String> = all.into_iter().map(|(full, _)| full).collect();
        return Err(no_policy(name, &known));
    }
    let mut out = io::stdout().lock();
    for (at, (full, policy)) in wanted.into_iter().enumerate() {
        if at > 0 {
            writeln!(out, "---")?;
        }
        line!(out, "# {full}, from {}", policy.origin)?;
        write!(out, "{}", escape_lines(&policy.document.to_yaml()))?;
    }
    Ok(())
}

/// Shows all policies, or those of a name.
pub(crate) async fn run(args: &Args, server: &ServerArgs) -> Result<(), Error> {
    let format = flag::get(&or_environment(&args.output, "output"))?.unwrap_or(Format::Text);
    if format == Format::Yaml {
        return print_manifests(args.name.as_deref(), server).await;
    }
    let answer = server.connect().await?.get_policies().await;
    let answer = answer.map_err(Error::Request)?;
    notes(&answer.notes);
    let mut policies = answer.policies;
    let known: Vec<String> = policies
        .iter()
        .map(|policy| policy.policy.clone())
        .collect();
    if let Some(name) = &args.name {
        policies.retain(|policy| is_named(&policy.policy, name));
        if policies.is_empty() {
            return Err(no_policy(name, &known));
        }
    }
    let mut out = anstream::stdout().lock();
    if format == Format::Json {
        return Ok(as_json(&mut out, &policies)?);
    }
    if args.name.is_none() {
        list_policies(&mut out, &policies)?;
    } else {
        show_policies(&mut out, &policies)?;
    }
    Ok(())
}

fn list_policies(out: &mut dyn Write, policies: &[PolicyState]) -> io::Result<()> {
    let mut rows = vec![row([
        "POLICY",
        "PODS",
        "RULES",
        "NEVER HIT",
        "DECISIONS",
        "MEANING",
    ])];
    for policy in policies {
        let hits: u64 = policy.rules.iter().map(|rule| rule.decisions).sum();
        let never = policy.rules.iter().filter(|rule| rule.decisions == 0);
        let stale = match policy.stale {
            true => "(last good form) ",
            false => "",
        };
        rows.push(vec![
            policy.policy.clone(),
            policy.selects.len().to_string(),
            policy.rules.len().to_string(),
            never.count().to_string(),
            text::grouped(hits),
            format!("{stale}{}", policy.meaning),
        ]);
    }
    table::write_fitted(out, &rows)
}

/// The rules of layer 7, with what they decided; nothing of a policy without any.
fn show_layer7(out: &mut dyn Write, policy: &PolicyState) -> io::Result<()> {
    let mut rows = vec![row([
        "RULE OF LAYER 7",
        "ALLOWS",
        "REQUESTS",
        "DENIED, NEAREST",
    ])];
    for item in policy.rules.iter().flat_map(|rule| &rule.layer7) {
        rows.push(vec![
            path_text(item.path.as_ref()),
            item.text.clone(),
            match item.allowed {
                0 => "never hit".to_owned(),
                n => text::grouped(n),
            },
            text::grouped(item.denied),
        ]);
    }
    if rows.len() > 1 {
        writeln!(out)?;
        table::write(out, &rows)?;
    }
    Ok(())
}

fn show_policies(out: &mut dyn Write, policies: &[PolicyState]) -> io::Result<()> {
    for (n, policy) in policies.iter().enumerate() {
        if n > 0 {
            writeln!(out)?;
        }
        line!(out, "Policy:   {}", policy.policy)?;
        line!(out, "Version:  {} ({})", policy.version, policy.place)?;
        if policy.stale {
            line!(
                out,
                "          the current version is refused: this is the last good one"
            )?;
        }
        line!(out, "Meaning:  {}", policy.meaning)?;
        line!(out, "Selects:  {}", or_none(&policy.selects.join(", ")))?;
        writeln!(out)?;
        let mut rows = vec![row([
            "RULE",
            "",
            "ABOUT",
            "DECISIONS",
            "OPEN CONNECTIONS",
            "THEIR BYTES",
        ])];
        for rule in &policy.rules {
            rows.push(vec![
                path_text(rule.path.as_ref()),
                match (rule.deny, direction_text(rule.direction())) {
                    (true, direction) => format!("denies {direction}"),
                    (false, direction) => format!("allows {direction}"),
                },
                rule.text.clone(),
                match rule.decisions {
                    0 => "never hit".to_owned(),
                    n => text::grouped(n),
                },
                text::grouped(rule.connections),
                text::grouped(rule.bytes),
            ]);
        }
        table::write(out, &rows)?;
        show_layer7(out, policy)?;
    }
    Ok(())
}

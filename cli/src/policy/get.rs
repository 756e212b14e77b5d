//! `flows policy get`: the policies in force, and how often each rule decided.

use std::io::{self, Write};

use explain::proto::{direction_text, path_text};
use proto::flows::v1::PolicyState;

use super::list::{OutputArgs, as_json, notes, or_none, row, similar};
use crate::{connect::ServerArgs, error::Error, line::line, table, text};

/// Show the enforced policies and how often each rule decided
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    output: OutputArgs,
    /// one policy: web, shop/web or 'cnp shop/web'
    #[arg(value_name = "NAME")]
    name: Option<String>,
}

/// Shows all policies, or those of a name.
pub(crate) async fn run(args: &Args, server: &ServerArgs) -> Result<(), Error> {
    let json = args.output.is_json()?;
    let answer = server.connect().await?.get_policies().await;
    let answer = answer.map_err(Error::Request)?;
    notes(&answer.notes);
    let mut policies = answer.policies;
    let known: Vec<String> = policies
        .iter()
        .map(|policy| policy.policy.clone())
        .collect();
    if let Some(name) = &args.name {
        // `cnp shop/web`, `shop/web` or `web`.
        policies.retain(|policy| {
            let full = &policy.policy;
            let bare = full.split_once(' ').map_or(&**full, |(_, name)| name);
            let last = bare.rsplit('/').next().unwrap_or(bare);
            [full, bare, last].contains(&name.as_str())
        });
        if policies.is_empty() {
            return Err(Error::Usage(format!(
                "no policy {name} is enforced{}",
                similar(name, &known)
            )));
        }
    }
    let mut out = anstream::stdout().lock();
    if json {
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
    table::write(out, &rows)
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
    }
    Ok(())
}

//! `flows policy get`, `flows endpoint`, `flows identity`, `flows policy wait`: what is in force.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    time::Duration,
};

use cluster::spelling::closest;
use explain::proto::{direction_text, path_text};
use flow::print::escape;
use proto::flow::TrafficDirection;
use proto::flows::v1::{EndpointState, IdentityState, PolicyState, TableEntry};
use serde::Serialize;

use super::{json, server};
use crate::{args::Args, connect::request_timeout, error::Error, line::line, status, table, text};

/// `flows policy get [NAME]`.
pub(crate) async fn policies(args: &Args) -> Result<(), Error> {
    let json = json(args)?;
    let answer = server(args).await?.get_policies().await;
    let answer = answer.map_err(Error::Request)?;
    notes(&answer.notes);
    let mut policies = answer.policies;
    let known: Vec<String> = policies
        .iter()
        .map(|policy| policy.policy.clone())
        .collect();
    if let Some(name) = args.rest.first() {
        // `cnp shop/web`, `shop/web` or `web`.
        policies.retain(|policy| {
            let full = &policy.policy;
            let bare = full.split_once(' ').map_or(&**full, |(_, name)| name);
            let last = bare.rsplit('/').next().unwrap_or(bare);
            [full, bare, last].contains(&name.as_str())
        });
        if policies.is_empty() {
            return Err(Error::Usage(format!(
                "no policy {name} is in force{}",
                did_you_mean(name, &known)
            )));
        }
    }
    let mut out = anstream::stdout().lock();
    if json {
        return Ok(as_json(&mut out, &policies)?);
    }
    if args.rest.is_empty() {
        list_policies(&mut out, &policies)?;
    } else {
        show_policies(&mut out, &policies)?;
    }
    Ok(())
}

/// `flows endpoint list`, `flows endpoint get POD`.
pub(crate) async fn endpoints(args: &Args) -> Result<(), Error> {
    let json = json(args)?;
    let pod = args.rest.first().cloned().unwrap_or_default();
    let server = server(args).await?;
    let answer = server.list_endpoints(&pod).await.map_err(Error::Request)?;
    notes(&answer.notes);
    let endpoints = answer.endpoints;
    if !pod.is_empty() && endpoints.is_empty() {
        let all = server
            .list_endpoints("")
            .await
            .map_err(Error::Request)?
            .endpoints;
        let known: Vec<String> = all.into_iter().map(|endpoint| endpoint.pod).collect();
        let who = match answer.notes.is_empty() {
            true => "no node",
            false => "no node that answered",
        };
        return Err(Error::Usage(format!(
            "{who} has a pod {pod}{}; flows endpoint list shows them all",
            did_you_mean(&pod, &known)
        )));
    }
    let mut out = anstream::stdout().lock();
    if json {
        return Ok(as_json(&mut out, &endpoints)?);
    }
    if pod.is_empty() {
        list_endpoints(&mut out, &endpoints)?;
    } else {
        show_endpoints(&mut out, &endpoints)?;
    }
    Ok(())
}

/// `flows identity list`, `flows identity get NUMBER`.
pub(crate) async fn identities(args: &Args) -> Result<(), Error> {
    let json = json(args)?;
    let identity = match args.rest.first() {
        None => 0,
        Some(text) => match text.parse() {
            Ok(number) if number > 0 => number,
            _ => {
                return Err(Error::Usage(format!(
                    "{text:?} is not an identity: give its number, as in flows identity list"
                )));
            }
        },
    };
    let answer = server(args).await?.list_identities(identity).await;
    let answer = answer.map_err(Error::Request)?;
    notes(&answer.notes);
    let identities = answer.identities;
    if identity > 0 && identities.is_empty() {
        return Err(Error::Usage(format!("no node knows identity {identity}")));
    }
    let mut out = anstream::stdout().lock();
    if json {
        return Ok(as_json(&mut out, &identities)?);
    }
    if identity == 0 {
        list_identities(&mut out, &identities)?;
    } else {
        show_identities(&mut out, &identities)?;
    }
    Ok(())
}

/// `flows policy wait`.
pub(crate) async fn wait(args: &Args) -> Result<(), Error> {
    let revision = args.number("revision")?.unwrap_or(0);
    let revision = u32::try_from(revision).map_err(|_too_large| {
        Error::Usage(format!("{revision} is not a revision: it is too large"))
    })?;
    let patience = request_timeout(args)?;
    let server = server(args).await?;
    let answer = server.wait_revision(revision, BTreeMap::new(), patience);
    let answer = answer.await.map_err(|error| {
        let words = error.message();
        let says_how_far = words.contains("revision") || words.contains("nodes have it");
        if error.is_deadline() && says_how_far {
            let patience = seconds(patience);
            Error::Usage(format!(
                "not in force within {patience} (--request-timeout): {words}"
            ))
        } else {
            Error::Request(error)
        }
    })?;
    // What is waited for may be in force and much else not. Of a certain revision only that is asked.
    let degraded = match revision {
        0 => {
            let ours = status::ours(&server).await?;
            status::health::degraded(None, ours.as_ref())
        }
        _ => Vec::new(),
    };
    let mut out = io::stdout().lock();
    let node = &answer.node_name;
    for (n, line) in degraded.iter().enumerate() {
        let head = if n == 0 { "Degraded: " } else { "  " };
        line!(out, "{head}{line}")?;
    }
    if !node.is_empty() {
        line!(out, "{node} is at revision {}", answer.revision)?;
    } else if degraded.is_empty() {
        line!(out, "in force on all nodes")?;
    }
    for node in &answer.nodes {
        line!(out, "{} is at revision {}", node.node_name, node.revision)?;
    }
    match degraded.is_empty() {
        true => Ok(()),
        false => Err(Error::Answered(1)),
    }
}

/// What has to be known to take an answer right; aside, so that what reads the answer can go on.
fn notes(notes: &[String]) {
    let mut err = io::stderr().lock();
    for note in notes {
        // Nowhere to complain to when standard error is gone as well.
        let _gone = line!(err, "Note: {note}");
    }
}

/// Names that may be meant by one that nobody has: those that hold it, or the one spelled most like it.
fn did_you_mean(name: &str, known: &[String]) -> String {
    /// Those that are shown.
    const MOST: usize = 4;
    // They stand in an error, which may have several lines.
    let known: Vec<String> = known.iter().map(|name| escape(name)).collect();
    let bare = |full: &str| full.rsplit([' ', '/']).next().unwrap_or(full).to_owned();
    let holding: Vec<&str> = known
        .iter()
        .filter(|full| full.contains(name) || name.contains('/') && bare(full) == bare(name))
        .map(String::as_str)
        .collect();
    if let Some((last, others)) = holding[..holding.len().min(MOST)].split_last() {
        return match others {
            [] => format!("; did you mean {last}?"),
            others => format!("; did you mean {} or {last}?", others.join(", ")),
        };
    }
    let names: Vec<String> = known.iter().map(|full| bare(full)).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let near = closest(&bare(name), &names);
    let at = near.and_then(|near| names.iter().position(|known| *known == near));
    at.map(|at| format!("; did you mean {}?", known[at]))
        .unwrap_or_default()
}

fn seconds(time: Duration) -> String {
    format!("{} s", time.as_secs_f64())
}

fn as_json<T: Serialize>(out: &mut dyn Write, list: &[T]) -> io::Result<()> {
    proto::json::write_pretty(out, list)
}

fn row<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).to_vec()
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
                "          its present form is refused: this is the last good one"
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

fn or_none(text: &str) -> &str {
    if text.is_empty() { "none" } else { text }
}

fn enforced(ingress: bool, egress: bool) -> &'static str {
    match (ingress, egress) {
        (true, true) => "both",
        (true, false) => "ingress",
        (false, true) => "egress",
        (false, false) => "none",
    }
}

fn list_endpoints(out: &mut dyn Write, endpoints: &[EndpointState]) -> io::Result<()> {
    let mut rows = vec![row([
        "NODE", "POD", "IDENTITY", "IPS", "ENFORCED", "POLICIES",
    ])];
    for endpoint in endpoints {
        rows.push(vec![
            endpoint.node_name.clone(),
            endpoint.pod.clone(),
            endpoint.identity.to_string(),
            endpoint.ips.join(","),
            enforced(endpoint.ingress_enforced, endpoint.egress_enforced).to_owned(),
            or_none(&endpoint.policies.join(", ")).to_owned(),
        ]);
    }
    table::write(out, &rows)
}

fn show_endpoints(out: &mut dyn Write, endpoints: &[EndpointState]) -> io::Result<()> {
    for endpoint in endpoints {
        line!(out, "Pod:       {} on {}", endpoint.pod, endpoint.node_name)?;
        line!(out, "IPs:       {}", endpoint.ips.join(", "))?;
        line!(out, "Identity:  {}", endpoint.identity)?;
        for label in &endpoint.labels {
            line!(out, "           {label}")?;
        }
        line!(out, "Policies:  {}", or_none(&endpoint.policies.join(", ")))?;
        for (direction, enforced, default) in [
            (
                TrafficDirection::Ingress,
                endpoint.ingress_enforced,
                &endpoint.ingress_default,
            ),
            (
                TrafficDirection::Egress,
                endpoint.egress_enforced,
                &endpoint.egress_default,
            ),
        ] {
            let word = match direction {
                TrafficDirection::Ingress => "Ingress:  ",
                TrafficDirection::Egress | TrafficDirection::Unknown => "Egress:   ",
            };
            let how = match enforced {
                true => "enforced; where nothing below matches",
                false => "not enforced",
            };
            writeln!(out)?;
            line!(out, "{word} {how}: {default}")?;
            entries(out, &endpoint.entries, direction)?;
        }
    }
    Ok(())
}

fn entries(out: &mut dyn Write, all: &[TableEntry], direction: TrafficDirection) -> io::Result<()> {
    let own = all.iter().filter(|entry| entry.direction() == direction);
    let own: Vec<&TableEntry> = own.collect();
    if own.is_empty() {
        return Ok(());
    }
    let mut rows = vec![row([
        "  VERDICT",
        "IDENTITY",
        "PEER",
        "PORT",
        "DECISIONS",
        "RULE",
    ])];
    for entry in own {
        rows.push(vec![
            match entry.deny {
                true => "  deny".to_owned(),
                false => "  allow".to_owned(),
            },
            match entry.identity {
                0 => "any".to_owned(),
                number => number.to_string(),
            },
            peer(&entry.labels),
            entry.port.clone(),
            match entry.decisions {
                0 => "never hit".to_owned(),
                n => text::grouped(n),
            },
            entry.text.clone(),
        ]);
    }
    table::write(out, &rows)
}

/// Labels without those that all pods of a namespace and a cluster have.
fn peer(labels: &[String]) -> String {
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

fn list_identities(out: &mut dyn Write, identities: &[IdentityState]) -> io::Result<()> {
    let mut rows = vec![row(["IDENTITY", "PODS", "POLICIES", "LABELS"])];
    for identity in identities {
        rows.push(vec![
            identity.identity.to_string(),
            identity.pods.len().to_string(),
            identity.policies.len().to_string(),
            peer(&identity.labels),
        ]);
    }
    table::write(out, &rows)
}

fn show_identities(out: &mut dyn Write, identities: &[IdentityState]) -> io::Result<()> {
    for identity in identities {
        line!(out, "Identity:  {}", identity.identity)?;
        for (n, label) in identity.labels.iter().enumerate() {
            let head = if n == 0 { "Labels:    " } else { "           " };
            line!(out, "{head}{label}")?;
        }
        line!(out, "Pods:      {}", or_none(&identity.pods.join(", ")))?;
        line!(out, "Policies:  {}", or_none(&identity.policies.join(", ")))?;
    }
    Ok(())
}

//! `flows endpoint`: pods as the nodes enforce policy for them.

use std::io::{self, Write};

use proto::flow::TrafficDirection;
use proto::flows::v1::{EndpointState, TableEntry};

use super::list::{OutputArgs, as_json, notes, or_none, peer, row, similar};
use crate::{connect::ServerArgs, error::Error, line::line, table, text};

/// List the pods: identity, what is enforced, policies that select them
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    output: OutputArgs,
}

/// Show a pod's labels, and its table with the rules behind each entry
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct GetArgs {
    #[command(flatten)]
    output: OutputArgs,
    #[arg(value_name = "NAMESPACE/NAME")]
    pub(crate) pod: String,
}

/// Lists the pods.
pub(crate) async fn list(args: &ListArgs, server: &ServerArgs) -> Result<(), Error> {
    print(&args.output, "", server).await
}

/// Shows a pod.
pub(crate) async fn get(args: &GetArgs, server: &ServerArgs) -> Result<(), Error> {
    print(&args.output, &args.pod, server).await
}

/// Prints one pod, or all if the name is empty.
async fn print(output: &OutputArgs, pod: &str, server: &ServerArgs) -> Result<(), Error> {
    let json = output.is_json()?;
    let server = server.connect().await?;
    let answer = server.list_endpoints(pod).await.map_err(Error::Request)?;
    notes(&answer.notes);
    let mut endpoints = answer.endpoints;
    if !pod.is_empty() && endpoints.is_empty() {
        let all = server.list_endpoints("").await.map_err(Error::Request)?;
        let (named, all) = all.endpoints.into_iter().partition(|endpoint| {
            let own = endpoint.pod.split_once('/').map(|(_, own)| own);
            own == Some(pod)
        });
        let (named, mut all): (Vec<EndpointState>, Vec<EndpointState>) = (named, all);
        match named.as_slice() {
            // A name without its namespace, which only one pod has.
            [first, rest @ ..] if rest.iter().all(|other| other.pod == first.pod) => {
                endpoints = named;
            }
            _ => all.extend(named),
        }
        if endpoints.is_empty() {
            return Err(no_pod(pod, &answer.notes, all));
        }
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

/// That no node has a pod, and which may be meant.
fn no_pod(pod: &str, notes: &[String], all: Vec<EndpointState>) -> Error {
    let known: Vec<String> = all.into_iter().map(|endpoint| endpoint.pod).collect();
    let who = match notes.is_empty() {
        true => "no node",
        false => "no node that answered",
    };
    Error::Usage(format!(
        "{who} has a pod {pod}{}; see `flows endpoint list`",
        similar(pod, &known)
    ))
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
    // Names are to be copied from here: none is cut.
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

//! `flows list nodes`, `flows list namespaces`.

use std::io::{self, Write};

use flow::quantity::go_duration;
use proto::{
    observer::{Namespace, Node},
    relay::NodeState,
};
use serde::Serialize;

use crate::{
    connect::ServerArgs,
    error::Error,
    flag::{Given, Value, no_format, or_environment},
    table, text,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Table,
    Wide,
    Json,
}

impl Value for Format {
    const NAMES: &'static [&'static str] = &["table", "wide", "json"];

    fn read(_: &str, text: &str) -> Result<Self, (String, Option<String>)> {
        match text {
            "table" | "tab" => Ok(Self::Table),
            "wide" => Ok(Self::Wide),
            "json" | "JSON" => Ok(Self::Json),
            other => Err(no_format(other, "table, wide, json")),
        }
    }
}

/// Flags of `list nodes` and `list namespaces`.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// table, wide or json [default: table]
    #[arg(short, long, value_name = "FORMAT", help_heading = "Output")]
    output: Option<Given<Format>>,
}

impl Args {
    fn format(&self) -> Result<Format, Error> {
        let output = or_environment(&self.output, "output");
        output.map_or(Ok(Format::Table), |output| output.get())
    }
}

/// Lists the nodes.
pub(crate) async fn nodes(args: &Args, server: &ServerArgs) -> Result<(), Error> {
    let format = args.format()?;
    let mut nodes = server.connect().await?.get_nodes().await?;
    nodes.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(print_nodes(&mut io::stdout().lock(), format, &nodes)?)
}

/// Lists the namespaces.
pub(crate) async fn namespaces(args: &Args, server: &ServerArgs) -> Result<(), Error> {
    let format = args.format()?;
    let namespaces = server.connect().await?.get_namespaces().await?;
    Ok(print_namespaces(
        &mut io::stdout().lock(),
        format,
        &namespaces,
    )?)
}

fn print_nodes(out: &mut dyn Write, format: Format, nodes: &[Node]) -> io::Result<()> {
    if format == Format::Json {
        return json(out, nodes);
    }
    let mut heading = vec!["NAME", "STATUS", "AGE", "FLOWS/S", "CURRENT/MAX-FLOWS"];
    if format == Format::Wide {
        heading.extend(["VERSION", "ADDRESS", "TLS"]);
    }
    let mut rows = vec![heading.into_iter().map(str::to_owned).collect()];
    let or_not = |text: Option<String>| text.unwrap_or_else(|| "N/A".to_owned());
    for node in nodes {
        let state = match node.state() {
            NodeState::NodeConnected => "Connected",
            NodeState::NodeUnavailable => "Unavailable",
            NodeState::NodeGone => "Gone",
            NodeState::NodeError => "Error",
            NodeState::UnknownNodeState => "Unknown",
        };
        let second = 1_000_000_000;
        let age = (node.uptime_ns > 0)
            .then(|| go_duration(node.uptime_ns.saturating_add(second / 2) / second * second));
        let rate = table::rate(node.seen_flows, node.uptime_ns).map(|rate| format!("{rate:.2}"));
        let held = (node.max_flows > 0).then(|| {
            let percent = table::percent(node.num_flows, node.max_flows);
            format!(
                "{}/{} ({percent:.2}%)",
                text::grouped(node.num_flows),
                text::grouped(node.max_flows)
            )
        });
        let mut row = vec![
            node.name.clone(),
            state.to_owned(),
            or_not(age),
            or_not(rate),
            or_not(held),
        ];
        if format == Format::Wide {
            let tls = node
                .tls
                .as_ref()
                .map(|tls| if tls.enabled { "Enabled" } else { "Disabled" });
            let version = Some(node.version.clone()).filter(|version| !version.is_empty());
            row.extend([
                or_not(version),
                node.address.clone(),
                or_not(tls.map(str::to_owned)),
            ]);
        }
        rows.push(row);
    }
    table::write(out, &rows)
}

fn print_namespaces(out: &mut dyn Write, format: Format, list: &[Namespace]) -> io::Result<()> {
    match format {
        Format::Json => json(out, list),
        Format::Table | Format::Wide => {
            let wide = format == Format::Wide;
            let row = |namespace: &str, cluster: &str| {
                let mut row = vec![namespace.to_owned()];
                row.extend(wide.then(|| cluster.to_owned()));
                row
            };
            let rows = list.iter().map(|one| row(&one.namespace, &one.cluster));
            let rows: Vec<_> = std::iter::once(row("NAMESPACE", "CLUSTER"))
                .chain(rows)
                .collect();
            table::write(out, &rows)
        }
    }
}

fn json<T: Serialize>(out: &mut dyn Write, list: &[T]) -> io::Result<()> {
    proto::json::write_pretty(out, list)
}

#[cfg(test)]
mod tests {
    use proto::observer::Tls;

    use super::*;

    #[test]
    fn nodes_are_listed_as_hubble_lists_them() {
        let nodes = [
            Node {
                name: "node-a".to_owned(),
                version: "flows-agent v0.1.0".to_owned(),
                address: "10.0.0.1:4244".to_owned(),
                state: NodeState::NodeConnected.into(),
                tls: Some(Tls::default()),
                uptime_ns: 3_600_400_000_000,
                num_flows: 50,
                max_flows: 4095,
                seen_flows: 7200,
            },
            Node {
                name: "node-b".to_owned(),
                state: NodeState::NodeUnavailable.into(),
                ..Node::default()
            },
        ];
        let mut out = Vec::new();
        print_nodes(&mut out, Format::Wide, &nodes).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "NAME     STATUS        AGE      FLOWS/S   CURRENT/MAX-FLOWS   VERSION              ADDRESS         TLS\n\
             node-a   Connected     1h0m0s   2.00      50/4,095 (1.22%)    flows-agent v0.1.0   10.0.0.1:4244   Disabled\n\
             node-b   Unavailable   N/A      N/A       N/A                 N/A                                  N/A\n"
        );
    }

    #[test]
    fn namespaces_are_listed() {
        let list = [Namespace {
            cluster: "c".to_owned(),
            namespace: "shop".to_owned(),
        }];
        let mut out = Vec::new();
        print_namespaces(&mut out, Format::Table, &list).unwrap();
        print_namespaces(&mut out, Format::Wide, &list).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(
            text,
            "NAMESPACE\nshop\nNAMESPACE   CLUSTER\nshop        c\n"
        );
        let mut out = Vec::new();
        print_namespaces(&mut out, Format::Json, &list).unwrap();
        assert!(
            String::from_utf8(out)
                .unwrap()
                .contains("\"namespace\": \"shop\"")
        );
    }
}

//! A difference for a terminal.

use std::collections::BTreeMap;
use std::sync::Arc;

use explain::connectivity::{PeerGroup, PeerKind};
use explain::diff::{Became, ChangedEnd, FlowChange};
use explain::flow_groups::RecordedPeer;
use explain::trace::PortText;
use flow::print::escape;

use super::report::{ObjectChange, Report, reason_text};
use crate::policy::render;
use crate::text::grouped;

const RED: &str = "\u{1b}[31m";
const GREEN: &str = "\u{1b}[32m";
const BOLD: &str = "\u{1b}[1m";
const PLAIN: &str = "\u{1b}[0m";

/// Rows of recorded connections that are shown.
const CONNECTIONS: usize = 20;
/// Objects of a kind of change that are named before they are counted.
const OBJECTS: usize = 20;

/// The difference. Colours are for the writer to take out.
pub(super) fn show(report: &Report) -> String {
    let mut text = Lines::default();
    for warning in &report.warnings {
        text.plain(&render::one_line(warning));
    }
    text.gap();
    for (change, name, place) in report.objects.iter().take(OBJECTS) {
        let (sign, color) = match change {
            ObjectChange::Added => ("+", GREEN),
            ObjectChange::Changed => ("~", ""),
            ObjectChange::Removed => ("-", RED),
        };
        let place = match place.as_str() {
            "" => String::new(),
            place => format!(" ({place})"),
        };
        text.colored(color, &format!("{sign} {name}{place}"));
    }
    if let Some(more) = report
        .objects
        .len()
        .checked_sub(OBJECTS)
        .filter(|more| *more > 0)
    {
        text.plain(&format!("  and {more} more objects"));
    }
    let names = Names::new(&report.groups);
    for (became, title, sign, color) in [
        (Became::Denied, "Become DENIED", "-", RED),
        (Became::Allowed, "Become ALLOWED", "+", GREEN),
    ] {
        let mut rows = report
            .changes
            .iter()
            .filter(|row| row.became == became)
            .peekable();
        if rows.peek().is_some() {
            text.gap();
            text.colored(BOLD, title);
        }
        for row in rows {
            let (from, to) = (names.list(&row.sources), names.list(&row.destinations));
            text.colored(color, &format!("  {sign} {from} -> {to}: {}", row.ports));
            ends(&mut text, &row.ends);
        }
    }
    impact(&mut text, report);
    text.gap();
    for pod in &report.unmatched {
        text.plain(&format!(
            "Note: pod {pod} is in one of the states only: not compared"
        ));
    }
    text.gap();
    text.plain(&report.summary());
    text.text
}

/// Recorded connections that would change.
fn impact(text: &mut Lines, report: &Report) {
    let Some(summary) = report.impact_summary() else {
        return;
    };
    text.gap();
    text.colored(BOLD, &summary);
    let changes = report.impact.iter().flat_map(|(impact, _)| &impact.changes);
    for change in changes.clone().take(CONNECTIONS) {
        let (sign, color) = match change.became {
            Became::Denied => ("-", RED),
            Became::Allowed => ("+", GREEN),
        };
        text.colored(color, &format!("  {sign} {}", connections(change)));
        ends(text, &change.ends);
    }
    if let Some(more) = changes
        .count()
        .checked_sub(CONNECTIONS)
        .filter(|more| *more > 0)
    {
        text.plain(&format!("  and {more} more rows (-o json has all)"));
    }
    for note in report.impact_notes() {
        text.plain(&format!("Note: {note}"));
    }
}

/// `1,204 shop/web -> shop/db: 5432/TCP, such as shop/web-abc -> shop/db-0`.
pub(super) fn connections(change: &FlowChange) -> String {
    let port = PortText {
        protocol: change.protocol,
        port: change.port,
    };
    let [from, to] = change.example.each_ref().map(example);
    format!(
        "{} {} -> {}: {port}, such as {from} -> {to}",
        grouped(change.connections),
        change.source.name,
        change.destination.name
    )
}

fn example(peer: &RecordedPeer) -> String {
    match (peer.pod_name.as_str(), peer.ip.as_str()) {
        ("", ip) => ip.to_owned(),
        (pod, "") => format!("{}/{pod}", peer.namespace),
        (pod, ip) => format!("{}/{pod} ({ip})", peer.namespace),
    }
}

fn ends(text: &mut Lines, ends: &[ChangedEnd]) {
    for end in ends {
        for (when, reason) in [("before:", &end.before), ("after: ", &end.after)] {
            let (direction, reason) = (end.direction, reason_text(reason.as_ref()));
            text.plain(&format!("      {direction}, {when} {reason}"));
        }
    }
}

/// Lines in which nothing can steer a terminal.
#[derive(Default)]
struct Lines {
    text: String,
}

impl Lines {
    fn plain(&mut self, line: &str) {
        self.colored("", line);
    }

    fn colored(&mut self, color: &str, line: &str) {
        let plain = if color.is_empty() { "" } else { PLAIN };
        self.text
            .push_str(&format!("{color}{}{plain}\n", escape(line)));
    }

    /// An empty line, but not two and not at the beginning.
    fn gap(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }
}

/// Names of groups; all of a namespace are one.
pub(in crate::policy) struct Names {
    by_namespace: BTreeMap<Arc<str>, usize>,
}

/// Names that are spelled out where not all of a namespace are meant.
const SHOWN: usize = 8;
/// Workloads of a namespace that are worth being named together.
const TOGETHER: usize = 3;

impl Names {
    pub(in crate::policy) fn new(groups: &[Arc<PeerGroup>]) -> Self {
        let mut by_namespace = BTreeMap::new();
        for namespace in groups.iter().filter_map(|group| namespace(group)) {
            *by_namespace.entry(namespace).or_default() += 1;
        }
        Self { by_namespace }
    }

    /// `all 12 of shop, dev/web, world`.
    pub(in crate::policy) fn list(&self, groups: &[Arc<PeerGroup>]) -> String {
        let mut here: BTreeMap<Arc<str>, usize> = BTreeMap::new();
        for namespace in groups.iter().filter_map(|group| namespace(group)) {
            *here.entry(namespace).or_default() += 1;
        }
        here.retain(|namespace, n| *n >= TOGETHER && self.by_namespace.get(namespace) == Some(n));
        let all = here
            .iter()
            .map(|(namespace, n)| format!("all {n} of {namespace}"));
        let others = groups.iter().filter(|group| {
            namespace(group).is_none_or(|namespace| !here.contains_key(&namespace))
        });
        let names: Vec<String> = all.chain(others.map(|group| group.name.clone())).collect();
        match names.len().saturating_sub(SHOWN) {
            0 => names.join(", "),
            more => format!("{} and {more} more", names[..SHOWN].join(", ")),
        }
    }
}

fn namespace(group: &PeerGroup) -> Option<Arc<str>> {
    let pod = group.pods.first().filter(|_| group.kind == PeerKind::Pods);
    pod.map(|pod| Arc::clone(&pod.namespace))
}

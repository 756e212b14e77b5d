//! The nodes, one a line, and all of the selected one below.

use client::ConnectionState;
use proto::flows::v1::EventCounts;
use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::{first_seen, line, middle, put};
use crate::top::{
    model::{LayoutRects, Model},
    nodes::{self, Node},
    text::{cut, grouped, short, span, width},
};

/// Room for the number of a stage.
const STAGE: usize = 9;
/// Where events are lost.
struct Stage {
    heading: &'static str,
    words: &'static str,
    /// They never come to the node's history; else who reads it too slowly misses them.
    never: bool,
    count: fn(&EventCounts) -> u64,
}

const STAGES: [Stage; 5] = [
    Stage {
        heading: "RING",
        words: "kernel's ring full",
        never: true,
        count: |events| events.failed,
    },
    Stage {
        heading: "RESTART",
        words: "left unread by the last agent",
        never: true,
        count: |events| events.left_unread,
    },
    Stage {
        heading: "QUEUE",
        words: "agent's queue full",
        never: true,
        count: |events| events.queue_lost,
    },
    Stage {
        heading: "MALFORMED",
        words: "unreadable",
        never: true,
        count: |events| events.malformed,
    },
    Stage {
        heading: "EVICTED",
        words: "evicted before read",
        never: false,
        count: |events| events.evicted_unread,
    },
];
/// Lines for the selected node.
const BELOW: u16 = 9;

pub(super) fn draw(model: &Model, buffer: &mut Buffer, area: Rect, laid: &mut LayoutRects) {
    let theme = model.theme;
    let all = nodes::all(model);
    let mut list = area;
    list.height = list.height.saturating_sub(BELOW.min(area.height / 2));
    let widest = all.iter().map(|node| width(&node.name)).max().unwrap_or(0);
    let room = usize::from(area.width).saturating_sub(64);
    let name = widest.clamp(4, room.max(12));
    let mut columns = vec![
        ("NODE", name, false),
        ("STATE", 12, false),
        ("FLOWS/S", 8, true),
        ("FLOWS", 9, true),
        ("DROPPED", 9, true),
        ("LOST", 8, true),
        ("DELAY", 8, true),
    ];
    // Where there is room, the stages of the losses are beside their sum.
    let by_stage = room >= name + STAGES.len() * (STAGE + 1);
    if by_stage {
        columns.extend(STAGES.iter().map(|stage| (stage.heading, STAGE, true)));
    }
    let mut x = 1;
    for (heading, wide, right) in columns.iter().copied() {
        let column = if right { x + wide - width(heading) } else { x };
        put(buffer, line(list, 0), column, heading, theme.heading());
        x += wide + 1;
    }
    let lines = Rect {
        y: list.y + 1,
        height: list.height.saturating_sub(1),
        ..list
    };
    laid.lines = lines;
    if all.is_empty() {
        let why = match &model.health {
            None => "Asking the server for its nodes …".to_owned(),
            Some(Ok(_)) => "The server names no node, and nothing came from one yet.".to_owned(),
            Some(Err(why)) => format!("The server doesn't say: {why}"),
        };
        middle(buffer, lines, &[(why, theme.plain())]);
        return;
    }
    let gone = model.gone();
    let height = usize::from(lines.height);
    let selected = model.node.min(all.len() - 1);
    let top = first_seen(selected, all.len(), height);
    laid.first = top;
    for (at, node) in all.iter().enumerate().skip(top).take(height) {
        let here = line(lines, at - top);
        let lost = lost(node);
        let (state, state_style) = match (&*node.state, node.connected) {
            _ if gone.is_some() => ("unknown", theme.warn()),
            _ if node.is_away(model.now) && (node.state.is_empty() || node.connected) => {
                ("away", theme.bad())
            }
            ("", _) => ("seen", theme.quiet()),
            (_, true) if !node.failure.is_empty() => ("out of step", theme.bad()),
            (state, true) => (state, theme.good()),
            (state, false) => (state, theme.bad()),
        };
        // Of a file, or while nothing can come, nobody knows.
        let live = matches!(model.link, ConnectionState::Live { .. });
        let rate = node
            .node_stats
            .rate
            .filter(|_| live && !node.is_away(model.now));
        let dropped = node.node_stats.dropped;
        let mut cells: Vec<(String, Style)> = vec![
            (node.name.clone(), theme.plain()),
            (state.to_owned(), state_style),
            (rate.map_or(String::new(), short), theme.plain()),
            (grouped(node.node_stats.flows), theme.plain()),
            (
                grouped(dropped),
                if dropped > 0 {
                    theme.bad()
                } else {
                    theme.quiet()
                },
            ),
            (
                grouped(lost),
                if lost > 0 {
                    theme.warn()
                } else {
                    theme.quiet()
                },
            ),
            (delay(node), theme.plain()),
        ];
        if by_stage {
            let counts = STAGES
                .iter()
                .map(|stage| node.events.as_ref().map(stage.count));
            cells.extend(counts.map(|count| match count {
                Some(count @ 1..) => (grouped(count), theme.warn()),
                Some(0) => ("0".to_owned(), theme.quiet()),
                None => ("-".to_owned(), theme.quiet()),
            }));
        }
        let mut x = 1;
        for ((text, style), (_, wide, right)) in cells.into_iter().zip(columns.iter().copied()) {
            let text = cut(&text, wide);
            let column = if right { x + wide - width(&text) } else { x };
            put(buffer, here, column, &text, style);
            x += wide + 1;
        }
        if at == selected {
            buffer.set_style(here, theme.selected());
        }
    }
    let below = Rect {
        y: list.y + list.height,
        height: area.height - list.height,
        ..area
    };
    selected_node(model, buffer, below, &all[selected]);
}

/// Events of a node that never came here, as far as anybody knows.
fn lost(node: &Node) -> u64 {
    let told = node.node_stats.lost.values().copied();
    let told = told.fold(0, u64::saturating_add);
    let counted = node.events.map_or(0, |events| {
        let stages = STAGES.iter().filter(|stage| stage.never);
        let counts = stages.map(|stage| (stage.count)(&events));
        counts.fold(0, u64::saturating_add)
    });
    told.max(counted)
}

fn delay(node: &Node) -> String {
    match node.node_stats.delay {
        Some(delay) => span(i64::try_from(delay.as_nanos()).unwrap_or(i64::MAX)),
        None => "-".to_owned(),
    }
}

fn selected_node(model: &Model, buffer: &mut Buffer, area: Rect, node: &Node) {
    let theme = model.theme;
    if !model.filters.given.is_empty() {
        let text = "counted is what the filters of the command line let through";
        put(
            buffer,
            line(area, usize::from(area.height).saturating_sub(1)),
            1,
            text,
            theme.quiet(),
        );
    }
    let ruler = "─".repeat(usize::from(area.width));
    put(buffer, line(area, 0), 0, &ruler, theme.quiet());
    put(
        buffer,
        line(area, 0),
        1,
        &format!(" {} ", node.name),
        theme.heading(),
    );
    let mut lines: Vec<(String, Style)> = Vec::new();
    if let Some(since) = model.gone() {
        let text = format!(
            "no connection to the server since {}: what follows is of before",
            model.zone.clock(since)
        );
        lines.push((text, theme.bad()));
    }
    if !node.failure.is_empty() {
        lines.push((
            format!("not in step with the manifests: {}", node.failure),
            theme.bad(),
        ));
    }
    if !node.version.is_empty() || node.uptime_ns > 0 {
        let up = span(i64::try_from(node.uptime_ns).unwrap_or(i64::MAX));
        let text = format!(
            "{}, up for {up}, holds {} of {} flows",
            node.version,
            grouped(node.held.0),
            grouped(node.held.1)
        );
        lines.push((text, theme.plain()));
    }
    if let Some(policies) = node.policies {
        lines.push((format!("{policies} policies in force"), theme.plain()));
    }
    match node.events {
        Some(events) => {
            lines.push((
                format!(
                    "events: {} attempted by the kernel, {} stored, {} limited",
                    grouped(events.attempted),
                    grouped(events.stored),
                    grouped(events.limited)
                ),
                theme.plain(),
            ));
            let text: Vec<String> = STAGES
                .iter()
                .map(|stage| format!("{} {}", grouped((stage.count)(&events)), stage.words))
                .collect();
            let any = STAGES.iter().any(|stage| (stage.count)(&events) > 0);
            let style = if any { theme.warn() } else { theme.quiet() };
            lines.push((format!("lost by stage: {}", text.join(", ")), style));
        }
        None if model.gone().is_some() => {}
        None if model.health.is_none() => {
            lines.push(("asking the server …".to_owned(), theme.quiet()));
        }
        None => lines.push((
            "the server reports no losses by stage; losses are shown in the table of flows"
                .to_owned(),
            theme.quiet(),
        )),
    }
    for (stage, lost) in &node.node_stats.lost {
        lines.push((
            format!(
                "{} lost, reported with the flows: {}",
                grouped(*lost),
                stage.name()
            ),
            theme.warn(),
        ));
    }
    let columns = usize::from(area.width).saturating_sub(2);
    let fitted = lines.into_iter().flat_map(|(text, style)| {
        crate::top::text::wrap(&text, columns, 2)
            .into_iter()
            .map(move |text| (text, style))
    });
    for (at, (text, style)) in fitted.enumerate() {
        put(buffer, line(area, at + 1), 1, &text, style);
    }
}

//! The latest requests that a connection carried, or of the connection of a denied one.

use client::connections::{Exchange, exchanges};
use flow::{Verdict, time::Zone};

use super::{
    Details,
    lines::{Document, Style},
};
use crate::top::{
    data::Data,
    text::{grouped, span},
};

/// Most that are listed; the newest are.
const LISTED: usize = 20;

/// Writes them, if there are any.
pub(super) fn write(details: &Details, data: &Data, zone: &Zone, to: &mut Document) {
    let all = exchanges(data.snapshot(), &details.related.requests);
    if all.is_empty() {
        return;
    }
    let several = details
        .connection
        .as_ref()
        .is_some_and(|of| of.row.connections > 1);
    to.section(match several {
        true => "Requests of these connections",
        false => "Requests of this connection",
    });
    let more = all.len().saturating_sub(LISTED);
    if more > 0 {
        let older = grouped(u64::try_from(more).unwrap_or(u64::MAX));
        to.line(format!("{older} older ones, then:"), Style::Quiet);
    }
    for one in &all[more..] {
        request(one, zone, to);
    }
}

fn request(one: &Exchange, zone: &Zone, to: &mut Document) {
    let (look, became) = match (one.verdict, &one.answer) {
        (Verdict::Dropped, _) => (Style::Bad, "denied".to_owned()),
        (Verdict::Error, Some(answer)) => (Style::Warn, format!("failed, {answer}")),
        (Verdict::Error, None) => (Style::Warn, "failed".to_owned()),
        (_, Some(answer)) => (Style::Good, answer.clone()),
        (_, None) => (Style::Quiet, "no answer".to_owned()),
    };
    let took = match i64::try_from(one.latency_ns) {
        _ if one.verdict == Verdict::Dropped => String::new(),
        Ok(0) | Err(_) => String::new(),
        Ok(took) => format!(" in {}", span(took)),
    };
    to.pieces([
        (
            format!("  {} {} ", zone.clock(one.time), one.asked),
            Style::Plain,
        ),
        (became, look),
        (took, Style::Plain),
    ]);
    if !one.reason.is_empty() {
        to.line(format!("      {}", one.reason), Style::Quiet);
    }
}

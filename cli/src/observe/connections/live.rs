//! A terminal's rows that are kept up to date, below those that are done.

use std::{
    collections::{HashMap, HashSet},
    fmt::Write as _,
    io::{self, Write},
};

use flow::{
    connection::{State, TupleId},
    rows::{Judged, Row, grouped},
};

use super::{
    LINGER,
    rows::{RowId, Table, Told},
};

/// A row that has not changed for so long (ns) is done, unless it is open.
const SETTLED: i64 = 10_000_000_000;
/// Connections that are remembered as done before it is looked which of them are still held.
const MOST_KNOWN: usize = 100_000;

/// See the module.
#[derive(Default)]
pub(super) struct Live {
    /// Rows that may change.
    rows: Vec<Told>,
    /// Sums of those that can't change any more, and whose rows can: others of the same cause still come.
    sums: Vec<Row>,
    /// Those that are done, and how they stood.
    done: HashMap<RowId, (Judged, State)>,
    /// Lines on the terminal that the next ones replace.
    lines: usize,
    /// A heading stands above.
    headed: bool,
}

impl Live {
    /// Takes a connection for shown, as it stands.
    pub(super) fn is_done(&mut self, id: RowId, row: &Row) {
        self.done.insert(id, stands(row));
    }

    /// Forgets connections that are not held any more.
    pub(super) fn forget(&mut self, is_held: impl Fn(TupleId) -> bool) {
        if self.done.len() >= MOST_KNOWN {
            self.done.retain(|id, _| id.tuple().is_some_and(&is_held));
        }
    }

    /// Shows new rows and what has become of those that are there. `looked`: between whose ends all rows
    /// that there are are among the new ones.
    pub(super) fn show(
        &mut self,
        new: Vec<Told>,
        looked: &HashSet<TupleId>,
        table: &mut Table,
        out: &mut dyn Write,
        now: i64,
        is_end: bool,
    ) -> io::Result<()> {
        // What the filter no longer lets through is gone from the screen.
        let there: HashSet<RowId> = new.iter().map(|(id, ..)| *id).collect();
        let is_looked_at = |id: RowId| id.tuple().is_some_and(|tuple| looked.contains(&tuple));
        self.rows
            .retain(|(id, ..)| there.contains(id) || !is_looked_at(*id));
        let places = self.rows.iter().enumerate();
        let places: HashMap<RowId, usize> = places.map(|(at, (id, ..))| (*id, at)).collect();
        for told in new {
            let is_done = self.done.get(&told.0) == Some(&stands(&told.1));
            match places.get(&told.0).and_then(|at| self.rows.get_mut(*at)) {
                Some(known) => *known = told,
                None if is_done => {}
                None => self.rows.push(told),
            }
        }
        let height = table.measure();
        let sums = self.sums.iter().cloned();
        let own = self.rows.iter().map(|(_, row, _)| row.clone());
        let all: Vec<Row> = sums.chain(own).collect();
        let is_over = |row: &Row| {
            is_end || row.facts.state.is_final() && now.saturating_sub(row.last) > SETTLED
        };
        let (mut done, mut live): (Vec<_>, Vec<_>) =
            grouped(all).into_iter().partition(|(row, _)| is_over(row));
        // The heading of what changes, and the cursor's line. What there is no room for is written as it
        // stands, the oldest first.
        let room = (height / 2).saturating_sub(2).max(1);
        let excess = live.len().saturating_sub(room);
        done.extend(live.drain(..excess));
        self.settle(&done, &live, now);
        let rows = |groups: Vec<(Row, Vec<usize>)>| -> Vec<Row> {
            groups.into_iter().map(|(row, _)| row).collect()
        };
        self.write(&rows(done), &rows(live), table, out, now)
    }

    /// Lets go of the rows that are done, and of those that are over in rows which go on: however long they go on,
    /// what is held is no more than what may change.
    fn settle(&mut self, done: &[(Row, Vec<usize>)], live: &[(Row, Vec<usize>)], now: i64) {
        let sums = self.sums.len();
        let mut left: Vec<Row> = Vec::new();
        let mut gone: Vec<usize> = Vec::new();
        for (_, places) in done {
            gone.extend(places);
        }
        for (_, places) in live {
            let own = |at: &usize| self.rows.get(at.checked_sub(sums)?).map(|(_, row, _)| row);
            // A connection is told with its denied requests for as long as they are held: they wait for it.
            let connections = places.iter().filter_map(own);
            let waiting: HashSet<Option<u16>> = connections
                .filter(|row| row.request.is_none() && !is_past(row, now))
                .map(|row| row.source_port)
                .collect();
            let is_past = |at: &usize| match own(at) {
                Some(row) if row.request.is_some() && waiting.contains(&row.source_port) => false,
                Some(row) => is_past(row, now),
                None => true,
            };
            let (past, _): (Vec<usize>, Vec<usize>) = places.iter().partition(|at| is_past(at));
            let row = |at: &usize| match at.checked_sub(sums) {
                Some(at) => self.rows.get(at).map(|(_, row, _)| row),
                None => self.sums.get(*at),
            };
            // One by itself may change as long as it is shown.
            if places.len() < 2 && places.iter().all(|at| *at >= sums) {
                continue;
            }
            let mut rows = past.iter().filter_map(row).cloned();
            if let Some(mut sum) = rows.next() {
                rows.for_each(|row| sum.add(&row));
                left.push(sum);
            }
            gone.extend(past);
        }
        gone.sort_unstable();
        for place in gone.into_iter().rev().filter_map(|at| at.checked_sub(sums)) {
            let (id, row, _) = self.rows.swap_remove(place);
            self.is_done(id, &row);
        }
        self.sums = left;
    }

    fn write(
        &mut self,
        done: &[Row],
        live: &[Row],
        table: &mut Table,
        out: &mut dyn Write,
        now: i64,
    ) -> io::Result<()> {
        let shown: Vec<Row> = done.iter().chain(live).cloned().collect();
        if shown.is_empty() && self.lines == 0 {
            return Ok(());
        }
        let (names, layout) = table.fit_behind(&shown);
        let mut text = String::from("\u{1b}[?2026h");
        if self.lines > 0 {
            write!(text, "\u{1b}[{}A", self.lines).unwrap_or_default();
        }
        if !self.headed {
            self.headed = true;
            write!(text, "\r{}\u{1b}[K\n", table.heading(&layout, now, &names)).unwrap_or_default();
        }
        for row in done.iter().chain(live) {
            let line = table.line(row, &names, &layout);
            write!(text, "\r{line}\u{1b}[K\n").unwrap_or_default();
        }
        text.push_str("\u{1b}[J\u{1b}[?2026l");
        self.lines = live.len();
        out.write_all(text.as_bytes())?;
        out.flush()
    }
}

/// Whether nothing more comes of a connection or request that is one of several: it has been forgotten, and what
/// is still heard of it is another one.
fn is_past(row: &Row, now: i64) -> bool {
    let ends = row.facts.state.is_final() || row.facts.state == State::Answered;
    ends && now.saturating_sub(row.last) > LINGER + SETTLED
}

fn stands(row: &Row) -> (Judged, State) {
    (row.judged, row.facts.state)
}

#[cfg(test)]
mod tests {
    use flow::request::RequestView;
    use proto::{
        json,
        observer::{GetFlowsResponse, get_flows_response::ResponseTypes},
    };

    use super::*;

    const SECOND: i64 = 1_000_000_000;

    /// A denied request of a recording.
    fn denied() -> Row {
        let flows = include_str!("../../../../testdata/requests/flows.jsonl");
        let mut rows = flows.lines().filter_map(|line| {
            let response: GetFlowsResponse = json::read(line, json::Unknown::Ignore).ok()?;
            let Some(ResponseTypes::Flow(flow)) = response.response_types else {
                return None;
            };
            Row::of_request(&RequestView::denied(&flow)?, true)
        });
        rows.next().unwrap()
    }

    /// However long the same is denied again and again, what is held is what may change, and the sums are exact.
    #[test]
    fn rows_that_go_on_hold_sums() {
        let first = denied();
        let mut live = Live::default();
        for second in 0..500 {
            let now = first.last + second * SECOND;
            let mut row = first.clone();
            (row.start, row.last) = (now, now);
            let number = u64::try_from(second).unwrap();
            live.rows.push((RowId::Request(number), row, true));
            let own = live.rows.iter().map(|(_, row, _)| row.clone());
            let all: Vec<Row> = live.sums.iter().cloned().chain(own).collect();
            let groups = grouped(all);
            let [(sum, _)] = &groups[..] else {
                panic!("{groups:#?}")
            };
            assert_eq!(sum.facts.drops, number + 1);
            assert_eq!((sum.start, sum.last), (first.last, now));
            live.settle(&[], &groups, now);
            assert!(live.rows.len() <= 42 && live.sums.len() <= 1);
        }
        // Once it is over nothing of it is left.
        let own = live.rows.iter().map(|(_, row, _)| row.clone());
        let all: Vec<Row> = live.sums.iter().cloned().chain(own).collect();
        live.settle(&grouped(all), &[], first.last + 1_000 * SECOND);
        assert!(live.rows.is_empty() && live.sums.is_empty());
    }
}

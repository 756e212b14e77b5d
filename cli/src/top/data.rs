//! What is looked at: the flows of a store that match, as they are now or as they were when the
//! screen was paused.

use std::{cmp::Ordering, collections::HashMap, ops::Range};

use client::{
    Item, Outage, Row, Snapshot, View,
    view::{Kind, Match},
};
use flow::{
    FlowView as _, Verdict,
    attribute::{AttributeId, Cells, SortKey},
    expr::Values,
};

use super::filters::Filters;

/// Most flows that are sorted by something else than time; the newest are.
pub(crate) const SORTED: usize = 50_000;
/// Least time between two sortings of what changes, ns.
const SORT_PAUSE: i64 = 1_000_000_000;

/// An order other than that of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sort {
    pub(crate) column: AttributeId,
    pub(crate) descending: bool,
}

/// Time that rates are counted over, ns.
const RATE: i64 = 3_000_000_000;
/// Of less than this, ns, none is told.
const LEAST_RATED: i64 = 1_000_000_000;

/// See the module.
#[derive(Debug)]
pub(crate) struct Data {
    /// What came last.
    latest: Snapshot,
    /// What is shown.
    shown: Snapshot,
    /// If that is of a store for the filters of the screen: all that is held, then and now.
    base: Option<Snapshot>,
    latest_base: Option<Snapshot>,
    view: View,
    /// What would be shown without the filters of the screen; `None`: the same.
    all: Option<View>,
    paused: Option<i64>,
    sort: Option<Sort>,
    /// Numbers in the order of `sort`, and when they were sorted.
    order: Vec<u64>,
    sorted: Option<i64>,
    /// Counts what became different.
    version: u64,
    /// Counts the filters.
    filtered: u64,
}

impl Data {
    pub(crate) fn new(filters: &Filters) -> Self {
        Self {
            latest: Snapshot::default(),
            shown: Snapshot::default(),
            base: None,
            latest_base: None,
            view: View::new(&filters.filter(), true).within(filters.within()),
            all: everything(filters),
            paused: None,
            sort: None,
            order: Vec::new(),
            sorted: None,
            version: 0,
            filtered: 0,
        }
    }

    /// What came; `base` is all that is held, if the other is of a store for the filters of the screen.
    pub(crate) fn take(&mut self, snapshot: Snapshot, base: Option<Snapshot>, now: i64) {
        self.latest = snapshot;
        self.latest_base = base;
        if self.paused.is_none() {
            self.show(now);
        }
    }

    fn show(&mut self, now: i64) {
        self.shown = self.latest.clone();
        self.base.clone_from(&self.latest_base);
        self.look();
        self.version += 1;
        self.order_anew(now, false);
    }

    /// Looks at what is different.
    fn look(&mut self) {
        self.view.advance(&self.shown);
        if let Some(all) = &mut self.all {
            all.advance(self.base.as_ref().unwrap_or(&self.shown));
        }
    }

    /// Another store begins: nothing of the old one counts.
    pub(crate) fn restart(&mut self, filters: &Filters, now: i64) {
        self.latest = Snapshot::default();
        self.shown = Snapshot::default();
        self.base = None;
        self.latest_base = None;
        self.paused = None;
        self.all = None;
        self.refilter(filters, now);
    }

    /// Goes on with another store of the same flows. What is paused stays so, as far as can be.
    pub(crate) fn swap(
        &mut self,
        snapshot: Snapshot,
        base: Option<Snapshot>,
        filters: &Filters,
        now: i64,
    ) {
        // All that was held then.
        let then = self.base.take().filter(|_| self.paused.is_some());
        self.shown = match (then, &base) {
            (Some(then), None) => then,
            _ => snapshot.clone(),
        };
        self.latest = snapshot;
        self.base.clone_from(&base);
        self.latest_base = base;
        self.all = None;
        self.refilter(filters, now);
    }

    /// Shows what matches another filter.
    pub(crate) fn refilter(&mut self, filters: &Filters, now: i64) {
        self.view = View::new(&filters.filter(), true).within(filters.within());
        if self.all.is_none() || !filters.hide() {
            self.all = everything(filters);
        }
        self.look();
        self.filtered += 1;
        self.version += 1;
        self.order_anew(now, true);
    }

    /// Stops taking over what comes.
    pub(crate) fn pause(&mut self, now: i64) {
        self.paused.get_or_insert(now);
    }

    /// Takes over what came meanwhile, and goes on.
    pub(crate) fn resume(&mut self, now: i64) {
        if self.paused.take().is_some() {
            self.show(now);
        }
    }

    /// Since when it is paused, Unix ns.
    pub(crate) fn paused(&self) -> Option<i64> {
        self.paused
    }

    /// How many items came since it is paused.
    pub(crate) fn waiting(&self) -> u64 {
        let (latest, shown) = (self.latest.range().end, self.shown.range().end);
        latest.saturating_sub(shown)
    }

    /// Sorts; `None`: by time.
    pub(crate) fn sort(&mut self, sort: Option<Sort>, now: i64) {
        self.sort = sort;
        self.order_anew(now, true);
    }

    pub(crate) fn sorted_by(&self) -> Option<Sort> {
        self.sort
    }

    fn order_anew(&mut self, now: i64, at_once: bool) {
        let Some(sort) = self.sort else {
            self.order = Vec::new();
            self.sorted = None;
            return;
        };
        let waits = self.sorted.is_some_and(|last| now - last < SORT_PAUSE);
        if waits && !at_once {
            return;
        }
        self.sorted = Some(now);
        let matches = self.view.matches();
        let newest = matches.range(matches.len().saturating_sub(SORTED)..);
        let mut keyed: Vec<(SortKey, u64)> = newest
            .filter_map(|found| {
                let row = self.shown.row(found.number)?;
                Some((sort.column.key(row), found.number))
            })
            .collect();
        keyed.sort_by(|(a, first), (b, second)| {
            let by_key = match (a, b) {
                // What has nothing there is last either way.
                (SortKey::None, SortKey::None) => Ordering::Equal,
                (SortKey::None, _) => Ordering::Greater,
                (_, SortKey::None) => Ordering::Less,
                (a, b) if sort.descending => b.cmp(a),
                (a, b) => a.cmp(b),
            };
            by_key.then(second.cmp(first))
        });
        self.order = keyed.into_iter().map(|(_, number)| number).collect();
    }

    /// Grows with each change of what is shown.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// Grows with each change of the filter.
    pub(crate) fn filtered(&self) -> u64 {
        self.filtered
    }

    /// What is shown, whether it matches or not.
    pub(crate) fn snapshot(&self) -> &Snapshot {
        &self.shown
    }

    /// What matches, in the order of time.
    pub(crate) fn matches(&self) -> impl DoubleEndedIterator<Item = &Match> + ExactSizeIterator {
        self.view.matches().iter()
    }

    /// From the number of the first that matches to behind that of the last.
    pub(crate) fn numbers(&self) -> Range<u64> {
        let matches = self.view.matches();
        let first = matches.front().map_or(0, |first| first.number);
        first..matches.back().map_or(first, |last| last.number + 1)
    }

    /// What matches with these numbers, in the order of time.
    pub(crate) fn matches_in(
        &self,
        numbers: Range<u64>,
    ) -> impl DoubleEndedIterator<Item = &Match> {
        let [from, to] = [numbers.start, numbers.end].map(|number| self.view.place(number));
        self.view.matches().range(from..to.max(from))
    }

    /// Whether the number is among what matches.
    pub(crate) fn shows(&self, number: u64) -> bool {
        let found = self.view.matches().get(self.view.place(number));
        found.is_some_and(|found| found.number == number)
    }

    /// Rows of flows that are shown.
    pub(crate) fn rows(&self) -> usize {
        self.view.flows()
    }

    /// Rows of flows that are shown or hidden by the filters of the screen.
    pub(crate) fn held(&self) -> usize {
        let all = self.all.as_ref().unwrap_or(&self.view).flows();
        let since = self.base.as_ref().and_then(|base| {
            let mut items = base.iter(base.range()).map(|(_, item)| item);
            items
                .find(|item| matches!(item, Item::Flow(_)))
                .map(Item::time)
        });
        // What was fetched for the filters is older than the rest.
        let older = since.map_or(0, |since| {
            let flows = self.view.matches().iter().filter(|found| found.is_flow());
            flows.take_while(|found| found.time < since).count()
        });
        all + older
    }

    /// Items that were let go to make room for younger ones.
    pub(crate) fn evicted(&self) -> u64 {
        self.shown.counts().evicted
    }

    /// Lines of the file that are no flows.
    pub(crate) fn unreadable(&self) -> u64 {
        self.shown.counts().unreadable
    }

    /// Whether there is nothing at all, shown or hidden.
    pub(crate) fn is_empty(&self) -> bool {
        self.shown.range().is_empty()
    }

    /// Lines of the table.
    pub(crate) fn len(&self) -> usize {
        match self.sort {
            Some(_) => self.order.len(),
            None => self.view.matches().len(),
        }
    }

    /// The number that stands in a line.
    pub(crate) fn number(&self, line: usize) -> Option<u64> {
        match self.sort {
            Some(_) => self.order.get(line).copied(),
            None => self.view.matches().get(line).map(|found| found.number),
        }
    }

    /// The line of a number, or of what is nearest.
    pub(crate) fn line(&self, number: u64) -> usize {
        match self.sort {
            Some(_) => {
                let found = self.order.iter().position(|known| *known == number);
                found.unwrap_or(0)
            }
            None => self.view.place(number),
        }
    }

    pub(crate) fn item(&self, number: u64) -> Option<&Item> {
        self.shown.get(number)
    }

    pub(crate) fn row(&self, number: u64) -> Option<&Row> {
        self.shown.row(number)
    }

    /// The line of the first flow at or after a moment, in the order of time.
    pub(crate) fn line_at(&self, time: i64) -> usize {
        let matches = self.view.matches();
        // Nearly sorted at best: a relay may deliver late, and says at first how its nodes are now.
        let at = |found: &Match| found.time >= time && matches!(found.kind, Kind::Flow(_));
        matches.iter().position(at).unwrap_or(matches.len())
    }

    /// Rows per second that happened in the last seconds; those of a server whose clock is ahead,
    /// too. `None`: less than a second is known.
    pub(crate) fn rate(&self, now: i64) -> Option<f64> {
        let flow = |found: &&Match| matches!(found.kind, Kind::Flow(_));
        let newest = || self.view.matches().iter().rev().filter(flow);
        let until = newest().next().map_or(now, |found| found.time.max(now));
        // All that happened since the first flow that is held has come, whatever is shown of it.
        let held = self.all_held();
        let mut times = held.iter(held.range()).map(|(_, item)| item);
        let first = times.find(|item| matches!(item, Item::Flow(_)))?.time();
        let over = RATE.min(until.saturating_sub(first));
        if over < LEAST_RATED {
            return None;
        }
        let recent = newest().take_while(|found| until.saturating_sub(found.time) < over);
        #[expect(clippy::cast_precision_loss, reason = "three digits of it are shown")]
        let rate = recent.count() as f64 * 1e9 / over as f64;
        Some(rate)
    }

    /// All that is held, whether it is shown or not.
    fn all_held(&self) -> &Snapshot {
        self.base.as_ref().unwrap_or(&self.shown)
    }

    /// When nothing could come from some node, or from any.
    pub(crate) fn outages(&self) -> &[Outage] {
        self.all_held().outages()
    }

    /// The next line with a drop, going forward or back and, from the last one, on from the other end.
    pub(crate) fn drop_from(&self, line: usize, forward: bool) -> Option<usize> {
        let dropped = |line: &usize| {
            let row = self.number(*line).and_then(|number| self.row(number));
            row.is_some_and(|row| matches!(row.verdict(), Verdict::Dropped | Verdict::Error))
        };
        if forward {
            let from = (line + 1).min(self.len());
            (from..self.len()).chain(0..from).find(dropped)
        } else {
            let until = line.min(self.len());
            let mut lines = (until..self.len()).chain(0..until).rev();
            lines.find(dropped)
        }
    }
}

/// What is there without the filters of the screen, where they hide something.
fn everything(filters: &Filters) -> Option<View> {
    filters.hide().then(|| View::new(&filters.given(), true))
}

/// Flows whose values are offered; the newest are.
const OFFERED_OF: usize = 2000;
/// Most values that are offered.
const OFFERED: usize = 50;

impl Values for Data {
    fn values(&self, field: &str, beginning: &str) -> Vec<String> {
        let Some(column) = AttributeId::column(field) else {
            return Vec::new();
        };
        let cells = Cells {
            plain: true,
            ..Cells::default()
        };
        let mut counts: HashMap<String, usize> = HashMap::new();
        for found in self.matches().rev().take(OFFERED_OF) {
            if let Some(row) = self.row(found.number) {
                let text = column.text(row, &cells);
                if !text.is_empty() && text.starts_with(beginning) {
                    *counts.entry(text).or_default() += 1;
                }
            }
        }
        let mut values: Vec<_> = counts.into_iter().collect();
        values.sort_by(|(a, often), (b, less)| less.cmp(often).then_with(|| a.cmp(b)));
        values
            .into_iter()
            .take(OFFERED)
            .map(|(text, _)| text)
            .collect()
    }
}

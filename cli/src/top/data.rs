//! What is looked at: the connections, or packets' events, of a store that match, as they are now or as
//! they were when the screen was paused.

mod ends;
mod lines;
mod read;
mod sort;
mod values;

use client::{Item, Outage, Row, Snapshot, connections::Joined};

pub(crate) use ends::{ConnectionEnds, EndsKey};
use lines::Lines;
pub(crate) use lines::{Line, LineId, Unit};
pub(crate) use sort::{SORTED, Sort};

use super::filters::Filters;

/// Least time between two sortings of what changes, ns.
const SORT_PAUSE: i64 = 1_000_000_000;

/// Time that rates are counted over, ns.
const RATE: i64 = 3_000_000_000;
/// Of less than this, ns, none is told.
const LEAST_RATED: i64 = 1_000_000_000;
/// How often (ns) it is looked what became of connections by time alone.
const WAITED: i64 = 1_000_000_000;

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
    unit: Unit,
    /// The connections of what is shown and of all that is held.
    joined: Joined,
    base_joined: Joined,
    lines: Lines,
    /// What would be shown without the filters of the screen; `None`: the same.
    all: Option<Lines>,
    paused: Option<i64>,
    /// Nothing comes any more: the present is the time of the newest event.
    ended: bool,
    /// The present when it was looked last, Unix ns.
    present: i64,
    /// When that was.
    looked: i64,
    sort: Option<Sort>,
    /// Lines in the order of `sort`, and when they were sorted.
    order: Vec<Line>,
    sorted: Option<i64>,
    /// Counts what became different.
    version: u64,
    /// Counts the filters.
    filtered: u64,
    /// Counts the stores.
    stores: u64,
}

impl Data {
    pub(crate) fn new(filters: &Filters) -> Self {
        let unit = Unit::default();
        Self {
            latest: Snapshot::default(),
            shown: Snapshot::default(),
            base: None,
            latest_base: None,
            unit,
            joined: Joined::default(),
            base_joined: Joined::default(),
            lines: Lines::new(unit, &filters.filter(), filters.within()),
            all: everything(unit, filters),
            paused: None,
            ended: false,
            present: 0,
            looked: 0,
            sort: None,
            order: Vec::new(),
            sorted: None,
            version: 0,
            filtered: 0,
            stores: 0,
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
        self.look(now);
        self.version += 1;
        self.order_anew(now, false);
    }

    /// Looks at what is different.
    fn look(&mut self, now: i64) {
        if self.unit == Unit::Connections {
            self.joined.advance(&self.shown);
            if let (Some(base), Some(_)) = (&self.base, &self.all) {
                self.base_joined.advance(base);
            }
        }
        self.looked = now;
        let newest = self.joined.connections().newest().unwrap_or(0);
        self.present = match (self.ended, self.paused) {
            (true, _) => newest,
            (false, paused) => newest.max(paused.unwrap_or(now)),
        };
        self.lines.advance(&self.shown, &self.joined, self.present);
        if let Some(all) = &mut self.all {
            match &self.base {
                Some(base) => all.advance(base, &self.base_joined, self.present),
                None => all.advance(&self.shown, &self.joined, self.present),
            }
        }
    }

    /// Time went by: what waits for an answer may have waited long enough.
    pub(crate) fn wait(&mut self, now: i64) {
        let waits = self.unit == Unit::Connections && self.paused.is_none() && !self.ended;
        if waits && now.saturating_sub(self.looked) >= WAITED && !self.is_empty() {
            self.look(now);
            self.version += 1;
        }
    }

    /// Nothing comes any more, or something does again.
    pub(crate) fn set_ended(&mut self, ended: bool, now: i64) {
        if std::mem::replace(&mut self.ended, ended) != ended && self.paused.is_none() {
            self.look(now);
            self.version += 1;
        }
    }

    /// Another store begins: nothing of the old one counts.
    pub(crate) fn restart(&mut self, filters: &Filters, now: i64) {
        self.latest = Snapshot::default();
        self.shown = Snapshot::default();
        self.base = None;
        self.latest_base = None;
        self.joined = Joined::default();
        self.base_joined = Joined::default();
        self.stores += 1;
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
        self.joined = match (&self.base, &base) {
            // What was shown is all that is held, or will be.
            (None, Some(_)) => {
                self.base_joined = std::mem::take(&mut self.joined);
                Joined::default()
            }
            (Some(_), None) => std::mem::take(&mut self.base_joined),
            (None, None) | (Some(_), Some(_)) => Joined::default(),
        };
        self.stores += 1;
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
        self.lines = Lines::new(self.unit, &filters.filter(), filters.within());
        if self.all.is_none() || !filters.hide() {
            self.all = everything(self.unit, filters);
        }
        self.look(now);
        self.filtered += 1;
        self.version += 1;
        self.order_anew(now, true);
    }

    /// What a line is.
    pub(crate) fn unit(&self) -> Unit {
        self.unit
    }

    /// Shows something else in the lines.
    pub(crate) fn set_unit(&mut self, unit: Unit, filters: &Filters, now: i64) {
        if self.unit != unit {
            self.unit = unit;
            self.all = None;
            self.sort = None;
            self.refilter(filters, now);
        }
    }

    /// Which ids connections have: another value, and they have others.
    pub(crate) fn ids(&self) -> (u64, u64) {
        (self.stores, self.joined.epoch())
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
        self.order = self.in_order(sort);
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

    /// What matches, in the order of time: each by itself, also where the table has several in one line.
    pub(crate) fn lines(&self) -> impl DoubleEndedIterator<Item = Line> + ExactSizeIterator {
        self.lines.each()
    }

    /// Connections or events that are shown.
    pub(crate) fn rows(&self) -> usize {
        self.lines.flows()
    }

    /// Those that are shown or hidden by the filters of the screen.
    pub(crate) fn held(&self) -> usize {
        let all = self.all.as_ref().unwrap_or(&self.lines).flows();
        let since = self.base.as_ref().and_then(|base| {
            let mut items = base.iter(base.range()).map(|(_, item)| item);
            items
                .find(|item| matches!(item, Item::Flow(_)))
                .map(Item::time)
        });
        // What was fetched for the filters is older than the rest.
        let older = since.map_or(0, |since| {
            let flows = self.lines().filter(Line::is_flow);
            let older = flows.take_while(|line| line.time < since);
            older.filter(|line| line.last < since).count()
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
            None => self.lines.len(),
        }
    }

    /// What stands in a line.
    pub(crate) fn at(&self, line: usize) -> Option<Line> {
        match self.sort {
            Some(_) => self.order.get(line).copied(),
            None => self.lines.get(line),
        }
    }

    /// The line that something stands in, or what is nearest.
    pub(crate) fn line(&self, id: LineId) -> usize {
        match (self.sort, id) {
            (Some(_), id) => {
                let found = self.order.iter().position(|known| known.id == id);
                found.unwrap_or(0)
            }
            (None, LineId::Connection(of)) => {
                let start = self.connection(of).map(|connection| connection.start());
                self.lines.place(id, start)
            }
            (None, LineId::Item(_)) => self.lines.place(id, None),
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
        // Nearly sorted at best: a relay may deliver late, and says at first how its nodes are now.
        let at = |line: Line| line.time >= time && line.is_flow();
        let found = self.lines().position(at);
        found.map_or(self.lines.len(), |at| self.lines.line_of(at))
    }

    /// Rows per second that happened in the last seconds; those of a server whose clock is ahead,
    /// too. `None`: less than a second is known.
    pub(crate) fn rate(&self, now: i64) -> Option<f64> {
        let newest = || self.lines().rev().filter(Line::is_flow);
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
        let dropped = |line: &usize| self.at(*line).is_some_and(|line| line.is_bad());
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
fn everything(unit: Unit, filters: &Filters) -> Option<Lines> {
    filters
        .hide()
        .then(|| Lines::new(unit, &filters.given(), None))
}

//! What the screen knows: plain state, changed by `update` and drawn by `view`.

use std::{collections::BTreeMap, time::UNIX_EPOCH};

use client::{ConnectionState, Health, NodeStats, Outage, view::Histogram};
use flow::time::Zone;
use ratatui::layout::Rect;

use super::{
    acknowledged::{Acknowledged, Prompt},
    bar::Bar,
    changes::Changes,
    data::{Data, Unit},
    details::Details,
    export::Name,
    filters::Filters,
    groups::{By, Groups},
    incidents::Incidents,
    policies::Policies,
    services::Services,
    source::FlowSource,
    table::Table,
    theme::Theme,
};

/// A view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tab {
    Flows,
    Top,
    Services,
    Nodes,
    Incidents,
}

impl Tab {
    pub(crate) const ALL: [Self; 5] = [
        Self::Flows,
        Self::Top,
        Self::Services,
        Self::Nodes,
        Self::Incidents,
    ];

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Flows => "Flows",
            Self::Top => "Top",
            Self::Services => "Services",
            Self::Nodes => "Nodes",
            Self::Incidents => "Incidents",
        }
    }
}

/// What keys are for.
#[derive(Clone, Debug)]
pub(crate) enum Mode {
    /// The view.
    Normal,
    /// A filter is being written.
    Filter,
    /// The time cursor moves.
    Time,
    /// The help is shown, from this line on.
    Help(usize),
    /// Columns are chosen; the selected line.
    Columns(usize),
    /// Verdicts are chosen; the selected line.
    Verdicts(usize),
    /// The name of a file is being written.
    Export(Name),
    /// An incident is being acknowledged, or that taken back.
    Acknowledge(Prompt),
}

/// What is said for a while.
#[derive(Clone, Debug)]
pub(crate) struct Notice {
    pub(crate) text: String,
    pub(crate) bad: bool,
    /// Unix ns.
    pub(crate) until: i64,
}

/// Where things stand on the screen since it was drawn last.
#[derive(Clone, Debug, Default)]
pub(crate) struct LayoutRects {
    /// Names of the views.
    pub(crate) tabs: Vec<(Rect, Tab)>,
    /// The bars.
    pub(crate) bars: Rect,
    /// Headings of columns, with their places in the table.
    pub(crate) headings: Vec<(Rect, usize)>,
    /// The lines of the view.
    pub(crate) lines: Rect,
    /// The details.
    pub(crate) details: Rect,
    /// Lines of the details that there are, once fitted.
    pub(crate) details_lines: usize,
    /// Fitted lines at which their sections begin.
    pub(crate) sections: Vec<usize>,
    /// The namespace that all names are of and do without, if no heading has room for it.
    pub(crate) unsaid: Option<String>,
    /// Columns that a bar takes.
    pub(crate) bar: usize,
    /// The first line of the list that is seen.
    pub(crate) first: usize,
    /// Filters, with their places among the chips; `None`: that of the verdicts.
    pub(crate) chips: Vec<(Rect, Option<usize>)>,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) from: FlowSource,
    pub(crate) theme: Theme,
    /// Unix ns.
    pub(crate) now: i64,
    /// The zone of all times that are shown.
    pub(crate) zone: Zone,
    pub(crate) link: ConnectionState,
    /// When the next attempt to connect is made, Unix ns.
    pub(crate) retry_at: i64,
    pub(crate) screen: Tab,
    pub(crate) mode: Mode,
    pub(crate) filters: Filters,
    pub(crate) data: Data,
    pub(crate) table: Table,
    pub(crate) details: Option<Details>,
    pub(crate) bar: Bar,
    pub(crate) groups: Groups,
    pub(crate) policies: Policies,
    pub(crate) services: Services,
    pub(crate) incidents: Incidents,
    pub(crate) acknowledged: Acknowledged,
    pub(crate) changes: Changes,
    /// Selected line of the nodes.
    pub(crate) node: usize,
    /// How the server is, or why it can't be told.
    pub(crate) health: Option<Result<Box<Health>, String>>,
    /// What came from each node so far.
    pub(crate) node_stats: BTreeMap<String, NodeStats>,
    /// Counts over time, for the width that was drawn last.
    pub(crate) histogram: Histogram,
    /// When that was counted, for how many columns, under which filters, and how closely.
    counted_at: (i64, Counted),
    /// The time that all that is shown is of, Unix ns.
    pub(crate) whole: (i64, i64),
    /// The part of it that is looked at closely.
    pub(crate) zoom: Option<(i64, i64)>,
    /// The moment of the time cursor.
    pub(crate) cursor: Option<i64>,
    /// Of several changes in one bar which is told, with the moment of the cursor at which it is.
    pub(crate) told_change: Option<(i64, usize)>,
    /// The other end of the selected time.
    pub(crate) anchor: Option<i64>,
    /// What is wanted in the lines; filters of single packets show events all the same.
    pub(crate) wanted: Unit,
    /// When filters were changed of which the server doesn't know yet.
    pub(crate) changed: Option<i64>,
    /// Those that it was told of last.
    pub(crate) last_sent_filters: Option<(Filters, Unit)>,
    /// Older flows are on their way.
    pub(crate) fetching: bool,
    pub(crate) notice: Option<Notice>,
    pub(crate) mouse: bool,
    /// The time at which the button of the mouse was pressed.
    pub(crate) pressed: Option<i64>,
    pub(crate) laid: LayoutRects,
}

/// What counts over time were made for.
type Counted = (usize, u64, Option<(i64, i64)>);

/// More flows than these are not counted at each drawing,
const MANY: usize = 10_000;
/// but so often, ns.
const RECOUNT: i64 = 250_000_000;

/// How long a notice stays, ns.
const NOTICE: i64 = 4_000_000_000;

impl Model {
    pub(crate) fn new(from: FlowSource, filters: Filters, theme: Theme, now: i64) -> Self {
        let mut model = Self {
            from,
            theme,
            now,
            zone: Zone::UTC,
            link: ConnectionState::Connecting,
            retry_at: 0,
            screen: Tab::Flows,
            mode: Mode::Normal,
            data: Data::new(&filters),
            filters,
            table: Table::default(),
            details: None,
            bar: Bar::default(),
            groups: Groups::default(),
            policies: Policies::default(),
            services: Services::default(),
            incidents: Incidents::default(),
            acknowledged: Acknowledged::default(),
            changes: Changes::default(),
            node: 0,
            health: None,
            node_stats: BTreeMap::new(),
            histogram: Histogram::new([], now, now, 1),
            counted_at: (0, (0, 0, None)),
            whole: (now, now),
            zoom: None,
            cursor: None,
            told_change: None,
            anchor: None,
            wanted: Unit::Connections,
            changed: None,
            last_sent_filters: None,
            fetching: false,
            notice: None,
            mouse: true,
            pressed: None,
            laid: LayoutRects::default(),
        };
        model.choose_unit();
        model
    }

    /// Shows connections or events, as is wanted and as the filters allow.
    pub(crate) fn choose_unit(&mut self) {
        let unit = match self.filters.for_connections() {
            Some(_) => self.wanted,
            None => Unit::Events,
        };
        self.data.set_unit(unit, &self.filters, self.now);
        self.table.set_unit(unit);
    }

    /// Lines of the view that are seen at once.
    pub(crate) fn page(&self) -> usize {
        usize::from(self.laid.lines.height).max(1)
    }

    /// Since when there is no connection, Unix ns; `None`: there is one, or none was ever wanted.
    pub(crate) fn gone(&self) -> Option<i64> {
        let ConnectionState::Lost { since, .. } = &self.link else {
            return None;
        };
        let since = since.duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_nanos()).ok()
    }

    /// When nothing could come from some node, or from any.
    pub(crate) fn outages(&self) -> Vec<Outage> {
        let mut outages = self.data.outages().to_vec();
        outages.extend(self.gone().map(|from| Outage {
            node: String::new(),
            from,
            until: None,
        }));
        outages.retain(|outage| outage.touches(i64::MIN, i64::MAX, self.now));
        outages
    }

    /// Whether the counters of policies are looked at.
    pub(crate) fn shows_policies(&self) -> bool {
        self.screen == Tab::Top && self.groups.by == By::Policy
    }

    pub(crate) fn say(&mut self, text: impl Into<String>) {
        self.notice = Some(Notice {
            text: text.into(),
            bad: false,
            until: self.now + NOTICE,
        });
    }

    pub(crate) fn complain(&mut self, text: impl Into<String>) {
        self.notice = Some(Notice {
            text: text.into(),
            bad: true,
            until: self.now + 2 * NOTICE,
        });
    }

    /// Brings what follows from the rest up to date.
    pub(crate) fn settle(&mut self) {
        let (width, page) = (usize::from(self.laid.lines.width), self.page());
        if width > 0 {
            self.table.reveal(width);
        }
        // Whoever reads details is not to lose them because the flow has left the store.
        self.table.hold = self.details.is_some();
        self.table.settle(&self.data, page);
        if self.screen == Tab::Incidents {
            self.incidents
                .advance(&self.data, self.changes.all(), &self.acknowledged, self.now);
        }
        if let Some(details) = &mut self.details {
            match (self.screen, self.incidents.cause(), self.table.selected) {
                (Tab::Incidents, Some(cause), _) => {
                    details.change_incident(cause, &self.data, self.now);
                }
                (Tab::Incidents, None, _) | (_, _, None) => {}
                (_, _, Some(line)) => details.change(line, &self.data, self.now),
            }
            details.refresh(&self.data, self.now);
        }
        match self.screen {
            Tab::Flows | Tab::Nodes | Tab::Incidents => {}
            Tab::Top => self.groups.advance(&self.data, &self.policies, self.now),
            Tab::Services => self.services.advance(&self.data, self.now),
        }
    }

    /// Counts anew over time, with as many buckets as there are columns for them. Of many flows that
    /// is done less often than they are drawn.
    pub(crate) fn count(&mut self, columns: usize) {
        let matches = self.data.lines().len();
        let wanted = (columns, self.data.filtered(), self.zoom);
        let soon = self.now - self.counted_at.0 < RECOUNT && self.now >= self.counted_at.0;
        if matches > MANY && soon && self.counted_at.1 == wanted {
            return;
        }
        self.counted_at = (self.now, wanted);
        // Not always in order: what a relay says of its nodes is younger than the history behind it.
        let times = || {
            let times = self.data.lines().map(|line| line.time);
            times.filter(|time| *time > 0)
        };
        let (first, last) = (times().min(), times().max().unwrap_or(0));
        // While nothing can come, that is what is to be seen.
        let goes_on = matches!(
            self.link,
            ConnectionState::Live { .. } | ConnectionState::Lost { .. }
        );
        let live = self.data.paused().is_none() && goes_on;
        let until = if live { last.max(self.now) } else { last };
        let from = first.unwrap_or(until).min(until);
        self.whole = self.filters.within().unwrap_or((from, until));
        let (from, until) = self.zoom.unwrap_or(self.whole);
        let matches = self.data.lines().map(|line| line.as_match());
        self.histogram = Histogram::counted(matches, from, until, columns);
    }
}

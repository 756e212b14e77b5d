//! The table of flows: which columns, which line and cell is selected, which lines are seen.

use flow::{
    attribute::{Align, Attribute, AttributeId},
    rows::{self, Column, Layout, NamesSeen},
};

use super::data::{ConnectionEnds, Data, LineId, Unit};

/// Characters between two columns.
pub(crate) const GAP: usize = 1;
/// Characters that `12:03:04.123` takes.
const CLOCK: usize = 12;
/// A table of this width has room for milliseconds of connections.
const ROOMY: usize = 120;
/// Workloads whose pods are remembered, to tell their names apart.
const MOST_WORKLOADS: usize = 20_000;

/// What a connection's row shows, as columns.
const CONNECTION: [(AttributeId, Column); 9] = [
    (AttributeId::Timestamp, Column::Time),
    (AttributeId::Source, Column::Source),
    (AttributeId::Destination, Column::Destination),
    (AttributeId::Verdict, Column::Verdict),
    (AttributeId::Why, Column::Why),
    (AttributeId::State, Column::State),
    (AttributeId::Bytes, Column::Bytes),
    (AttributeId::Rtt, Column::Rtt),
    (AttributeId::Age, Column::Age),
];

/// The column of a connection's row that shows an attribute.
pub(crate) fn of_connection(column: AttributeId) -> Option<Column> {
    let mut known = CONNECTION.iter();
    known.find(|(id, _)| *id == column).map(|(_, of)| *of)
}

/// A column as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) column: AttributeId,
    /// As someone wanted it; `None`: as its texts need.
    pub(crate) width: Option<usize>,
    /// The widest text that was seen.
    pub(crate) seen: usize,
}

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    pub(crate) columns: Vec<Shown>,
    /// Place of the selected column.
    pub(crate) cell: usize,
    /// The first column that is seen after the one of time.
    pub(crate) left: usize,
    /// What is selected.
    pub(crate) selected: Option<LineId>,
    /// If it is a connection: between which ends, in case that its id becomes another one.
    ends: Option<ConnectionEnds>,
    /// Which ids connections had.
    ids: (u64, u64),
    /// What the columns are of.
    unit: Unit,
    /// Columns and selected column of the other unit.
    aside: (Vec<Shown>, usize),
    /// What names of connections can do without.
    pub(crate) names: NamesSeen,
    /// Columns that the heading of sources takes with what all names do without.
    pub(crate) source_heading: usize,
    /// The newest is selected, whatever comes.
    pub(crate) follow: bool,
    /// The first line that is seen.
    pub(crate) top: usize,
    /// The selected line on the screen.
    row: usize,
    /// The selected flow stays selected when it leaves the store.
    pub(crate) hold: bool,
}

fn usual(unit: Unit) -> Vec<Shown> {
    let events = Attribute::WIDE.iter().copied();
    let columns: Vec<AttributeId> = match unit {
        Unit::Connections => CONNECTION.iter().map(|(id, _)| *id).collect(),
        Unit::Events => events.filter(|id| *id != AttributeId::Type).collect(),
    };
    columns.into_iter().map(Shown::new).collect()
}

impl Default for Table {
    fn default() -> Self {
        Self {
            columns: usual(Unit::Connections),
            cell: 1,
            left: 0,
            selected: None,
            ends: None,
            ids: (0, 0),
            unit: Unit::Connections,
            aside: (usual(Unit::Events), 1),
            names: NamesSeen::default(),
            source_heading: 0,
            follow: true,
            top: 0,

            row: 0,
            hold: false,
        }
    }
}

impl Shown {
    pub(crate) fn new(column: AttributeId) -> Self {
        Self {
            column,
            width: None,
            seen: 0,
        }
    }

    pub(crate) fn heading(&self) -> &'static str {
        match self.column {
            AttributeId::Timestamp => "TIME",
            column => column.attribute().layout().heading,
        }
    }

    /// Whether all that it shows has its place on a connection's row.
    fn fits(&self) -> Option<(Column, usize)> {
        let column = of_connection(self.column).filter(|_| self.width.is_none())?;
        Some((column, self.seen.max(self.heading().len())))
    }

    /// Whether its texts can be cut without losing what matters.
    fn least(&self) -> usize {
        let layout = self.column.attribute().layout();
        match self.column {
            AttributeId::Timestamp => CLOCK,
            // Drops must be told from the rest by the word.
            AttributeId::Verdict => 9,
            AttributeId::Reason => 13,
            // Names of which less is seen say little: rather fewer columns.
            AttributeId::Source | AttributeId::Destination => 20,
            _ => layout.min.max(layout.heading.chars().count().min(8)),
        }
    }

    fn wanted(&self) -> usize {
        match self.column {
            AttributeId::Timestamp => CLOCK,
            _ => self
                .seen
                .max(self.heading().chars().count())
                .max(self.least()),
        }
    }

    pub(crate) fn align(&self) -> Align {
        self.column.attribute().layout().align
    }
}

/// Where a column stands on the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Place in [`Table::columns`].
    pub(crate) column: usize,
    /// From the left of the table.
    pub(crate) x: usize,
    pub(crate) width: usize,
}

impl Table {
    /// The selected column.
    pub(crate) fn column(&self) -> Option<AttributeId> {
        self.columns.get(self.cell).map(|shown| shown.column)
    }

    /// Shows what the columns of another unit are for.
    pub(crate) fn set_unit(&mut self, unit: Unit) {
        if self.unit != unit {
            self.unit = unit;
            std::mem::swap(&mut self.aside.0, &mut self.columns);
            std::mem::swap(&mut self.aside.1, &mut self.cell);
            self.left = 0;
        }
    }

    /// Columns and names are as wide as what is seen from now on.
    pub(crate) fn forget_seen(&mut self) {
        for shown in &mut self.columns {
            shown.seen = 0;
        }
        self.names = NamesSeen::default();
    }

    /// Takes note of the names of a row that is seen.
    pub(crate) fn see(&mut self, row: &rows::Row) {
        if self.names.workloads() > MOST_WORKLOADS {
            self.names = NamesSeen::default();
        }
        self.names.add(row);
    }

    /// Whether there is room for milliseconds.
    pub(crate) fn is_roomy(width: usize) -> bool {
        width >= ROOMY
    }

    /// A connection's columns as they fit a line best; `None` if there are others, the selected one
    /// would not be seen, or somebody wanted one of some width.
    fn fitted(&self, width: usize) -> Option<Vec<Place>> {
        if self.unit != Unit::Connections {
            return None;
        }
        let fits: Option<Vec<_>> = self.columns.iter().map(Shown::fits).collect();
        let fits = fits?;
        let columns: Vec<Column> = fits.iter().map(|(column, _)| *column).collect();
        let natural = |of: Column| fits.iter().find(|(column, _)| *column == of);
        let mut layout = Layout::of(&columns, width, |of| {
            natural(of).map_or(0, |(_, wide)| *wide)
        });
        // What is left has room for the namespace in the heading.
        let left = width.saturating_sub(layout.width());
        for (of, wide) in &mut layout.0 {
            let lacks = self.source_heading.saturating_sub(*wide);
            if *of == Column::Source && lacks <= left {
                *wide += lacks;
            }
        }
        // A reason at the edge may say more than how long the others are.
        let left = width.saturating_sub(layout.width());
        if let Some((Column::Why, wide)) = layout.0.last_mut() {
            *wide += left;
        }
        let mut x = 0;
        let mut places = Vec::new();
        for (of, wide) in layout.0 {
            let column = columns.iter().position(|column| *column == of)?;
            places.push(Place {
                column,
                x,
                width: wide.min(width.saturating_sub(x)),
            });
            x += wide + rows::GAP;
        }
        let is_seen = places.iter().any(|place| place.column == self.cell);
        is_seen.then_some(places)
    }

    /// Places of the columns that fit, from `left` on; the first one always stays.
    pub(crate) fn places(&self, width: usize) -> Vec<Place> {
        if let Some(places) = self.fitted(width) {
            return places;
        }
        let fixed = self.columns.iter().enumerate().take(1);
        let rest = self.columns.iter().enumerate().skip(1 + self.left);
        let mut places: Vec<Place> = Vec::new();
        let mut taken = 0;
        // As many as fit at their least.
        for (column, shown) in fixed.chain(rest) {
            let least = shown.width.unwrap_or_else(|| shown.least());
            let gap = if places.is_empty() { 0 } else { GAP };
            if taken + gap + least > width && !places.is_empty() {
                break;
            }
            taken += gap + least;
            places.push(Place {
                column,
                x: 0,
                width: least.min(width),
            });
        }
        // What is left goes to those that need more, the same to each, as they are cut alike then;
        // long texts come last.
        let mut left = width.saturating_sub(taken);
        for long in [false, true] {
            let wants = |place: &Place| {
                let shown = &self.columns[place.column];
                let is_long = matches!(shown.column, AttributeId::Policy | AttributeId::Summary);
                is_long == long && shown.width.is_none() && place.width < shown.wanted()
            };
            while left > 0 && places.iter().any(wants) {
                for place in &mut places {
                    if left > 0 && wants(place) {
                        place.width += 1;
                        left -= 1;
                    }
                }
            }
        }
        if let Some(last) = places.last_mut()
            && self.columns[last.column].width.is_none()
        {
            last.width += left;
        }
        let mut x = 0;
        for place in &mut places {
            place.x = x;
            x += place.width + GAP;
        }
        places
    }

    /// Makes the selected column one that is seen.
    pub(crate) fn reveal(&mut self, width: usize) {
        self.cell = self.cell.min(self.columns.len().saturating_sub(1));
        self.left = self.left.min(self.columns.len().saturating_sub(2));
        if self.fitted(width).is_some() {
            self.left = 0;
            return;
        }
        if self.cell == 0 {
            self.left = 0;
        } else if self.cell <= self.left {
            self.left = self.cell - 1;
        }
        while !self
            .places(width)
            .iter()
            .any(|place| place.column == self.cell)
            && self.left + 1 < self.cell
        {
            self.left += 1;
        }
    }

    /// Fits selection and place to the data, with so many lines on the screen.
    pub(crate) fn settle(&mut self, data: &Data, height: usize) {
        let len = data.len();
        if len == 0 {
            self.top = 0;
            self.row = 0;
            if data.is_empty() {
                self.selected = None;
            }
            return;
        }
        let height = height.max(1);
        if std::mem::replace(&mut self.ids, data.ids()) != self.ids
            && let (Some(LineId::Connection(_)), Some(ends)) = (self.selected, &self.ends)
        {
            let nearest = || data.at(data.line_at(ends.start)).map(|line| line.id);
            self.selected = data.find(ends).or_else(nearest);
        }
        let line = match self.selected {
            _ if self.follow && data.sorted_by().is_none() => len - 1,
            Some(id) => data.line(id).min(len - 1),
            None => 0,
        };
        let gone = self.selected.filter(|id| data.has_left(*id));
        self.selected = match gone {
            Some(id) if self.hold && !self.follow => Some(id),
            _ => data.at(line).map(|line| line.id),
        };
        if let Some(LineId::Connection(id)) = self.selected {
            self.ends = data.ends(id).or(self.ends);
        }
        self.row = self.row.min(height - 1).min(line);
        let most = len.saturating_sub(height);
        self.top = (line - self.row).min(most);
        self.row = line - self.top;
        if self.row >= height {
            self.top = line + 1 - height;
            self.row = height - 1;
        }
    }

    /// The selected line.
    pub(crate) fn line(&self) -> usize {
        self.top + self.row
    }

    /// Selects a line, and keeps the others where they are if it is among them.
    pub(crate) fn select(&mut self, data: &Data, line: usize, height: usize) {
        let line = line.min(data.len().saturating_sub(1));
        self.follow = false;
        self.selected = data.at(line).map(|line| line.id);
        let height = height.max(1);
        self.row = if line < self.top {
            0
        } else if line >= self.top + height {
            height - 1
        } else {
            line - self.top
        };
        self.settle(data, height);
    }

    /// Selects a line and shows it in the middle.
    pub(crate) fn jump(&mut self, data: &Data, line: usize, height: usize) {
        self.follow = false;
        let line = line.min(data.len().saturating_sub(1));
        self.selected = data.at(line).map(|line| line.id);
        self.row = height / 2;
        self.settle(data, height);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_share_the_width() {
        let mut table = Table::default();
        table.set_unit(Unit::Events);
        for shown in &mut table.columns {
            shown.seen = 40;
        }
        for width in [10, 40, 80, 120, 200, 400] {
            let places = table.places(width);
            let last = places.last().unwrap();
            assert!(!places.is_empty());
            assert!(
                last.x + last.width <= width.max(CLOCK),
                "{width}: {places:?}"
            );
            for pair in places.windows(2) {
                assert_eq!(pair[0].x + pair[0].width + GAP, pair[1].x);
            }
        }
        let wide = |column| {
            let places = table.places(80);
            let place = places
                .iter()
                .find(|place| table.columns[place.column].column == column);
            place.map(|place| place.width)
        };
        assert!(wide(AttributeId::Source) >= Some(16));
        assert!(wide(AttributeId::Verdict) >= Some(9));
    }

    #[test]
    fn the_selected_column_is_seen() {
        let mut table = Table::default();
        for cell in (0..table.columns.len()).chain((0..table.columns.len()).rev()) {
            table.cell = cell;
            table.reveal(50);
            let seen = table.places(50);
            assert!(
                seen.iter().any(|place| place.column == cell),
                "{cell}: {seen:?}"
            );
        }
    }

    #[test]
    fn a_width_that_was_chosen_stays() {
        let mut table = Table::default();
        table.columns[1].width = Some(20);
        table.columns[1].seen = 60;
        assert_eq!(table.places(200)[1].width, 20);
    }
}

//! Which columns a line has room for.

/// The columns of rows of connections, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Column {
    /// Last event.
    Time,
    /// Who opened it.
    Source,
    /// Who it was opened to, and the port.
    Destination,
    /// How it was judged.
    Verdict,
    /// Who decided.
    Why,
    /// How it stands.
    State,
    /// Bytes both ways.
    Bytes,
    /// Round trip of the handshake.
    Rtt,
    /// How long it lived.
    Age,
}

impl Column {
    /// All.
    pub const ALL: [Self; 9] = [
        Self::Time,
        Self::Source,
        Self::Destination,
        Self::Verdict,
        Self::Why,
        Self::State,
        Self::Bytes,
        Self::Rtt,
        Self::Age,
    ];

    /// What stands above it.
    pub fn heading(self) -> &'static str {
        match self {
            Self::Time => "TIME",
            Self::Source => "SOURCE",
            Self::Destination => "DESTINATION",
            Self::Verdict => "VERDICT",
            Self::Why => "WHY",
            Self::State => "STATE",
            Self::Bytes => "BYTES",
            Self::Rtt => "RTT",
            Self::Age => "AGE",
        }
    }

    /// Whether it is a number, which stands at the right.
    pub fn is_number(self) -> bool {
        match self {
            Self::Bytes | Self::Rtt | Self::Age => true,
            Self::Time
            | Self::Source
            | Self::Destination
            | Self::Verdict
            | Self::Why
            | Self::State => false,
        }
    }
}

/// Between two columns.
pub const GAP: usize = 2;
/// What is left out first where there is no room.
const DISPENSABLE: [Column; 3] = [Column::Rtt, Column::Age, Column::Bytes];
/// The reason is worth this much before numbers are left out, before names are cut, and at least.
const WHY: [usize; 3] = [44, 32, 14];
/// Names are cut to this before it isn't said how a connection stands, to the second before it isn't
/// said when it was, and at most to the third.
const NAME: [usize; 3] = [20, 12, 8];

/// Columns with their widths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout(pub Vec<(Column, usize)>);

impl Layout {
    /// The columns that fit a line, given how wide each would be.
    pub fn new(width: usize, natural: impl Fn(Column) -> usize) -> Self {
        Self::of(&Column::ALL, width, natural)
    }

    /// The same of these columns alone, in their order.
    pub fn of(columns: &[Column], width: usize, natural: impl Fn(Column) -> usize) -> Self {
        let columns = columns.iter().map(|column| (*column, natural(*column)));
        let mut layout = Self(columns.collect());
        if layout.width() <= width {
            return layout;
        }
        layout.cut(Column::Why, WHY[0], width);
        for column in DISPENSABLE {
            layout.leave_out(column, width);
        }
        layout.cut(Column::Why, WHY[1], width);
        layout.narrow_names(NAME[0], width);
        layout.leave_out(Column::State, width);
        layout.cut(Column::Why, WHY[2], width);
        layout.narrow_names(NAME[1], width);
        if layout.width() > width {
            layout.leave_out(Column::Why, width);
            for (column, of) in &mut layout.0 {
                *of = natural(*column);
            }
            layout.narrow_names(NAME[1], width);
        }
        if layout.width() > width {
            // Who, whom and the verdict are the least that a row can say.
            layout.leave_out(Column::Time, width);
            for (column, of) in &mut layout.0 {
                *of = natural(*column);
            }
            layout.narrow_names(NAME[2], width);
        }
        // What became free goes to the reason.
        let left = width.saturating_sub(layout.width());
        if let Some((_, why)) = layout.0.iter_mut().find(|(of, _)| *of == Column::Why) {
            *why = (*why + left).min(natural(Column::Why));
        }
        layout
    }

    /// Columns of the line that it takes.
    pub fn width(&self) -> usize {
        let gaps = self.0.len().saturating_sub(1) * GAP;
        self.0.iter().map(|(_, width)| width).sum::<usize>() + gaps
    }

    /// Takes from a column what is too much, down to `least`.
    fn cut(&mut self, column: Column, least: usize, width: usize) {
        let excess = self.width().saturating_sub(width);
        if let Some((_, of)) = self.0.iter_mut().find(|(of, _)| *of == column) {
            *of = of.saturating_sub(excess).max(least.min(*of));
        }
    }

    /// Leaves a column out if the line is too long.
    fn leave_out(&mut self, column: Column, width: usize) {
        if self.width() > width {
            self.0.retain(|(of, _)| *of != column);
        }
    }

    /// Takes from the wider of the names what is too much, down to `least`.
    fn narrow_names(&mut self, least: usize, width: usize) {
        while self.width() > width {
            let names = self.0.iter_mut().filter(|(of, width)| {
                matches!(of, Column::Source | Column::Destination) && *width > least
            });
            match names.max_by_key(|(_, width)| *width) {
                Some((_, width)) => *width -= 1,
                None => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn natural(column: Column) -> usize {
        match column {
            Column::Time => 8,
            Column::Source => 16,
            Column::Destination => 20,
            Column::Verdict => 7,
            Column::Why => 48,
            Column::State => 9,
            Column::Bytes => 7,
            Column::Rtt => 6,
            Column::Age => 6,
        }
    }

    #[test]
    fn all_columns_in_a_wide_line() {
        let layout = Layout::new(200, natural);
        assert_eq!(layout.0.len(), 9);
        assert_eq!(layout.width(), 143);
    }

    #[test]
    fn the_reason_stays_and_lines_are_full() {
        for width in 61..143 {
            let layout = Layout::new(width, natural);
            assert!(layout.width() <= width, "{width}: {layout:?}");
            let has = |of| layout.0.iter().any(|(column, _)| *column == of);
            assert!(
                has(Column::Why) && has(Column::Verdict),
                "{width}: {layout:?}"
            );
            assert!(has(Column::State) || width < 102, "{width}: {layout:?}");
        }
    }

    #[test]
    fn a_narrow_line_has_the_ends_and_the_verdict() {
        for width in 45..61 {
            let layout = Layout::new(width, natural);
            assert!(layout.width() <= width, "{width}: {layout:?}");
            assert_eq!(layout.0.last().map(|(of, _)| *of), Some(Column::Verdict));
        }
    }

    #[test]
    fn the_narrowest_line_has_no_time() {
        for width in 27..45 {
            let layout = Layout::new(width, natural);
            assert!(layout.width() <= width, "{width}: {layout:?}");
            let columns: Vec<Column> = layout.0.iter().map(|(of, _)| *of).collect();
            let wanted = [Column::Source, Column::Destination, Column::Verdict];
            assert_eq!(columns, wanted, "{width}");
        }
    }
}

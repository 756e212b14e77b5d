//! What stands in a line, read: an event, or a whole connection.

use client::{Item, Row, connections};
use flow::{
    connection::{Connection, ConnectionId, Connections},
    request::RequestView,
    rows,
    view::AnyFlow,
};

use super::{ConnectionEnds, Data, Line, LineId, Unit};

impl Data {
    /// The line of a connection that was one of another store, or had another id.
    pub(crate) fn find(&self, ends: &ConnectionEnds) -> Option<LineId> {
        let is = |line: &Line| {
            let LineId::Connection(id) = line.id else {
                return false;
            };
            let found = self.ends(id);
            found.is_some_and(|found| found.is_same(ends))
        };
        self.lines().rev().find(is).map(|line| line.id)
    }

    /// The connection that an event of a number is of, if it is shown.
    pub(crate) fn connection_of(&self, number: u64) -> Option<LineId> {
        let either = ConnectionEnds::of_event(self.row(number)?)?;
        either.iter().find_map(|ends| self.find(ends))
    }

    /// The line of the packet that an event of a number is of: of the events of one packet one is shown.
    pub(crate) fn packet_of(&self, number: u64) -> Option<LineId> {
        let event = self.row(number)?;
        let either = ConnectionEnds::of_event(event)?;
        let is = |line: &Line| {
            let of = self.row(line.number).and_then(ConnectionEnds::of_event);
            line.time == event.time() && of.is_some_and(|of| either.contains(&of[0]))
        };
        self.lines().rev().find(is).map(|line| line.id)
    }

    /// Number of the event that explains what stands in a line; `None`: it isn't held any more.
    pub(crate) fn number(&self, id: LineId) -> Option<u64> {
        match id {
            LineId::Item(number) => Some(number),
            LineId::Connection(id) => Some(*self.connection(id)?.deciding()),
        }
    }

    /// When what stands in a line was: of a connection when it began. Unix ns.
    pub(crate) fn time(&self, id: LineId) -> Option<i64> {
        match id {
            LineId::Item(number) => self.item(number).map(Item::time),
            LineId::Connection(id) => Some(self.connection(id)?.start()),
        }
    }

    /// Whether it has left the store, and can't be read any more.
    pub(crate) fn has_left(&self, id: LineId) -> bool {
        let first = self.shown.range().start;
        self.number(id).is_none_or(|number| number < first)
    }

    /// What the present is for what is shown, Unix ns.
    pub(crate) fn present(&self) -> i64 {
        self.present
    }

    /// All connections of the store that is shown, whether they match or not.
    pub(crate) fn connections(&self) -> &Connections<u64> {
        self.joined.connections()
    }

    pub(super) fn connection(&self, id: ConnectionId) -> Option<Connection<'_, u64>> {
        self.joined.connections().get(id)
    }

    /// Between which ends a connection is.
    pub(crate) fn ends(&self, id: ConnectionId) -> Option<ConnectionEnds> {
        self.connection(id).map(|of| ConnectionEnds::of(&of))
    }

    /// What is one line with this, itself among them; none if it is a line by itself.
    pub(crate) fn alike(&self, line: LineId) -> impl Iterator<Item = LineId> {
        let found = self.lines.alike(line, self.time(line));
        found.map(|entry| Line::from(entry).id)
    }

    /// What stands in a line as a row of a table, if lines are connections: a connection or a denied request, with
    /// those that are one line with it.
    pub(crate) fn line_row(&self, line: LineId) -> Option<rows::Row> {
        let found = self.lines.of_connections(line, self.time(line));
        let all = found.and_then(|(list, entry)| {
            list.row(entry, None, &self.joined, &self.shown, self.present)
        });
        all.or_else(|| self.own_row(line))
    }

    /// The same without others.
    pub(crate) fn own_row(&self, line: LineId) -> Option<rows::Row> {
        match line {
            LineId::Connection(id) => {
                let connection = self.connection(id)?;
                let view = connections::view(&connection, &self.shown, self.present)?;
                rows::Row::new(&connection, &view, true)
            }
            LineId::Item(number) => rows::Row::of_request(&self.request(number)?, true),
        }
    }

    /// A denied request, if lines are connections.
    fn request(&self, number: u64) -> Option<RequestView<'_, Row>> {
        match self.unit {
            Unit::Connections => connections::denied_request(&self.shown, number),
            Unit::Events => None,
        }
    }

    /// Shows what stands in a line, an event or a whole connection, as a flow; `None` of a mark, or of
    /// what isn't held any more.
    pub(crate) fn with_flow<T>(
        &self,
        id: LineId,
        see: impl FnOnce(&AnyFlow<'_>) -> T,
    ) -> Option<T> {
        match id {
            LineId::Item(number) => match self.request(number) {
                Some(view) => Some(see(&AnyFlow::new(&view))),
                None => Some(see(&AnyFlow::new(self.row(number)?))),
            },
            LineId::Connection(id) => {
                let connection = self.connection(id)?;
                let view = connections::view(&connection, &self.shown, self.present)?;
                Some(see(&AnyFlow::new(&view.begun(connection.start()))))
            }
        }
    }
}

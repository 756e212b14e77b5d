//! Every key: what it is called, where it works, what it does. The help, the guide and the program
//! read this table.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// What a key can do, outside of places where text is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Up,
    Down,
    PageUp,
    PageDown,
    Oldest,
    Newest,
    Left,
    Right,
    NextDrop,
    PrevDrop,
    Open,
    Back,
    Focus,
    Zoom,
    NextSection,
    NextChange,
    PrevChange,
    PrevSection,
    Pause,
    Follow,
    Older,
    Time,
    SelectLeft,
    SelectRight,
    Mark,
    ZoomIn,
    ZoomOut,
    Whole,
    Filter,
    EditFilter,
    DropFilter,
    ClearFilters,
    Include,
    Exclude,
    Pair,
    Connection,
    Unit,
    OnlyDrops,
    Verdicts,
    Columns,
    Sort,
    Narrower,
    Wider,
    MoveLeft,
    MoveRight,
    Flows,
    Top,
    Services,
    Nodes,
    Incidents,
    Acknowledge,
    Withdraw,
    Acknowledged,
    NextView,
    NextGrouping,
    CopyRow,
    CopyRule,
    CopyCommand,
    Export,
    Mouse,
    Reconnect,
    Redraw,
    Suspend,
    Help,
    Quit,
}

/// Where a key works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In every view.
    Everywhere,
    /// In the table of flows.
    Flows,
    /// With the details of a flow open.
    Details,
    /// In the views that sum up.
    Sums,
    /// In the view of incidents.
    Incidents,
    /// With the time cursor on.
    Time,
}

impl Place {
    /// As the help and the guide call it.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Everywhere => "Everywhere",
            Self::Flows => "Flows",
            Self::Details => "Details",
            Self::Sums => "Top and services",
            Self::Incidents => "Incidents",
            Self::Time => "Time cursor",
        }
    }
}

/// A line of the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Binding {
    /// The names of the keys, with spaces between.
    pub(crate) keys: &'static str,
    pub(crate) act: Act,
    pub(crate) place: Place,
    pub(crate) help: &'static str,
}

const fn key(keys: &'static str, act: Act, place: Place, help: &'static str) -> Binding {
    Binding {
        keys,
        act,
        place,
        help,
    }
}

use Place::{Details, Everywhere, Flows, Sums};

/// The table; in a place of its own a key comes before the same one of everywhere.
#[rustfmt::skip]
pub(crate) const BINDINGS: &[Binding] = &[
    key("1", Act::Flows, Everywhere, "flows: every connection, as it happens"),
    key("2", Act::Top, Everywhere, "top: pairs, ports, reasons, policies and nodes with the most connections"),
    key("3", Act::Services, Everywhere, "services: who talks to whom"),
    key("4", Act::Nodes, Everywhere, "nodes: connected, rates, losses, lag"),
    key("d 5", Act::Incidents, Everywhere, "incidents: what is denied, by cause; from there, back"),
    key("v", Act::NextView, Everywhere, "next view"),
    key("Up k", Act::Up, Everywhere, "line up"),
    key("Down j", Act::Down, Everywhere, "line down"),
    key("PgUp Ctrl-b", Act::PageUp, Everywhere, "page up"),
    key("PgDn Ctrl-f", Act::PageDown, Everywhere, "page down"),
    key("Home g", Act::Oldest, Everywhere, "first line"),
    key("End G", Act::Newest, Everywhere, "last line; of flows: the newest, and follow"),
    key("Enter", Act::Open, Everywhere, "details; in views that sum up: what it is made of"),
    key("Esc", Act::Back, Everywhere, "close, leave, back"),
    key("Space p", Act::Pause, Everywhere, "pause and resume: no flow is lost meanwhile"),
    key("D", Act::OnlyDrops, Everywhere, "only what is denied or dropped, on and off"),
    key("V", Act::Verdicts, Everywhere, "choose verdicts"),
    key("/", Act::Filter, Everywhere, "filter with an expression"),
    key("E", Act::EditFilter, Everywhere, "edit the last filter"),
    key("x Backspace", Act::DropFilter, Everywhere, "remove the last filter"),
    key("X", Act::ClearFilters, Everywhere, "remove all filters"),
    key("t", Act::Time, Everywhere, "time cursor: jump to a time, zoom, or show a time range only"),
    key("w", Act::Export, Everywhere, "write what is shown to a file (.json or .csv)"),
    key("R", Act::Reconnect, Everywhere, "reconnect and reload"),
    key("m", Act::Mouse, Everywhere, "mouse on and off (off: the terminal's own selection)"),
    key("Ctrl-l", Act::Redraw, Everywhere, "redraw the screen"),
    key("Ctrl-z", Act::Suspend, Everywhere, "suspend; the shell's fg resumes"),
    key("? F1", Act::Help, Everywhere, "this help"),
    key("q Ctrl-c", Act::Quit, Everywhere, "quit"),

    key("n", Act::NextDrop, Flows, "next drop"),
    key("N", Act::PrevDrop, Flows, "previous drop"),
    key("e", Act::Unit, Flows, "events of packets instead of connections, on and off"),
    key("f", Act::Follow, Flows, "follow the newest, on and off"),
    key("o", Act::Older, Flows, "fetch older flows; going up from the first line does, too"),
    key("Left h", Act::Left, Flows, "cell to the left"),
    key("Right l", Act::Right, Flows, "cell to the right"),
    key("+ =", Act::Include, Flows, "only those with this cell's value"),
    key("-", Act::Exclude, Flows, "none with this cell's value"),
    key("P", Act::Pair, Flows, "only this pair, both ways"),
    key("C", Act::Connection, Flows, "only this connection"),
    key("s", Act::Sort, Flows, "sort by this column: down, up, by time"),
    key("c", Act::Columns, Flows, "choose columns"),
    key("[", Act::Narrower, Flows, "column narrower"),
    key("]", Act::Wider, Flows, "column wider"),
    key("<", Act::MoveLeft, Flows, "column to the left"),
    key(">", Act::MoveRight, Flows, "column to the right"),
    key("y", Act::CopyRow, Flows, "copy the row"),

    key("Tab", Act::Focus, Details, "switch between table and details"),
    key("z", Act::Zoom, Details, "show details full screen, or beside the table"),
    key("}", Act::NextSection, Details, "next section"),
    key("{", Act::PrevSection, Details, "previous section"),
    key("Y", Act::CopyRule, Details, "copy the smallest rule that would allow it"),
    key("T", Act::CopyCommand, Details, "copy the flows policy trace command"),

    key("Tab", Act::NextGrouping, Sums, "next: pairs, ports, reasons, policies, nodes"),
    key("s", Act::Sort, Sums, "sort by number, drops, bytes"),
    key("Left h", Act::Left, Sums, "close the branch; previous grouping"),
    key("Right l", Act::Right, Sums, "open the branch; next grouping"),
    key("+ =", Act::Include, Sums, "only what this line is made of"),
    key("-", Act::Exclude, Sums, "nothing of this line"),
    key("y", Act::CopyRow, Sums, "copy the filter of this line"),

    key("C", Act::Connection, Place::Incidents, "its connections"),
    key("a", Act::Acknowledge, Place::Incidents, "acknowledge it, until a time, for everybody who looks"),
    key("u", Act::Withdraw, Place::Incidents, "withdraw its acknowledgement"),
    key("A", Act::Acknowledged, Place::Incidents, "hide and show those that are acknowledged (\u{2713})"),
    key("+ =", Act::Include, Place::Incidents, "only this incident"),
    key("-", Act::Exclude, Place::Incidents, "all but this incident"),
    key("y", Act::CopyRow, Place::Incidents, "copy the filter of this incident"),

    key("n", Act::NextChange, Place::Time, "next change of the cluster's state (\u{25b2})"),
    key("N", Act::PrevChange, Place::Time, "previous change"),
    key("Left h", Act::Left, Place::Time, "previous bar"),
    key("Right l", Act::Right, Place::Time, "next bar"),
    key("PgUp", Act::PageUp, Place::Time, "ten bars back"),
    key("PgDn", Act::PageDown, Place::Time, "ten bars on"),
    key("Home g", Act::Oldest, Place::Time, "first bar"),
    key("End G", Act::Newest, Place::Time, "last bar"),
    key("Shift-Left H", Act::SelectLeft, Place::Time, "extend the selection to the previous bar"),
    key("Shift-Right L", Act::SelectRight, Place::Time, "extend the selection to the next bar"),
    key("Space", Act::Mark, Place::Time, "start a selection here; again: clear it"),
    key("+ =", Act::ZoomIn, Place::Time, "zoom in: half the time"),
    key("-", Act::ZoomOut, Place::Time, "zoom out: twice the time"),
    key("0", Act::Whole, Place::Time, "show all flows in memory"),
    key("Enter", Act::Open, Place::Time, "go to the flows of this time; with a selection: show only those"),
    key("Esc t", Act::Back, Place::Time, "leave"),
];

/// The name of a key as the table has it.
pub(crate) fn name(key: &KeyEvent) -> String {
    let base = match key.code {
        KeyCode::Char(' ') => "Space".to_owned(),
        KeyCode::Char(letter) => letter.to_string(),
        KeyCode::PageUp => "PgUp".to_owned(),
        KeyCode::PageDown => "PgDn".to_owned(),
        KeyCode::BackTab => "Shift-Tab".to_owned(),
        KeyCode::F(number) => format!("F{number}"),
        code => format!("{code:?}"),
    };
    // Of a letter it is said by the letter.
    let shifted = !matches!(key.code, KeyCode::Char(_) | KeyCode::BackTab);
    if key.modifiers.contains(KeyModifiers::CONTROL) {
        format!("Ctrl-{base}")
    } else if shifted && key.modifiers.contains(KeyModifiers::SHIFT) {
        format!("Shift-{base}")
    } else if key.modifiers.contains(KeyModifiers::ALT) {
        format!("Alt-{base}")
    } else {
        base
    }
}

/// What the key does at one of these places, the first one that knows it.
pub(crate) fn act(key: &KeyEvent, places: &[Place]) -> Option<Act> {
    let name = name(key);
    let at = |place: &Place| {
        let mut here = BINDINGS.iter().filter(|binding| binding.place == *place);
        here.find(|binding| binding.keys.split(' ').any(|key| key == name))
    };
    places.iter().find_map(at).map(|binding| binding.act)
}

/// The line to which a key goes from another one, the last of them at most; `page` are seen at once.
pub(crate) fn moved(act: Act, line: usize, page: usize, last: usize) -> usize {
    let to = match act {
        Act::Up => line.saturating_sub(1),
        Act::Down => line + 1,
        Act::PageUp => line.saturating_sub(page),
        Act::PageDown => line + page,
        Act::Oldest => 0,
        Act::Newest => last,
        _ => line,
    };
    to.min(last)
}

/// The first key for an act, to be shown.
pub(crate) fn shown(act: Act) -> &'static str {
    let binding = BINDINGS.iter().find(|binding| binding.act == act);
    binding.map_or("", |binding| {
        binding.keys.split(' ').next().unwrap_or_default()
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_key_does_two_things_at_one_place() {
        let mut seen = HashSet::new();
        for binding in BINDINGS {
            for key in binding.keys.split(' ') {
                assert!(seen.insert((key, binding.place.title())), "{key}");
            }
        }
    }

    #[test]
    fn keys_are_found_by_place() {
        let key = |code| KeyEvent::new(code, KeyModifiers::NONE);
        for (pressed, places, want) in [
            (
                key(KeyCode::Char('j')),
                &[Flows, Everywhere][..],
                Some(Act::Down),
            ),
            (
                key(KeyCode::Tab),
                &[Details, Flows, Everywhere],
                Some(Act::Focus),
            ),
            (
                key(KeyCode::Tab),
                &[Sums, Everywhere],
                Some(Act::NextGrouping),
            ),
            (key(KeyCode::Char(' ')), &[Everywhere], Some(Act::Pause)),
            (key(KeyCode::F(1)), &[Everywhere], Some(Act::Help)),
            (
                KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL),
                &[Flows, Everywhere],
                Some(Act::Quit),
            ),
            (
                KeyEvent::new(KeyCode::Char('G'), KeyModifiers::SHIFT),
                &[Everywhere],
                Some(Act::Newest),
            ),
            (key(KeyCode::Char('n')), &[Sums, Everywhere], None),
        ] {
            assert_eq!(act(&pressed, places), want, "{pressed:?}");
        }
        assert_eq!(shown(Act::Pause), "Space");
    }
}

//! The filters in force, each shown as a chip: those of the command line, which the server applies,
//! and those added on the screen.

use flow::{
    Filter, FlowView, Verdict, attribute::AttributeId, filter::Leaf, filter_for, time::Zone,
};

/// The verdicts that can be chosen, with the keys that do.
pub(crate) const VERDICTS: [(char, Verdict); 7] = [
    ('d', Verdict::Dropped),
    ('f', Verdict::Forwarded),
    ('r', Verdict::Redirected),
    ('e', Verdict::Error),
    ('a', Verdict::Audit),
    ('t', Verdict::Traced),
    ('x', Verdict::Translated),
];

/// A filter with its text.
#[derive(Clone, Debug)]
pub(crate) struct Chip {
    pub(crate) text: String,
    filter: Filter,
    /// The time that it is about (Unix ns, both included), which expressions can't say.
    pub(crate) time: Option<(i64, i64)>,
}

impl Chip {
    /// Reads an expression.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub(crate) fn read(text: &str) -> Result<Self, Refused> {
        let text = text.trim();
        let filter = Filter::parse_expr(text).map_err(|error| Refused {
            column: error.column,
            length: error.length,
            message: error.to_string(),
        })?;
        Ok(Self {
            text: text.to_owned(),
            filter,
            time: None,
        })
    }

    /// Only what happened between two moments (Unix ns, both included).
    pub(crate) fn between(from: i64, to: i64, zone: &Zone) -> Self {
        Self {
            text: format!("{} \u{2013} {}", zone.clock(from), zone.clock(to)),
            filter: Filter::All(Vec::new()),
            time: Some((from, to)),
        }
    }
}

/// Why an expression isn't one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// In characters, from 1.
    pub(crate) column: usize,
    /// In characters.
    pub(crate) length: usize,
    pub(crate) message: String,
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filters {
    /// The command line's, as text; empty if there are none.
    pub(crate) given: String,
    /// What of the command line's the server can't apply.
    rest: Option<Filter>,
    /// The command line's are about single packets, and only those are asked for.
    given_of_packets: bool,
    pub(crate) chips: Vec<Chip>,
    /// Verdicts that are shown, bit by number; 0: all.
    verdicts: u32,
}

fn bit(verdict: Verdict) -> u32 {
    u32::try_from(verdict as i32).map_or(0, |number| 1 << number)
}

impl Filters {
    /// Those of the command line: their text, and what of them the server can't apply.
    pub(crate) fn new(given: String, rest: Option<Filter>) -> Self {
        Self {
            given,
            rest,
            ..Self::default()
        }
    }

    /// Those of the command line, which are about single packets.
    pub(crate) fn of_single_packets(given: String, rest: Option<Filter>) -> Self {
        Self {
            given_of_packets: true,
            ..Self::new(given, rest)
        }
    }

    /// All of them as one.
    pub(crate) fn filter(&self) -> Filter {
        Filter::All(vec![self.given(), self.added()])
    }

    /// What of the command line's the server can't apply.
    pub(crate) fn given(&self) -> Filter {
        Filter::All(self.rest.iter().cloned().collect())
    }

    /// What lets through all events of connections that match; `None` if some filter is about single
    /// packets.
    pub(crate) fn for_connections(&self) -> Option<Filter> {
        let all = self.filter().for_connections();
        all.filter(|_| !self.given_of_packets)
    }

    /// The text of the filter that is about single packets, if one is.
    pub(crate) fn of_packets(&self) -> Option<&str> {
        let is = |chip: &&Chip| chip.filter.for_connections().is_none();
        let chip = self.chips.iter().find(is).map(|chip| &*chip.text);
        chip.or_else(|| self.given_of_packets.then_some(&*self.given))
    }

    /// Those added on the screen, as one.
    pub(crate) fn added(&self) -> Filter {
        let verdicts = (self.verdicts != 0).then(|| Filter::Leaf(Leaf::Verdict(self.verdicts)));
        let chips = self.chips.iter().map(|chip| chip.filter.clone());
        Filter::All(verdicts.into_iter().chain(chips).collect())
    }

    /// The time outside of which nothing is shown, Unix ns, both included.
    pub(crate) fn within(&self) -> Option<(i64, i64)> {
        self.chips.iter().find_map(|chip| chip.time)
    }

    /// Whether something is hidden that the server sent.
    pub(crate) fn hide(&self) -> bool {
        self.verdicts != 0 || !self.chips.is_empty()
    }

    /// Adds one, unless it is there. A time takes the place of another one.
    pub(crate) fn add(&mut self, chip: Chip) {
        if chip.time.is_some() {
            self.chips.retain(|known| known.time.is_none());
        }
        if self.chips.iter().all(|known| known.text != chip.text) {
            self.chips.push(chip);
        }
    }

    /// Removes the last one; whether there was one.
    pub(crate) fn drop_last(&mut self) -> bool {
        if self.chips.pop().is_some() {
            return true;
        }
        std::mem::take(&mut self.verdicts) != 0
    }

    /// Removes the one at a place; `None`: that of the verdicts.
    pub(crate) fn remove(&mut self, place: Option<usize>) {
        match place {
            None => self.verdicts = 0,
            Some(at) if at < self.chips.len() => {
                self.chips.remove(at);
            }
            Some(_) => {}
        }
    }

    /// The text of the one that is removed first.
    pub(crate) fn last(&self) -> Option<String> {
        let chip = self.chips.last().map(|chip| chip.text.clone());
        chip.or_else(|| self.verdicts())
    }

    /// Whether they let through nothing that others don't, as far as one can see. Times are not for
    /// servers, and don't count.
    pub(crate) fn refine(&self, others: &Self) -> bool {
        let verdicts =
            others.verdicts == 0 || (self.verdicts != 0 && self.verdicts & !others.verdicts == 0);
        let has = |other: &Chip| self.chips.iter().any(|own| own.text == other.text);
        let mut others = others.chips.iter().filter(|chip| chip.time.is_none());
        verdicts && others.all(has)
    }

    /// How many were added on the screen.
    pub(crate) fn count(&self) -> usize {
        self.chips.len() + usize::from(self.verdicts != 0)
    }

    pub(crate) fn clear(&mut self) {
        self.chips.clear();
        self.verdicts = 0;
    }

    pub(crate) fn shows(&self, verdict: Verdict) -> bool {
        self.verdicts == 0 || self.verdicts & bit(verdict) != 0
    }

    pub(crate) fn only_drops(&self) -> bool {
        self.verdicts == bit(Verdict::Dropped) | bit(Verdict::Error)
    }

    pub(crate) fn toggle_only_drops(&mut self) {
        self.verdicts = if self.only_drops() {
            0
        } else {
            bit(Verdict::Dropped) | bit(Verdict::Error)
        };
    }

    /// Shows a verdict or hides it. All and none are the same.
    pub(crate) fn toggle(&mut self, verdict: Verdict) {
        let all = VERDICTS.iter().fold(0, |all, (_, one)| all | bit(*one));
        let shown = if self.verdicts == 0 {
            all
        } else {
            self.verdicts
        };
        self.verdicts = (shown ^ bit(verdict)) & all;
        if self.verdicts == all {
            self.verdicts = 0;
        }
    }

    /// The verdicts as a chip's text.
    pub(crate) fn verdicts(&self) -> Option<String> {
        if self.verdicts == 0 {
            return None;
        }
        if self.only_drops() {
            return Some("dropped".to_owned());
        }
        let (shown, hidden): (Vec<_>, Vec<_>) = VERDICTS
            .iter()
            .partition(|(_, verdict)| self.shows(*verdict));
        let names = |of: &[&(char, Verdict)]| {
            let names = of.iter().map(|(_, one)| one.as_str_name().to_lowercase());
            names.collect::<Vec<_>>().join(" or ")
        };
        // The shorter way to say it.
        Some(match hidden.len() {
            1 => format!("not {}", names(&hidden)),
            count if count < shown.len() => format!("not ({})", names(&hidden)),
            _ => names(&shown),
        })
    }
}

/// An expression that holds for flows with the same value in a column; `None` if there is none.
pub(crate) fn same<V: FlowView>(row: &V, column: AttributeId) -> Option<String> {
    let [from, to] = filter_for::opened(row);
    match column {
        AttributeId::Type => None,
        AttributeId::Why => {
            let policy = filter_for::cell(row, AttributeId::PolicyName);
            policy.or_else(|| same(row, AttributeId::Reason))
        }
        // Who opened the connection, so that replies don't match.
        AttributeId::Source => filter_for::endpoint(row, from, "src."),
        AttributeId::Destination => {
            let who = filter_for::endpoint(row, to, "dst.")?;
            Some(match row.port(to) {
                Some(port) => format!("{who} and dst.port == {port}"),
                None => who,
            })
        }
        AttributeId::Reason if row.verdict() != Verdict::Dropped => None,
        column => filter_for::cell(row, column),
    }
}

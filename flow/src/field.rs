//! The fields of a flow, each defined once: what expressions compare, what flows are grouped by, what
//! is completed.

mod names;
mod table;
mod text;

pub(crate) use names::{PROTOCOLS, named};
pub use table::FIELDS;

use crate::filter::{NumberOf, TextOf};
use crate::view::Side;

/// Which end a field is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ends {
    /// None.
    None,
    /// This one.
    One(Side),
    /// At least one of both.
    Either,
}

/// What a field holds, and so what it can be compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Yes or no: stands for itself.
    Bool,
    /// A number: `==`, `<`, ranges.
    Number,
    /// Bytes: a number, with `k`, `M`, `G` behind it.
    Bytes,
    /// Microseconds: a number, with `us`, `ms`, `s` behind it.
    Time,
    /// One of some names.
    Name,
    /// A text: `==`, `~` with `*`, `=~`.
    Text,
    /// The same; `~` takes `namespace/beginning`.
    Scoped,
    /// An address: `==`, networks.
    Ip,
    /// Labels: `==` takes a selector, `~` and `=~` a label's text.
    Labels,
    /// TCP flags: `==` exactly these, `~` at least these.
    Flags,
}

impl Kind {
    /// In a word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bool => "yes/no",
            Self::Number => "number",
            Self::Bytes => "bytes",
            Self::Time => "duration",
            Self::Name => "name",
            Self::Text => "text",
            Self::Scoped => "[ns/]name",
            Self::Ip => "address",
            Self::Labels => "labels",
            Self::Flags => "flags",
        }
    }
}

/// What a field asks a flow for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum What {
    Ip,
    Port,
    Pod,
    Namespace,
    Workload,
    Service,
    Fqdn,
    Cluster,
    Identity,
    Label,
    Verdict,
    Reason,
    Type,
    Direction,
    Protocol,
    Reply,
    Encrypted,
    Flags,
    /// One TCP flag.
    Flag(u16),
    IpVersion,
    SnatIp,
    Node,
    NodeLabel,
    Interface,
    Policy,
    HttpStatus,
    HttpMethod,
    HttpPath,
    HttpUrl,
    HttpHeader,
    DnsQuery,
    Uuid,
    TraceId,
    IpTraceId,
    /// A number and nothing else.
    Number(NumberOf),
    /// A number with a name.
    Named(NumberOf),
    /// A text and nothing else.
    Text(TextOf),
}

/// A field.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// Other names that are taken for it.
    pub aliases: &'static [&'static str],
    /// What it holds.
    pub kind: Kind,
    /// Which end it is about.
    pub ends: Ends,
    /// What it is, in a line.
    pub doc: &'static str,
    pub(crate) what: What,
}

impl Field {
    /// The field of that name or alias, in any case.
    pub fn named(name: &str) -> Option<&'static Self> {
        FIELDS.iter().find(|field| {
            field.name.eq_ignore_ascii_case(name)
                || field
                    .aliases
                    .iter()
                    .any(|alias| alias.eq_ignore_ascii_case(name))
        })
    }

    /// The values it is known to have, with a line about each; empty if they can't be told.
    pub fn known_values(&self) -> Vec<(String, &'static str)> {
        names::known(self.what)
    }

    /// The field of one end that this field, of either end, is about.
    pub(crate) fn at(&self, side: Side) -> &'static Self {
        let one = |field: &&Self| field.what == self.what && field.ends == Ends::One(side);
        FIELDS
            .iter()
            .find(one)
            .expect("a test holds that fields of either end have both")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        let mut names: Vec<&str> = Vec::new();
        for field in FIELDS {
            names.push(field.name);
            names.extend(field.aliases);
        }
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
        for field in FIELDS {
            assert_eq!(Field::named(field.name).map(|f| f.name), Some(field.name));
            if field.ends == Ends::Either {
                assert_eq!(field.at(Side::Source).name, format!("src.{}", field.name));
                assert_eq!(
                    field.at(Side::Destination).name,
                    format!("dst.{}", field.name)
                );
            }
        }
    }

    #[test]
    fn columns_and_fields_of_one_name_are_of_one_thing() {
        // What columns show and fields don't hold.
        let not_fields = ["timestamp", "source", "destination"];
        for about in crate::columns::Column::all() {
            let known = Field::named(about.name).is_some();
            assert_eq!(known, !not_fields.contains(&about.name), "{}", about.name);
        }
    }
}

//! The attributes of a flow, each declared once, in `table`: its names, what it holds, where it
//! stands in a table, how it is read. From that follow the fields of expressions and what they are
//! compared with, columns, sort keys, groups, the facts about one flow, completion and
//! `docs/FILTERS.md`.

mod cell;
mod names;
mod read;
mod table;

use crate::view::{FlowView, Side};

pub use cell::{Cells, SortKey};
pub(crate) use names::PROTOCOLS;
use names::{Known, Named};
pub(crate) use read::url_path;
use read::{AnyPair, AnyText, Read};

/// Which attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AttributeId {
    /// Of one end of the packet: what sent it, what it goes to.
    Of(Side, EndAttribute),
    /// Of at least one of the ends.
    Either(EndAttribute),
    /// When.
    Timestamp,
    /// On which node.
    Node,
    /// Labels of the node.
    NodeLabel,
    /// Who opened the connection, and the arrow.
    Source,
    /// Who it was opened to.
    Destination,
    /// Kind of event; as a column what was seen, on which layer, of which protocol.
    Type,
    /// How it was judged.
    Verdict,
    /// Why it was dropped; as a column why, in general.
    Reason,
    /// The policies that decided; as a column with their rules.
    Policy,
    /// Why, by name only: the column of what `policy` compares.
    PolicyName,
    /// What those policies want to stand in the log.
    PolicyLog,
    /// What a policy verdict matched on.
    Match,
    /// Ingress or egress.
    Direction,
    /// Whether this is a reply.
    Reply,
    /// Protocol, the one seen by a proxy if there is one.
    Protocol,
    /// TCP flags.
    TcpFlags,
    /// One TCP flag.
    TcpFlag(u16),
    /// ICMP type.
    IcmpType,
    /// ICMP code.
    IcmpCode,
    /// Version of IP.
    IpVersion,
    /// Source address after translation.
    SnatIp,
    /// Whether it was encrypted between nodes.
    Encrypted,
    /// Bytes of the connection so far.
    Bytes,
    /// Packets of the connection so far.
    Packets,
    /// Round trip of the handshake.
    Rtt,
    /// Policy revision of the node.
    Revision,
    /// Further packets that a drop stands for.
    Limited,
    /// Whether it was delivered behind a flow that happened later.
    Late,
    /// Why the event was sent.
    Cause,
    /// How the connection stands.
    State,
    /// How long the connection has been there.
    Age,
    /// Packets of the connection that were dropped.
    Drops,
    /// Who decided, policy first.
    Why,
    /// Place of the packet in its connection.
    TraceReason,
    /// Network interface.
    Interface,
    /// Status of an HTTP response.
    HttpStatus,
    /// HTTP method.
    HttpMethod,
    /// Path of the HTTP URL.
    HttpPath,
    /// HTTP URL.
    HttpUrl,
    /// HTTP headers.
    HttpHeader,
    /// Name asked for in DNS.
    DnsQuery,
    /// Response code of DNS.
    DnsRcode,
    /// What was asked for, in a few words.
    Request,
    /// Trace id of the request.
    TraceId,
    /// Trace id in an IP option.
    IpTraceId,
    /// Unique id.
    Uuid,
    /// One line about the packet or the request.
    Summary,
}

/// What is known of an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EndAttribute {
    /// Pod.
    Pod,
    /// Namespace.
    Namespace,
    /// Workloads.
    Workload,
    /// Service.
    Service,
    /// Address.
    Ip,
    /// Port.
    Port,
    /// Identity.
    Identity,
    /// Labels.
    Label,
    /// DNS names.
    Fqdn,
    /// Cluster.
    Cluster,
}

/// What an attribute holds, and so what it can be compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ValueType {
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

impl ValueType {
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

/// Where a cell's text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// Under what the facts about one flow are put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Section {
    /// They stand above all others.
    Title,
    /// The packet.
    Packet,
    /// What sent it.
    Source,
    /// What it goes to.
    Destination,
    /// The policy.
    Policy,
    /// The connection.
    Connection,
    /// Where and how it was seen.
    Observation,
}

/// An attribute as a column.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// What stands above it.
    pub heading: &'static str,
    /// Characters below which it is of no use.
    pub min: usize,
    /// Characters that most of its texts need.
    pub width: usize,
    /// Where its texts stand.
    pub align: Align,
    /// Where it stands among the facts about one flow.
    pub section: Section,
    /// What it shows, if that is more than what expressions compare.
    shows: Option<&'static str>,
}

/// Writes an attribute's text for a flow.
type Cell = fn(&dyn FlowView, Side, &Cells, &mut String);

/// An attribute of flows.
#[derive(Debug)]
pub struct Attribute {
    /// Which.
    pub id: AttributeId,
    /// Its name.
    pub name: &'static str,
    /// Other names that expressions take for it.
    pub aliases: &'static [&'static str],
    /// What it holds.
    pub value_type: ValueType,
    /// What it is, in a line.
    pub doc: &'static str,
    /// What it is called among others of the same section.
    pub label: &'static str,
    /// How it is shown in tables; `None` if it is not.
    pub column: Option<Column>,
    read: Read,
    known: Known,
    /// The greatest number that it can be.
    pub(crate) max: u64,
    /// Its text, if that is another one than what is read.
    cell: Option<Cell>,
}

impl PartialEq for Attribute {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Attribute {}

impl AttributeId {
    /// What is declared of it.
    pub fn attribute(self) -> &'static Attribute {
        let declared = table::all().find(|attribute| attribute.id == self);
        declared.expect("a test holds that every attribute is declared")
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        self.attribute().name
    }

    /// The column of that name.
    pub fn column(name: &str) -> Option<Self> {
        let mut columns = Attribute::columns();
        let found = columns.find(|attribute| attribute.name == name);
        found.map(|attribute| attribute.id)
    }

    /// See [`Attribute::text`].
    pub fn text<V: FlowView>(self, flow: &V, cells: &Cells) -> String {
        self.attribute().text(flow, cells)
    }

    /// See [`Attribute::key`].
    pub fn key<V: FlowView>(self, flow: &V) -> SortKey {
        self.attribute().key(flow)
    }

    /// The end it is about; of what is about either or none, the source.
    pub fn side(self) -> Side {
        if let Self::Of(side, _) = self {
            side
        } else {
            Side::Source
        }
    }
}

impl Attribute {
    /// The columns of `-o wide`.
    pub const WIDE: &'static [AttributeId] = &[
        AttributeId::Timestamp,
        AttributeId::Source,
        AttributeId::Destination,
        AttributeId::Type,
        AttributeId::Verdict,
        AttributeId::Reason,
        AttributeId::Policy,
    ];

    /// What expressions can name, in the order in which it is listed.
    pub fn fields() -> impl Iterator<Item = &'static Self> + Clone {
        table::all().filter(|attribute| !matches!(attribute.read, Read::No))
    }

    /// What can be a column, in the order in which it is offered.
    pub fn columns() -> impl Iterator<Item = &'static Self> {
        table::in_columns().filter(|attribute| attribute.column.is_some())
    }

    /// What expressions know by that name or alias, in any case.
    pub fn field(name: &str) -> Option<&'static Self> {
        Self::fields().find(|field| {
            field.name.eq_ignore_ascii_case(name)
                || field
                    .aliases
                    .iter()
                    .any(|alias| alias.eq_ignore_ascii_case(name))
        })
    }

    /// How it stands in a table; what is no column, as a text below its name.
    pub fn layout(&self) -> Column {
        self.column.unwrap_or(Column {
            heading: self.name,
            min: self.name.len(),
            width: 12,
            align: Align::Left,
            section: Section::Packet,
            shows: None,
        })
    }

    /// What it shows as a column, in a line.
    pub fn help(&self) -> &'static str {
        let shows = self.column.and_then(|column| column.shows);
        shows.unwrap_or(self.doc)
    }

    /// The values it is known to have, with a line about each; empty if they can't be told.
    pub fn known_values(&self) -> Vec<(String, &'static str)> {
        match (self.value_type, self.known) {
            (ValueType::Bool, _) => vec![("true".to_owned(), ""), ("false".to_owned(), "")],
            (_, Known::Texts(texts)) => texts(),
            (_, Known::Names(names)) => {
                let names = names().into_iter();
                names.map(|(_, name, about)| (name, about)).collect()
            }
            (_, Known::Spelled(names, offered)) => {
                let names = names().into_iter().take(offered);
                names.map(|(_, name, about)| (name, about)).collect()
            }
            (_, Known::No) => Vec::new(),
        }
    }

    /// The numbers that have names.
    pub(crate) fn names(&self) -> Vec<Named> {
        match self.known {
            Known::Names(names) | Known::Spelled(names, _) => names(),
            Known::Texts(_) | Known::No => Vec::new(),
        }
    }

    /// The number that it is; `None` if there is none. Of yes and no, 1 and 0.
    pub(crate) fn number(&self, flow: &dyn FlowView) -> Option<u64> {
        match self.read {
            Read::Number(read) => read(flow, self.id.side()),
            Read::Bool(read) => read(flow).map(u64::from),
            Read::No | Read::Special | Read::Text(_) | Read::Pair(_) => None,
        }
    }

    /// Whether it is a number, or yes or no, and compared as such.
    pub(crate) fn is_number(&self) -> bool {
        matches!(self.read, Read::Number(_) | Read::Bool(_))
    }

    /// Calls `text` on its texts, or `pair` on the scope and name of those that have a scope, until
    /// that says true, and says whether it did.
    pub(crate) fn any_text(
        &self,
        flow: &dyn FlowView,
        text: AnyText<'_>,
        pair: AnyPair<'_>,
    ) -> bool {
        match self.read {
            Read::Text(read) => read(flow, self.id.side(), text),
            Read::Pair(read) => read(flow, self.id.side(), pair),
            Read::No | Read::Special | Read::Number(_) | Read::Bool(_) => false,
        }
    }

    /// Its text for a flow; not yet safe for a terminal, as names come from elsewhere.
    pub fn text<V: FlowView>(&self, flow: &V, cells: &Cells) -> String {
        let mut text = String::new();
        self.write(flow, cells, &mut text);
        text
    }

    /// Adds the same to what stands in `out`.
    pub fn write<V: FlowView>(&self, flow: &V, cells: &Cells, out: &mut String) {
        cell::write(self, flow, cells, out);
    }

    /// What it sorts by as a column.
    pub fn key<V: FlowView>(&self, flow: &V) -> SortKey {
        cell::key(self, flow)
    }

    /// What expressions compare of the flow: one value, or several joined by commas; empty if nothing.
    /// Of an attribute of either end it is the source's.
    pub fn value<V: FlowView>(&self, flow: &V) -> String {
        cell::value(self, flow)
    }

    /// The same of one end, if it is of either.
    pub fn at(&'static self, side: Side) -> &'static Self {
        if let AttributeId::Either(of) = self.id {
            AttributeId::Of(side, of).attribute()
        } else {
            self
        }
    }
}

//! What a flow has in a field, as text.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "each place is about a few of many fields, signs or tokens"
)]

use proto::flow::layer7::Record;
use proto::flow::{IpVersion, Verdict};

use super::{Ends, Field, Kind, What};
use crate::columns::{Cells, Column};
use crate::view::{FlowView, Side};
use crate::vocabulary::event;

impl Field {
    /// What the flow has there: one value, or several joined by commas; empty if nothing. Of a field
    /// of either end it is the source's.
    pub fn text<V: FlowView>(&self, flow: &V) -> String {
        let name = match self.ends {
            Ends::Either => self.at(Side::Source).name,
            Ends::None | Ends::One(_) => self.name,
        };
        // Fields and columns of one name are of one thing, but these columns say more.
        let more = matches!(self.what, What::Policy | What::Type | What::Reason);
        if let Some(column) = Column::named(name).filter(|_| !more) {
            let plain = Cells {
                plain: true,
                ..Cells::default()
            };
            return column.text(flow, &plain);
        }
        self.without_column(flow)
    }

    fn without_column<V: FlowView>(&self, flow: &V) -> String {
        if let What::Number(of) | What::Named(of) = self.what {
            let Some(number) = of.of(flow) else {
                return String::new();
            };
            let names = super::named(self.what);
            let name = names.iter().find(|(known, ..)| u64::from(*known) == number);
            return match (self.kind, name) {
                (Kind::Name, Some((_, name, _))) => name.clone(),
                _ => number.to_string(),
            };
        }
        let http = |read: fn(&proto::flow::Http) -> String| match record(flow) {
            Some(Record::Http(http)) => read(http),
            Some(_) | None => String::new(),
        };
        match self.what {
            What::Type => match flow.event_type() {
                Some((kind, sub)) => {
                    let sub = Some(sub).filter(|_| kind == event::TRACE);
                    crate::filter::event_type(Some(kind), sub)
                }
                None => String::new(),
            },
            What::Reason if flow.verdict() != Verdict::Dropped => String::new(),
            What::Reason => Column::Reason.text(flow, &Cells::default()),
            What::Policy => Column::PolicyName.text(flow, &Cells::default()),
            What::Encrypted => flow.encrypted().to_string(),
            What::Flag(bit) => match flow.tcp_flags() {
                Some(flags) => (flags & bit != 0).to_string(),
                None => String::new(),
            },
            What::IpVersion => match flow.ip_version() {
                IpVersion::IPv4 => "4".to_owned(),
                IpVersion::IPv6 => "6".to_owned(),
                IpVersion::IpNotUsed => "none".to_owned(),
            },
            What::SnatIp => flow
                .source_xlated()
                .map(|ip| ip.to_string())
                .unwrap_or_default(),
            What::NodeLabel => {
                let mut labels = Vec::new();
                flow.any_node_label(&mut |label| {
                    labels.push(label.to_owned());
                    false
                });
                labels.join(",")
            }
            What::IpTraceId => match flow.ip_trace_id() {
                0 => String::new(),
                id => id.to_string(),
            },
            What::HttpStatus => http(|http| match http.code {
                0 => String::new(),
                code => code.to_string(),
            }),
            What::HttpMethod => http(|http| http.method.clone()),
            What::HttpUrl => http(|http| http.url.clone()),
            What::HttpPath => http(|http| crate::filter::url_path(&http.url).unwrap_or_default()),
            What::HttpHeader => http(|http| {
                let headers = http.headers.iter();
                let headers = headers.map(|header| format!("{}:{}", header.key, header.value));
                headers.collect::<Vec<_>>().join(",")
            }),
            What::DnsQuery => match record(flow) {
                Some(Record::Dns(dns)) => {
                    let query = dns.query.as_str();
                    query.strip_suffix('.').unwrap_or(query).to_owned()
                }
                Some(_) | None => String::new(),
            },
            // The others have columns.
            _ => String::new(),
        }
    }
}

fn record<V: FlowView>(flow: &V) -> Option<&Record> {
    flow.l7()?.record.as_ref()
}

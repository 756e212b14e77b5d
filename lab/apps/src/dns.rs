//! A resolver that knows some names, by UDP and TCP (RFC 1035).

use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, TcpListener, TcpStream, UdpSocket};
use std::str::FromStr;
use std::thread;

use hickory_proto::op::{Message, MessageType, OpCode, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, CNAME};
use hickory_proto::rr::{LowerName, Name, RData, Record, RecordType};

use crate::serve;

/// What a client takes by UDP that doesn't say otherwise.
const PLAIN_UDP: usize = 512;
/// The most that is sent by UDP, whatever a client takes.
const MOST_UDP: usize = 1232;
/// How many names one may lead to, one behind the other.
const CHAIN: usize = 8;

/// `NAME=ADDRESS`, or `NAME=OTHER` for a name that is another's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    name: Name,
    data: RData,
}

impl FromStr for Entry {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is none of NAME=ADDRESS and NAME=OTHER-NAME");
        let (name, value) = text.split_once('=').ok_or_else(wrong)?;
        let name = absolute(name).ok_or_else(wrong)?;
        let data = match value.parse() {
            Ok(IpAddr::V4(address)) => RData::A(A(address)),
            Ok(IpAddr::V6(address)) => RData::AAAA(AAAA(address)),
            Err(_not_an_address) => RData::CNAME(CNAME(absolute(value).ok_or_else(wrong)?)),
        };
        Ok(Self { name, data })
    }
}

fn absolute(text: &str) -> Option<Name> {
    let mut name = Name::from_ascii(text).ok()?;
    name.set_fqdn(true);
    (!name.is_root()).then_some(name)
}

/// What a resolver knows.
#[derive(Clone, Debug)]
pub struct Zone {
    /// Its names. Others don't exist.
    pub entries: Vec<Entry>,
    /// How long answers may be kept, in seconds.
    pub ttl: u32,
}

impl Zone {
    /// Serves until it is stopped.
    pub fn serve(&self, tcp: &TcpListener, udp: &UdpSocket) {
        thread::scope(|scope| {
            scope.spawn(|| serve(tcp, |stream| self.talk(stream)));
            let mut buffer = [0; 4096];
            loop {
                match udp.recv_from(&mut buffer) {
                    Ok((length, from)) => {
                        let Some(answer) = self.answer_to(&buffer[..length], true) else {
                            continue;
                        };
                        if let Err(error) = udp.send_to(&answer, from) {
                            tracing::warn!(%from, %error, "no answer sent");
                        }
                    }
                    // What an earlier answer met, for instance.
                    Err(error) => tracing::warn!(%error, "no query read"),
                }
            }
        });
    }

    fn talk(&self, mut stream: TcpStream) -> io::Result<()> {
        loop {
            let mut length = [0; 2];
            stream.read_exact(&mut length)?;
            let mut query = vec![0; usize::from(u16::from_be_bytes(length))];
            stream.read_exact(&mut query)?;
            let Some(answer) = self.answer_to(&query, false) else {
                return Ok(());
            };
            let length = u16::try_from(answer.len()).map_err(io::Error::other)?;
            stream.write_all(&[&length.to_be_bytes()[..], &answer].concat())?;
        }
    }

    /// The answer to a query; none to what is no query.
    fn answer_to(&self, query: &[u8], udp: bool) -> Option<Vec<u8>> {
        let query = Message::from_vec(query).ok()?;
        if query.metadata.message_type != MessageType::Query {
            return None;
        }
        let answer = self.answer(&query);
        let bytes = answer.to_vec().ok()?;
        let takes = match query.edns {
            Some(_) => usize::from(query.max_payload()).clamp(PLAIN_UDP, MOST_UDP),
            None => PLAIN_UDP,
        };
        if udp && bytes.len() > takes {
            return answer.truncate().to_vec().ok();
        }
        Some(bytes)
    }

    fn answer(&self, query: &Message) -> Message {
        let mut answer = Message::response(query.metadata.id, query.metadata.op_code);
        answer.metadata.recursion_desired = query.metadata.recursion_desired;
        answer.metadata.recursion_available = true;
        let [asked] = &query.queries[..] else {
            answer.metadata.response_code = ResponseCode::FormErr;
            return answer;
        };
        answer.add_query(asked.clone());
        if query.metadata.op_code != OpCode::Query {
            answer.metadata.response_code = ResponseCode::NotImp;
            return answer;
        }
        let mut name = asked.name.clone();
        let mut is_known = false;
        for _ in 0..CHAIN {
            let mut alias = None;
            for entry in self.of(&name) {
                is_known = true;
                let wanted = entry.data.record_type() == asked.query_type
                    || asked.query_type == RecordType::ANY;
                if let RData::CNAME(CNAME(other)) = &entry.data {
                    alias = Some(other.clone());
                } else if !wanted {
                    continue;
                }
                let data = entry.data.clone();
                answer.add_answer(Record::from_rdata(name.clone(), self.ttl, data));
            }
            match alias {
                Some(other) if asked.query_type != RecordType::CNAME => name = other,
                _ => break,
            }
        }
        if !is_known {
            answer.metadata.response_code = ResponseCode::NXDomain;
        }
        answer
    }

    fn of(&self, name: &Name) -> impl Iterator<Item = &Entry> {
        let name = LowerName::new(name);
        let entries = self.entries.iter();
        entries.filter(move |entry| LowerName::new(&entry.name) == name)
    }
}

#[cfg(test)]
mod tests {
    use hickory_proto::op::Query;

    use super::*;

    fn zone() -> Zone {
        let texts = [
            "api.stripe.com=203.0.113.10",
            "api.stripe.com=2001:db8::10",
            "www.stripe.com=api.stripe.com",
            "loop.test=loop.test",
        ];
        let mut entries: Vec<Entry> = texts.map(|text| text.parse().unwrap()).into();
        for host in 0..60 {
            entries.push(format!("many.test=203.0.113.{host}").parse().unwrap());
        }
        Zone { entries, ttl: 30 }
    }

    fn ask(name: &str, of: RecordType, udp: bool) -> Message {
        let mut query = Message::query();
        query.metadata.id = 7;
        query.add_query(Query::query(absolute(name).unwrap(), of));
        let answer = zone().answer_to(&query.to_vec().unwrap(), udp).unwrap();
        let answer = Message::from_vec(&answer).unwrap();
        assert_eq!((answer.metadata.id, answer.queries.len()), (7, 1));
        answer
    }

    fn told(answer: &Message) -> Vec<String> {
        let answers = answer.answers.iter();
        answers.map(|record| record.data.to_string()).collect()
    }

    #[test]
    fn names_addresses_and_aliases() {
        assert_eq!(
            told(&ask("API.stripe.com", RecordType::A, true)),
            ["203.0.113.10"]
        );
        assert_eq!(
            told(&ask("www.stripe.com", RecordType::AAAA, true)),
            ["api.stripe.com.", "2001:db8::10"]
        );
        assert_eq!(
            told(&ask("api.stripe.com", RecordType::MX, true)),
            [] as [&str; 0]
        );
        let none = ask("other.test", RecordType::A, true);
        assert_eq!(none.metadata.response_code, ResponseCode::NXDomain);
        assert_eq!(told(&ask("loop.test", RecordType::A, true)).len(), CHAIN);
    }

    #[test]
    fn what_is_too_long_for_udp_is_cut() {
        let cut = ask("many.test", RecordType::A, true);
        assert!(cut.metadata.truncation && cut.answers.is_empty());
        assert_eq!(
            ask("many.test", RecordType::A, false).answers.len(),
            60,
            "by TCP"
        );
    }

    #[test]
    fn what_is_no_query_is_not_answered() {
        assert_eq!(zone().answer_to(b"", true), None);
        let answer = Message::response(1, OpCode::Query).to_vec().unwrap();
        assert_eq!(zone().answer_to(&answer, true), None);
        for wrong in ["", "a", "=1.2.3.4", "a=", "a..b=1.2.3.4"] {
            assert!(wrong.parse::<Entry>().is_err(), "{wrong}");
        }
    }
}

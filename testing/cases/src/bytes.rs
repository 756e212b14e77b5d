//! Requests as they are sent.

use crate::table::{Dns, Http, Kafka, Tls};

impl Http {
    /// The head of an HTTP/1.1 request without a body.
    pub fn head(&self) -> String {
        let Self {
            method, path, host, ..
        } = self;
        let mut text = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\n");
        for (name, value) in self.lines() {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text + "\r\n"
    }

    /// Its headers without the host's, one for each line.
    pub fn lines(&self) -> Vec<(&str, &str)> {
        let lines = self.headers.iter().flat_map(|(name, value)| {
            let one = std::slice::from_ref(value);
            let values = value.as_array().map_or(one, Vec::as_slice);
            values.iter().map(move |value| {
                let text = value.as_str();
                (
                    name.as_str(),
                    text.unwrap_or_else(|| panic!("{name}: {value}")),
                )
            })
        });
        lines.collect()
    }
}

impl Dns {
    /// The record type's number.
    pub fn number(&self) -> u16 {
        let mut numbers = 1..=256;
        let number = numbers.find(|number| l7_wire::dns::type_name(*number) == self.rtype);
        number.unwrap_or_else(|| panic!("{} is no known type", self.rtype))
    }

    /// A query with recursion desired.
    pub fn query(&self, id: u16) -> Vec<u8> {
        let header = words(&[id, 0x0100, 1, 0, 0, 0]);
        [header, dns_name(&self.name), words(&[self.number(), 1])].concat()
    }
}

/// A name as it stands in messages.
pub(crate) fn dns_name(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in text.split('.').filter(|label| !label.is_empty()) {
        bytes.push(u8::try_from(label.len()).unwrap());
        bytes.extend_from_slice(label.as_bytes());
    }
    bytes.push(0);
    bytes
}

pub(crate) fn words(words: &[u16]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

/// Bytes after their number, in so many bytes.
fn counted(size: usize, bytes: &[u8]) -> Vec<u8> {
    let length = bytes.len().to_be_bytes();
    [&length[length.len() - size..], bytes].concat()
}

impl Tls {
    /// A ClientHello (RFC 8446, 4.1.2) in one record.
    pub fn hello(&self) -> Vec<u8> {
        let mut extensions = Vec::new();
        if !self.sni.is_empty() {
            let entry = [&[0], &*counted(2, self.sni.as_bytes())].concat();
            extensions = [&[0, 0], &*counted(2, &counted(2, &entry))].concat();
        }
        let parts: [&[u8]; 6] = [
            &[3, 3],
            &[7; 32],
            &[0],
            &[0, 2, 0x13, 1],
            &[1, 0],
            &counted(2, &extensions),
        ];
        let message = [&[1], &*counted(3, &parts.concat())].concat();
        [&[22, 3, 1], &*counted(2, &message)].concat()
    }
}

impl Kafka {
    /// The request as a frame, of the few kinds and versions that the table has; others have no body.
    pub fn frame(&self, correlation_id: i32) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend_from_slice(&self.api_key.to_be_bytes());
        out.extend_from_slice(&self.api_version.to_be_bytes());
        out.extend_from_slice(&correlation_id.to_be_bytes());
        kafka_text(&mut out, self.client_id.as_deref().unwrap_or(""));
        match (self.api_key, self.api_version) {
            (0, version) => {
                if version >= 3 {
                    out.extend_from_slice(&(-1_i16).to_be_bytes());
                }
                out.extend_from_slice(&1_i16.to_be_bytes());
                out.extend_from_slice(&1000_i32.to_be_bytes());
                self.each(&mut out, &|out| {
                    let records = 0_i32;
                    for number in [1, 0, records] {
                        out.extend_from_slice(&number.to_be_bytes());
                    }
                });
            }
            (1, version) => {
                for number in [-1_i32, 500, 1, 1 << 20] {
                    out.extend_from_slice(&number.to_be_bytes());
                }
                if version >= 4 {
                    out.push(0);
                }
                self.each(&mut out, &|out| {
                    for number in [1_i32, 0, 0, 0, 1 << 20] {
                        out.extend_from_slice(&number.to_be_bytes());
                    }
                });
            }
            (3, _) if self.topics.is_empty() => out.extend_from_slice(&(-1_i32).to_be_bytes()),
            (3, _) => self.each(&mut out, &|_| {}),
            (19, _) => self.each(&mut out, &|out| {
                out.extend_from_slice(&1_i32.to_be_bytes());
                out.extend_from_slice(&1_i16.to_be_bytes());
                out.extend_from_slice(&[0; 8]);
            }),
            (10, _) => kafka_text(&mut out, "group"),
            (20, _) => self.each(&mut out, &|_| {}),
            _ => {}
        }
        counted(4, &out)
    }

    fn each(&self, out: &mut Vec<u8>, after: &dyn Fn(&mut Vec<u8>)) {
        let count = i32::try_from(self.topics.len()).unwrap();
        out.extend_from_slice(&count.to_be_bytes());
        for name in &self.topics {
            kafka_text(out, name);
            after(out);
        }
    }
}

fn kafka_text(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(&counted(2, text.as_bytes()));
}

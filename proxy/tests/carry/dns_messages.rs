//! DNS messages, by hand.

pub(crate) const A: u16 = 1;
pub(crate) const CNAME: u16 = 5;
pub(crate) const AAAA: u16 = 28;

fn name(text: &str) -> Vec<u8> {
    let labels = text.split('.').filter(|label| !label.is_empty());
    let mut bytes: Vec<u8> = labels
        .flat_map(|label| [&[u8::try_from(label.len()).unwrap()], label.as_bytes()].concat())
        .collect();
    bytes.push(0);
    bytes
}

fn words(words: &[u16]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

/// A query with recursion desired.
pub(crate) fn query(id: u16, asked: &str, qtype: u16) -> Vec<u8> {
    let header = words(&[id, 0x0100, 1, 0, 0, 0]);
    [header, name(asked), words(&[qtype, 1])].concat()
}

/// A record of an answer.
pub(crate) struct Record(
    pub(crate) &'static str,
    pub(crate) u16,
    pub(crate) u32,
    pub(crate) Vec<u8>,
);

/// An alias.
pub(crate) fn cname(owner: &'static str, ttl: u32, target: &str) -> Record {
    Record(owner, CNAME, ttl, name(target))
}

/// The answer to a query: its id and question, a code and records.
pub(crate) fn answer(query: &[u8], rcode: u16, records: &[Record]) -> Vec<u8> {
    let count = u16::try_from(records.len()).unwrap();
    let mut bytes = query[..2].to_vec();
    bytes.extend(words(&[0x8180 | rcode, 1, count, 0, 0]));
    bytes.extend(&query[12..]);
    for Record(owner, rtype, ttl, data) in records {
        bytes.extend(name(owner));
        bytes.extend(words(&[*rtype, 1]));
        bytes.extend(ttl.to_be_bytes());
        bytes.extend(words(&[u16::try_from(data.len()).unwrap()]));
        bytes.extend(data);
    }
    bytes
}

/// Id, response code and number of questions and answers.
pub(crate) fn head(message: &[u8]) -> (u16, u16, u16, u16) {
    let word = |at: usize| u16::from_be_bytes([message[at], message[at + 1]]);
    assert_eq!(word(2) >> 15, 1, "a response");
    (word(0), word(2) & 0xf, word(4), word(6))
}

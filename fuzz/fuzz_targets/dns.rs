//! Any bytes as a DNS message, a query and a response. Nothing beyond what the message delimits counts, and
//! every answer that is made of one is a response to it.

#![no_main]

use l7::wire::dns::{MAX_REPLY, Query, Response, rcode};
use l7::wire::name::{Kind, Name, Pattern};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut out = [0; MAX_REPLY];
    match Query::read(bytes) {
        Ok(query) => {
            let message = query.message();
            let again = Query::read(message).expect("the message alone is a query");
            assert_eq!(again.name, query.name);
            assert!(Query::read(&message[..message.len() - 1]).is_err());
            let length = query.reply(rcode::REFUSED, &mut out).expect("room for any");
            let reply = Response::read(&out[..length]).expect("a response");
            assert_eq!((reply.id, reply.rcode), (query.id(), 5));
            assert_eq!(reply.question, Some((query.name.clone(), query.qtype)));
            matches_as_a_pattern(&query.name);
        }
        Err(rejected) => {
            let reply = rejected.reply(&mut out).expect("room for any");
            assert_eq!(reply.is_some(), rejected.rcode().is_some());
        }
    }
    if let Ok(response) = Response::read(bytes) {
        let message = response.message();
        let answers: Vec<_> = response.answers().collect();
        if !response.truncated {
            let again = Response::read(message).expect("the message alone is a response");
            assert!(again.answers().eq(answers.iter().cloned()));
            assert!(Response::read(&message[..message.len() - 1]).is_err());
        }
        if let Some(least) = response.least_ttl() {
            assert!(answers.iter().any(|record| record.ttl == least));
        }
    }
});

/// A name matches itself, if a policy can write it.
fn matches_as_a_pattern(name: &Name) {
    let text = name.to_string();
    if let Ok(pattern) = Pattern::new(&text, Kind::Exact) {
        assert!(pattern.matches(name), "{text}");
        assert_eq!(Name::from_text(&text).as_ref(), Ok(name));
    }
    let all = Pattern::new("*", Kind::DnsRule).expect("a pattern");
    assert!(all.matches(name));
}

//! The table of `testdata/l7/cases.yaml`, whose head explains the form: policies, requests and names' addresses,
//! and what must come out. What the policies are is text here: who judges it reads it in its own way. What is no
//! known word, or is missing, fails the reading, so that no case is passed over; so does what the form has and no
//! case yet (HTTP/1.0, acks of Kafka), until somebody drives it.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "helpers of a test fail it"
)]

mod bytes;
mod table;
mod timeline;

pub use table::{
    Dns, Expect, Fixtures, Http, Kafka, L4, NamedPort, Pod, Probe, Request, Set, Status, Table,
    Tls, Validation, Version,
};
pub use timeline::{Action, Answer, Config, Connect, Outcome, Selector, Step, Timeline};

/// The table as it is written.
pub const TEXT: &str = include_str!("../../../testdata/l7/cases.yaml");

/// Reads the table.
pub fn table() -> Table {
    // `n` is a name here.
    let options = serde_saphyr::options! { strict_booleans: true };
    serde_saphyr::from_str_with_options(TEXT, options).expect("the table has the form of its head")
}

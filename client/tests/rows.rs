//! A row shows all that the message shows.

use std::fs;

use flow::{
    attribute::{Attribute, AttributeId, Cells},
    view::{self, Message},
};
use flows_client::Store;
use proto::json::{self, Unknown};

#[test]
fn a_row_shows_in_every_attribute_what_its_message_shows() {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/hubble-golden");
    let mut compared = 0;
    for file in ["flows.jsonl", "empty.jsonl"] {
        let text = fs::read_to_string(format!("{directory}/{file}")).unwrap();
        for line in text.lines() {
            let response: proto::observer::GetFlowsResponse =
                json::read(line, Unknown::Ignore).unwrap();
            let Ok(flow) = view::of_response(&response) else {
                continue;
            };
            let store = Store::new(1);
            store.push(std::slice::from_ref(&response), i64::MAX);
            let snapshot = store.snapshot();
            let row = snapshot.row(snapshot.range().start).unwrap();
            let message = Message::new(flow);
            for about in Attribute::columns() {
                // A flow without a time is given its response's.
                if about.id == AttributeId::Timestamp && flow.time.is_none() {
                    continue;
                }
                for translate in [true, false] {
                    let cells = Cells {
                        translate,
                        ..Cells::default()
                    };
                    let (shown, wanted) = (about.text(row, &cells), about.text(&message, &cells));
                    assert_eq!(shown, wanted, "{} of {line}", about.name);
                }
                assert_eq!(
                    about.key(row),
                    about.key(&message),
                    "{} of {line}",
                    about.name
                );
                compared += 1;
            }
            for field in Attribute::fields() {
                let (held, wanted) = (field.value(row), field.value(&message));
                assert_eq!(held, wanted, "{} of {line}", field.name);
            }
            assert_eq!(
                snapshot.message(snapshot.range().start).as_ref(),
                Some(flow)
            );
        }
    }
    assert!(compared > 1000, "{compared}");
}

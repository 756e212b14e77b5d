//! Any text as an expression: the first line, with a cursor at each character; the second one is a
//! flow as JSON. What is refused is pointed at. What is read prints as an expression of the same
//! meaning, and what is pushed to a server, with the rest, says what the whole does.

#![no_main]

use flow::expr::{NoValues, complete};
use flow::filter::Filter;
use libfuzzer_sys::fuzz_target;
use proto::flow::Flow;
use proto::json::{self, Unknown};

fuzz_target!(|text: &str| {
    let (text, flow) = text.split_once('\n').unwrap_or((text, ""));
    let flow: Flow = json::read(flow, Unknown::Ignore).unwrap_or_default();
    for (cursor, _) in text.char_indices().take(200) {
        for completion in complete(text, cursor, &NoValues) {
            assert!(text.get(completion.range).is_some());
        }
    }
    let filter = match Filter::parse_expr(text) {
        Ok(filter) => filter,
        Err(error) => {
            assert!(text.get(error.start..).is_some());
            assert!(error.render(text).contains('^'));
            return;
        }
    };
    let matches = filter.matches(&flow);
    assert_eq!(filter.program().matches(&flow), matches);

    let printed = filter.to_string();
    // What was written short may be printed longer than can be read.
    if printed.len() <= flow::expr::MAX_LENGTH {
        let read = Filter::parse_expr(&printed).expect("what is printed can be read");
        assert_eq!(read.matches(&flow), matches, "{printed}");
    }

    let pushed = filter.push_down();
    let server = Filter::from_lists(&pushed.whitelist, &pushed.blacklist)
        .expect("what is pushed can be read");
    let rest = pushed.rest.as_ref().is_none_or(|rest| rest.matches(&flow));
    assert_eq!(server.matches(&flow) && rest, matches, "{pushed:?}");
});

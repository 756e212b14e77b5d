//! Filters as the command line and the wire bring them, held against a flow. Each line is
//!
//! ```text
//! --from-pod shop/cart            a flag and its value; --not, --allowlist and --denylist too
//! {"verdict":"DROPPED",...}       the flow; the last one counts
//! ```
//!
//! Whatever is refused is left out. What was taken must survive the wire and the JSON form, and all
//! ways to evaluate it must agree.

#![no_main]

use flow::filter::Filter;
use flow::flags::{FilterFlags, Lists};
use libfuzzer_sys::fuzz_target;
use proto::flow::{Flow, FlowFilter};
use proto::json::{self, Unknown};
use proto::observer::GetFlowsRequest;

fuzz_target!(|text: &str| {
    let mut flags = FilterFlags::default();
    let mut flow = Flow::default();
    for line in text.lines() {
        if let Some(flag) = line.strip_prefix("--") {
            let (name, value) = flag.split_once(' ').unwrap_or((flag, ""));
            // A refused flag is told by its text.
            if let Err(error) = flags.set(name, value) {
                assert!(!error.to_string().is_empty());
            }
        } else if let Ok(read) = json::read(line, Unknown::Ignore) {
            flow = read;
        }
    }
    let Ok(lists) = flags.finish() else {
        return;
    };
    survives_the_wire(&lists);
    survives_json(&lists);
    evaluate(&lists, &flow);
});

fn survives_the_wire(lists: &Lists) {
    let request = GetFlowsRequest {
        whitelist: lists.whitelist.clone(),
        blacklist: lists.blacklist.clone(),
        ..GetFlowsRequest::default()
    };
    let bytes = prost::Message::encode_to_vec(&request);
    let read: GetFlowsRequest = prost::Message::decode(bytes.as_slice()).expect("just written");
    assert_eq!(read, request);
}

fn survives_json(lists: &Lists) {
    assert!(!lists.yaml().expect("filters have a JSON form").is_empty());
    for filter in lists.whitelist.iter().chain(&lists.blacklist) {
        let text = json::to_string(filter).expect("filters have a JSON form");
        let read: FlowFilter = json::read(&text, Unknown::Refuse).expect("just written");
        assert_eq!(&read, filter, "{text}");
    }
}

fn evaluate(lists: &Lists, flow: &Flow) {
    let (white, black) = (&lists.whitelist, &lists.blacklist);
    let filter = match Filter::from_lists(white, black) {
        Ok(filter) => filter,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    let passes = filter.matches(flow);
    let mut program = filter.program();
    assert_eq!(program.matches(flow), passes);
    assert_eq!(program.matches(flow), passes, "the second time");
    assert!(passes || !filter.is_everything());

    // One filter at a time: some of the whitelist, none of the blacklist.
    let one = |filter: &FlowFilter| {
        let filter = Filter::try_from(filter).expect("the list was taken");
        filter.matches(flow)
    };
    let expected = (white.is_empty() || white.iter().any(one)) && !black.iter().any(one);
    assert_eq!(passes, expected);
}

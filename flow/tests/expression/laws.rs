//! What holds of all filters and flows: random combinations of the expressions of the table and of
//! the filters that Hubble's CLI makes, against flows mixed from recorded ones.

use std::sync::LazyLock;

use flow::aggregate::{Aggregator, fields};
use flow::expr::quote;
use flow::view::{ByInitiator, Message, NoFlow};
use flow::workload_ref::{Kind, WorkloadRef};
use flow::{Filter, Side};
use proptest::prelude::*;
use proptest::sample::Index;
use proto::flow::{Flow, FlowFilter};
use proto::json::{self, Unknown};
use proto::observer::{GetFlowsResponse, get_flows_response::ResponseTypes};

use crate::{MEANINGS, flow, flows};

fn golden(name: &str) -> String {
    let path = format!(
        "{}/../testdata/hubble-golden/{name}",
        env!("CARGO_MANIFEST_DIR")
    );
    std::fs::read_to_string(path).unwrap()
}

/// The recorded flows, and those of the table several times.
static FLOWS: LazyLock<Vec<Flow>> = LazyLock::new(|| {
    let text = golden("flows.jsonl");
    let read = text.lines().filter_map(|line| {
        let response = json::read::<GetFlowsResponse>(line, Unknown::Ignore).ok()?;
        match response.response_types? {
            ResponseTypes::Flow(flow) => Some(flow),
            ResponseTypes::NodeStatus(_) | ResponseTypes::LostEvents(_) => None,
        }
    });
    let mut all: Vec<Flow> = read.collect();
    assert!(all.len() > 50);
    for _ in 0..20 {
        all.extend(flows());
    }
    all
});

/// The filters that Hubble's CLI made of flags.
static FILTERS: LazyLock<Vec<Filter>> = LazyLock::new(|| {
    let text = golden("raw-filters.jsonl");
    let rows = text
        .lines()
        .map(|row| serde_json::from_str::<serde_json::Value>(row).unwrap());
    let outputs: Vec<String> = rows
        .map(|row| row["stdout"].as_str().unwrap().to_owned())
        .collect();
    let lines = outputs.iter().flat_map(|text| text.lines());
    let filters = lines.filter_map(|line| {
        let text = line.trim().strip_prefix("- '")?.strip_suffix('\'')?;
        let filter: FlowFilter = json::read(text, Unknown::Refuse).unwrap();
        // CEL is a language of its own.
        let plain = filter.experimental.is_none();
        plain.then(|| Filter::try_from(&filter).ok()).flatten()
    });
    let mut all: Vec<Filter> = filters.collect();
    assert!(all.len() > 30);
    let table = MEANINGS.iter();
    all.extend(table.map(|(text, _)| Filter::parse_expr(text).unwrap()));
    all
});

/// A flow with each of its parts from one of several.
fn mixed(picks: &[Index]) -> Flow {
    let mut picks = picks.iter();
    let mut from = || picks.next().unwrap().get(&FLOWS);
    Flow {
        uuid: from().uuid.clone(),
        verdict: from().verdict,
        ip: from().ip.clone(),
        l4: from().l4.clone(),
        source: from().source.clone(),
        destination: from().destination.clone(),
        node_name: from().node_name.clone(),
        node_labels: from().node_labels.clone(),
        source_names: from().source_names.clone(),
        destination_names: from().destination_names.clone(),
        l7: from().l7.clone(),
        event_type: from().event_type,
        source_service: from().source_service.clone(),
        destination_service: from().destination_service.clone(),
        traffic_direction: from().traffic_direction,
        policy_match_type: from().policy_match_type,
        trace_reason: from().trace_reason,
        ip_trace_id: from().ip_trace_id,
        drop_reason_desc: from().drop_reason_desc,
        is_reply: from().is_reply,
        interface: from().interface.clone(),
        trace_context: from().trace_context.clone(),
        summary: from().summary.clone(),
        extensions: from().extensions.clone(),
        ..Flow::default()
    }
}

const PARTS: usize = 24;

fn any_flow() -> impl Strategy<Value = Flow> {
    prop::collection::vec(any::<Index>(), PARTS).prop_map(|picks| mixed(&picks))
}

fn any_filter() -> impl Strategy<Value = Filter> {
    let one = any::<Index>().prop_map(|index| index.get(&FILTERS).clone());
    one.prop_recursive(4, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Filter::All),
            prop::collection::vec(inner.clone(), 0..4).prop_map(Filter::Any),
            inner.prop_map(|filter| Filter::Not(Box::new(filter))),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn a_printed_filter_means_the_same(
        filter in any_filter(),
        flows in prop::collection::vec(any_flow(), 20),
    ) {
        let printed = filter.to_string();
        let read = match Filter::parse_expr(&printed) {
            Ok(read) => read,
            Err(error) => panic!("{}", error.render(&printed)),
        };
        for flow in &flows {
            prop_assert_eq!(read.matches(flow), filter.matches(flow), "{}", printed);
        }
        prop_assert_eq!(read.matches(&NoFlow), filter.matches(&NoFlow), "{}", printed);
        prop_assert_eq!(read.to_string(), printed);
    }

    #[test]
    fn what_is_made_of_a_flow_holds_for_it(flow in any_flow()) {
        crate::filter_for::hold(&flow);
    }

    #[test]
    fn a_group_is_found_by_its_workload(flow in any_flow()) {
        for (name, side) in [("src.workload", Side::Source), ("dst.workload", Side::Destination)] {
            let mut groups = Aggregator::new(fields(name).unwrap(), 4);
            groups.push(&flow);
            let value = groups.top()[0].0[0].to_owned();
            // Groups are by who opened the connection.
            let end = WorkloadRef::of(&ByInitiator::new(&flow), side);
            let grouped = matches!(end.kind, Kind::Workload | Kind::Pod);
            if !grouped || end.namespace.is_empty() {
                continue;
            }
            let filter = format!("{name} == {}", quote(&value));
            let filter = Filter::parse_expr(&filter).unwrap();
            prop_assert!(filter.matches(&ByInitiator::new(&flow)), "{}", filter);
        }
    }

    #[test]
    fn a_program_of_an_unpacked_message_agrees(filter in any_filter(), flow in any_flow()) {
        let mut program = filter.program();
        prop_assert_eq!(program.matches(&Message::new(&flow)), filter.matches(&flow));
    }

    #[test]
    fn the_server_and_the_rest_say_what_the_filter_says(
        filter in any_filter(),
        flows in prop::collection::vec(any_flow(), 20),
    ) {
        let pushed = filter.push_down();
        let server = Filter::from_lists(&pushed.whitelist, &pushed.blacklist);
        let server = match server {
            Ok(server) => server,
            Err(error) => panic!("{filter}: {error}"),
        };
        for flow in &flows {
            let by_server = server.matches(flow);
            let by_rest = pushed.rest.as_ref().is_none_or(|rest| rest.matches(flow));
            let expected = filter.matches(flow);
            prop_assert!(by_server || !expected, "lost: {} {:?}", filter, pushed);
            prop_assert_eq!(by_server && by_rest, expected, "{} {:?}", filter, pushed);
        }
    }
}

/// So that the laws are not held over flows that nothing matches.
#[test]
fn filters_of_the_laws_tell_flows_apart() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut yes, mut pushed, mut whole) = (0, 0, 0);
    let cases = 2_000;
    for _ in 0..cases {
        use proptest::strategy::ValueTree as _;
        let filter = any_filter().new_tree(&mut runner).unwrap().current();
        let flow = any_flow().new_tree(&mut runner).unwrap().current();
        yes += usize::from(filter.matches(&flow));
        let push = filter.push_down();
        pushed += usize::from(!push.whitelist.is_empty() || !push.blacklist.is_empty());
        whole += usize::from(push.rest.is_none());
    }
    for count in [yes, pushed, whole] {
        assert!(
            (cases / 10..cases * 9 / 10).contains(&count),
            "{yes} {pushed} {whole}"
        );
    }
}

#[test]
fn pushed_down() {
    let mut shown = String::new();
    for text in [
        "verdict == DROPPED and (src.pod ~ \"prod/*\" or dst.port in {53, 443}) and not reply",
        "port == 53",
        "port in {8000-8003}",
        "port > 1024",
        "pod ~ web and port == 80",
        "verdict != FORWARDED",
        "not (verdict == FORWARDED and src.ns == kube-system)",
        "not (src.ns == a or src.ns == b)",
        "not (verdict == FORWARDED and bytes > 1MB)",
        "verdict == DROPPED or bytes > 1MB",
        "src.pod == prod/web-0",
        "src.pod ~ \"prod/*-0\"",
        "src.ip in {10.0.0.0/8, fd00::1}",
        "src.label == \"app=web\" and src.label == \"tier=front\"",
        "verdict in {DROPPED, AUDIT} and verdict in {AUDIT, ERROR}",
        "verdict == DROPPED and verdict == FORWARDED",
        "http.status == 5+ and type == trace",
        "http.path =~ '^/api/' and http.path =~ '\\d'",
        "dns.query == example.com",
        "policy ~ prod/web",
        "web and verdict == DROPPED",
        "false",
        "true",
    ] {
        let filter = Filter::parse_expr(text).unwrap();
        let pushed = filter.push_down();
        let lists = flow::flags::Lists {
            whitelist: pushed.whitelist,
            blacklist: pushed.blacklist,
        };
        let rest = pushed
            .rest
            .map_or_else(|| "-".to_owned(), |rest| rest.to_string());
        shown.push_str(&format!(
            "{text}\n{}rest: {rest}\n\n",
            lists.yaml().unwrap()
        ));
    }
    insta::assert_snapshot!(shown);
}

/// `==` of labels is a selector, and of headers a key with a value; `~` is a pattern of the whole.
#[test]
fn a_label_or_header_that_is_compared_as_a_whole_is_printed_so() {
    for text in [
        "src.label ~ app",
        "label ~ ä",
        r#"label ~ "a\\\\*b""#,
        "http.header ~ p",
    ] {
        let printed = Filter::parse_expr(text).unwrap().to_string();
        assert!(printed.contains(" ~ "), "{text}: {printed}");
        let read = Filter::parse_expr(&printed).unwrap();
        assert_eq!(read.to_string(), printed, "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    /// Pieces of expressions, put together at random: read or refused, and pointed at.
    #[test]
    fn any_text_is_read_or_refused(
        pieces in prop::collection::vec((any::<Index>(), any::<Index>(), any::<Index>()), 0..5),
        noise in "[ -~äß\n]{0,4}",
    ) {
        let mut text = String::new();
        for (which, from, to) in pieces {
            let whole: Vec<char> = which.get(MEANINGS).0.chars().collect();
            let (from, to) = (from.index(whole.len() + 1), to.index(whole.len() + 1));
            text.extend(&whole[from.min(to)..from.max(to)]);
            text.push_str(&noise);
        }
        for (cursor, _) in text.char_indices() {
            for completion in flow::expr::complete(&text, cursor, &flow::expr::NoValues) {
                prop_assert!(text.get(completion.range).is_some());
            }
        }
        match Filter::parse_expr(&text) {
            Ok(filter) => {
                let printed = filter.to_string();
                let read = Filter::parse_expr(&printed);
                prop_assert_eq!(read.map(|read| read.to_string()), Ok(printed));
            }
            Err(error) => prop_assert!(error.render(&text).contains('^')),
        }
    }
}

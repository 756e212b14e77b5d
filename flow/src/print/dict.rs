//! `-o dict`: a block of lines per event.

use std::fmt::Write as _;

use proto::observer::{GetFlowsResponse, get_flows_response::ResponseTypes};
use proto::relay::NodeState;

use super::Options;
use super::event::{Lines, lost_cpu, lost_node, lost_source, node_list, quoted, text};
use super::safe::escape_but_tabs;
use crate::view::Side;

#[derive(Default)]
struct Block(String);

impl Block {
    fn line(&mut self, key: &str, value: &str) {
        // Writing to a string can't fail.
        let _written = writeln!(self.0, "{key:>11}: {value}");
    }
}

pub(super) fn block(response: &GetFlowsResponse, options: &Options) -> String {
    let lines = Lines(options);
    let mut block = Block::default();
    match &response.response_types {
        Some(ResponseTypes::Flow(flow)) => {
            block.line("TIMESTAMP", &options.moment(flow.time.as_ref()));
            if options.node_names {
                block.line("NODE", &escape_but_tabs(&flow.node_name));
            }
            let host = |side| text(|out| lines.host(flow, side, out));
            block.line("SOURCE", &host(Side::Source));
            block.line("DESTINATION", &host(Side::Destination));
            block.line("TYPE", &text(|out| lines.kind(flow, out)));
            block.line("VERDICT", &text(|out| lines.verdict(flow, out)));
            block.line("SUMMARY", &text(|out| lines.summary(flow, out)));
        }
        Some(ResponseTypes::LostEvents(lost)) => {
            block.line("TIMESTAMP", &options.moment(response.time.as_ref()));
            if options.node_names {
                block.line("NODE", &lost_node(response));
            }
            block.line("SOURCE", &lost_source(lost));
            block.line("TYPE", "EVENTS LOST");
            block.line("VERDICT", "-");
            let count = lines.lost_count(lost);
            block.line("SUMMARY", &format!("CPU({}) - {count}", lost_cpu(lost)));
        }
        Some(ResponseTypes::NodeStatus(status)) => {
            block.line("TIMESTAMP", &options.moment(response.time.as_ref()));
            let state = match NodeState::try_from(status.state_change) {
                Ok(state) => state.as_str_name().to_owned(),
                Err(_) => status.state_change.to_string(),
            };
            block.line("STATE", &state);
            block.line("NODES", &node_list(&status.node_names));
            let message = match status.message.as_str() {
                "" => "N/A".to_owned(),
                message => quoted(message),
            };
            block.line("MESSAGE", &message);
        }
        None => {}
    }
    block.0
}

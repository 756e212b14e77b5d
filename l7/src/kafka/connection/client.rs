//! The client's side: requests, one after the other.

use std::time::Duration;

use super::super::judge::Rules;
use super::inbound::{Next, Request, State};
use super::{Close, Connection, Output, Piece};

impl Connection {
    pub(super) fn client(
        &mut self,
        rules: &Rules,
        now: Duration,
        input: &[u8],
        output: &mut Output,
    ) -> Result<(), Close> {
        if self.closed {
            output.taken = input.len();
        }
        while let Some(rest) = input.get(output.taken..).filter(|rest| !rest.is_empty()) {
            if !self.takes_client() {
                break;
            }
            match &mut self.client {
                State::Length(bytes, have) => {
                    for (place, byte) in bytes.iter_mut().skip(*have).zip(rest) {
                        *place = *byte;
                        *have = have.saturating_add(1);
                        output.taken = output.taken.saturating_add(1);
                    }
                    if *have == bytes.len() {
                        let request = Request::new(*bytes, &self.config).map_err(Close::Request)?;
                        self.client = State::Request(Box::new(request));
                    }
                }
                State::Pass(passing) => {
                    let most = usize::try_from(passing.left).unwrap_or(usize::MAX);
                    let end = output.taken.saturating_add(most.min(rest.len()));
                    output.to_server.push(Piece::Input(output.taken..end));
                    passing.left = passing.left.saturating_sub(most.min(rest.len()) as u64);
                    output.taken = end;
                    if passing.left == 0 {
                        self.client = State::default();
                    }
                }
                State::Request(request) => {
                    let next = request.take(rest, rules, &self.config, output)?;
                    if matches!(next, Next::More) {
                        continue;
                    }
                    if let State::Request(request) = std::mem::take(&mut self.client) {
                        self.go_on(*request, next, rules, now, output)?;
                        self.flush(now, output);
                    }
                }
            }
        }
        Ok(())
    }
}

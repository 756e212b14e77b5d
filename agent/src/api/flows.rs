//! The stream of a GetFlows call.

use std::sync::Arc;

use futures::{Stream, StreamExt as _, stream};
use proto::{flow as pb, observer as api};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::{
    request::{Query, Start},
    select::InSegment,
};
use crate::{
    fact::{FlowKind, Loss, Stage},
    history::{Cursor, Entry, History, Missed, PacketRef, Run, Segment},
    hubble::{FlowBuilder, timestamp},
    node::clock,
};

/// Records looked at before other tasks get a turn.
const SCAN: usize = 4096;
/// How long they may take, ns: a filter may be slow, and who waits for a turn may be a health check.
const TURN_NS: u64 = 5_000_000;
/// Records between two looks at the clock.
const LOOK_EVERY: usize = 16;
/// Responses made at once; they wait in memory until the client takes them.
const BATCH: usize = 64;
/// Between two progress messages.
const PROGRESS_EVERY_NS: u64 = 100_000_000;

/// Streams what a query asks for. Ends with OK when `stop` is cancelled.
pub(super) fn stream(
    history: Arc<History>,
    flow_builder: FlowBuilder,
    query: Query,
    stop: CancellationToken,
) -> impl Stream<Item = Result<api::GetFlowsResponse, Status>> + Send {
    let state = Streaming {
        changes: history.changes(),
        history,
        flow_builder,
        query,
        stop,
        phase: Phase::Start,
        cursor: Cursor::default(),
        end: u64::MAX,
        resume: None,
        first_part: None,
        sent: 0,
        told: 0,
        read_to: None,
    };
    stream::unfold(state, |mut state| async move {
        let batch = state.batch().await?;
        Some((stream::iter(batch.into_iter().map(Ok)), state))
    })
    .flatten()
}

enum Phase {
    Start,
    Reading,
    /// Nothing is left but the last progress.
    Last,
    Over,
}

/// Where a run was left, with what its segment was asked.
struct Rest {
    segment: Arc<Segment>,
    from: usize,
    selected: Option<InSegment>,
}

/// Work between two yields.
struct Turn {
    end: u64,
    records: usize,
}

impl Turn {
    fn begin() -> Self {
        Self {
            // Without a clock a turn ends at the first look.
            end: clock::monotonic().map_or(0, |now| now + TURN_NS),
            records: 0,
        }
    }

    /// Asked before each record; false for the first ones.
    fn is_over(&mut self) -> bool {
        let records = self.records;
        self.records += 1;
        records >= SCAN
            || (records > 0
                && records.is_multiple_of(LOOK_EVERY)
                && clock::monotonic().map_or(true, |now| now >= self.end))
    }
}

struct Streaming {
    history: Arc<History>,
    changes: watch::Receiver<u64>,
    flow_builder: FlowBuilder,
    query: Query,
    stop: CancellationToken,
    phase: Phase,
    cursor: Cursor,
    /// Sequence number at which a query that does not follow ends.
    end: u64,
    /// The rest of a run that was left in the middle.
    resume: Option<Rest>,
    /// Part of the first event at which `--last` begins.
    first_part: Option<(u64, FlowKind)>,
    sent: u64,
    /// Progress last sent.
    told: u64,
    /// Time of the event last looked at.
    read_to: Option<u64>,
}

impl Streaming {
    /// The next responses, at least one; `None` at the end.
    async fn batch(&mut self) -> Option<Vec<api::GetFlowsResponse>> {
        loop {
            if self.stop.is_cancelled() {
                return None;
            }
            let mut out = Vec::new();
            match self.phase {
                Phase::Start => self.start().await,
                Phase::Reading => self.read(&mut out).await,
                Phase::Last => {
                    self.phase = Phase::Over;
                    if self.query.progress {
                        out.push(self.progress(self.history.progress()));
                    }
                }
                Phase::Over => return None,
            }
            if !out.is_empty() {
                return Some(out);
            }
        }
    }

    async fn start(&mut self) {
        let view = self.history.view();
        if !self.query.follow {
            self.end = view.end().records;
        }
        self.flow_builder.extensions = self.query.extensions;
        self.cursor = match self.query.start {
            Start::Now => Cursor::newest(&view),
            Start::Oldest | Start::Since(_) => Cursor::oldest(&view),
            Start::Last(number) => {
                let segments = view.segments().to_vec();
                let newest = Cursor::newest(&view);
                drop(view);
                self.rewind(&segments, newest, number).await
            }
        };
        self.phase = Phase::Reading;
    }

    /// The place of the `number`th matching flow before the end, or the oldest.
    async fn rewind(&mut self, segments: &[Arc<Segment>], newest: Cursor, number: u64) -> Cursor {
        let mut left = number;
        let mut oldest = newest;
        for segment in segments.iter().rev() {
            oldest = Cursor::before(segment, 0);
            let Some(mut selected) = self.selected(segment) else {
                continue;
            };
            let mut turn = Turn::begin();
            for entry in segment.iter_from(0).rev() {
                if turn.is_over() {
                    tokio::task::yield_now().await;
                    if self.stop.is_cancelled() {
                        return newest;
                    }
                    turn = Turn::begin();
                }
                let stored = match entry {
                    Entry::Packet(stored) => stored,
                    Entry::Loss(_) => continue,
                    Entry::Request(stored) => {
                        if stored.request().time <= self.query.until
                            && selected.matches_request(&self.flow_builder, &stored)
                        {
                            left -= 1;
                            if left == 0 {
                                return Cursor::before(segment, stored.index());
                            }
                        }
                        continue;
                    }
                };
                if stored.packet().time() > self.query.until {
                    continue;
                }
                for part in stored.parts().iter().rev() {
                    if !selected.matches(&self.flow_builder, &stored, part) {
                        continue;
                    }
                    left -= 1;
                    if left == 0 {
                        self.first_part = Some((stored.sequence(), part));
                        return Cursor::before(segment, stored.index());
                    }
                }
            }
            tokio::task::yield_now().await;
        }
        oldest
    }

    /// What is asked of a segment's events; `None` if none of them is wanted.
    fn selected(&self, segment: &Segment) -> Option<InSegment> {
        let summary = segment.summary();
        let in_time =
            summary.max_time >= self.query.since() && summary.min_time <= self.query.until;
        in_time
            .then(|| self.query.selection.in_segment(segment))
            .flatten()
    }

    async fn read(&mut self, out: &mut Vec<api::GetFlowsResponse>) {
        if let Some(rest) = self.resume.take() {
            self.scan(rest, out);
            tokio::task::yield_now().await;
            return;
        }
        if self.cursor.sequence() >= self.end || self.sent >= self.query.limit {
            self.phase = Phase::Last;
            return;
        }
        // Before the view that next_run looks at.
        let progress = self.history.progress();
        match self.cursor.next_run(&self.history) {
            Some(run) => {
                if let Some(missed) = run.missed {
                    self.missed(missed, run.segment.summary().min_time, out);
                }
                let Run { segment, from, .. } = run;
                let selected = self.selected(&segment);
                self.scan(
                    Rest {
                        segment,
                        from,
                        selected,
                    },
                    out,
                );
                tokio::task::yield_now().await;
            }
            None if progress > self.query.until => self.phase = Phase::Last,
            None => {
                if self.query.progress && progress >= self.told.saturating_add(PROGRESS_EVERY_NS) {
                    out.push(self.progress(progress));
                    return;
                }
                tokio::select! {
                    changed = self.changes.changed() => {
                        // The writer lives as long as the history; without it nothing comes any more.
                        if changed.is_err() {
                            self.phase = Phase::Last;
                        }
                    }
                    () = self.stop.cancelled() => {}
                }
            }
        }
    }

    /// Looks at a stretch of a segment, keeping the rest for later if it is long or
    /// takes long.
    fn scan(&mut self, rest: Rest, out: &mut Vec<api::GetFlowsResponse>) {
        let Rest {
            segment,
            from,
            mut selected,
        } = rest;
        if selected.is_none() && !segment.has_losses() {
            return;
        }
        let mut turn = Turn::begin();
        for (n, entry) in segment.iter_from(from).enumerate() {
            if turn.is_over() || out.len() >= BATCH {
                self.resume = Some(Rest {
                    segment: Arc::clone(&segment),
                    from: from + n,
                    selected,
                });
                return;
            }
            match entry {
                Entry::Loss(loss) => {
                    if (self.query.since()..=self.query.until).contains(&loss.time) {
                        out.push(self.lost(&loss));
                    }
                }
                Entry::Request(stored) => {
                    let Some(selected) = &mut selected else {
                        continue;
                    };
                    let time = stored.request().time;
                    self.read_to = Some(time);
                    if !(self.query.since()..=self.query.until).contains(&time)
                        || !selected.matches_request(&self.flow_builder, &stored)
                    {
                        continue;
                    }
                    let flow = self.flow_builder.request(&stored);
                    out.push(self.flow(time, flow));
                    self.sent += 1;
                    if self.sent >= self.query.limit {
                        self.phase = Phase::Last;
                        return;
                    }
                }
                Entry::Packet(stored) => {
                    let Some(selected) = &mut selected else {
                        continue;
                    };
                    let time = stored.packet().time();
                    self.read_to = Some(time);
                    if !(self.query.since()..=self.query.until).contains(&time) {
                        continue;
                    }
                    for part in stored.parts().iter() {
                        if self.is_before_start(&stored, part)
                            || !selected.matches(&self.flow_builder, &stored, part)
                        {
                            continue;
                        }
                        let flow = self.flow_builder.flow(&stored, part);
                        out.push(self.flow(time, flow));
                        self.sent += 1;
                        if self.sent >= self.query.limit {
                            self.phase = Phase::Last;
                            return;
                        }
                    }
                }
            }
        }
    }

    fn is_before_start(&self, stored: &PacketRef<'_>, part: FlowKind) -> bool {
        self.first_part
            .is_some_and(|(sequence, first)| stored.sequence() == sequence && part < first)
    }

    fn flow(&self, time: u64, flow: pb::Flow) -> api::GetFlowsResponse {
        let flow = match &self.query.mask {
            Some(mask) => mask.apply(&flow),
            None => flow,
        };
        self.response(
            time,
            Some(api::get_flows_response::ResponseTypes::Flow(flow)),
        )
    }

    fn missed(&self, missed: Missed, time: u64, out: &mut Vec<api::GetFlowsResponse>) {
        for (stage, events) in Stage::ALL.into_iter().zip(missed.lost) {
            if events > 0 {
                out.push(self.lost(&Loss {
                    time,
                    first: self.read_to.unwrap_or(time),
                    stage,
                    events,
                    cpu: None,
                }));
            }
        }
        if missed.evicted > 0 {
            out.push(self.lost_events(
                pb::LostEventSource::HubbleRingBuffer,
                missed.evicted,
                None,
                [self.read_to.unwrap_or(time), time],
            ));
        }
    }

    fn lost(&self, loss: &Loss) -> api::GetFlowsResponse {
        let source = match loss.stage {
            Stage::PerfRing => pb::LostEventSource::PerfEventRingBuffer,
            Stage::Queue => pb::LostEventSource::ObserverEventsQueue,
        };
        self.lost_events(source, loss.events, loss.cpu, [loss.first, loss.time])
    }

    fn lost_events(
        &self,
        source: pb::LostEventSource,
        events: u64,
        cpu: Option<u32>,
        [first, last]: [u64; 2],
    ) -> api::GetFlowsResponse {
        let lost = pb::LostEvent {
            source: source.into(),
            num_events_lost: events,
            cpu: cpu.and_then(|cpu| i32::try_from(cpu).ok()).map(Into::into),
            first: (first != last).then(|| timestamp(first)),
            last: Some(timestamp(last)),
        };
        self.response(
            last,
            Some(api::get_flows_response::ResponseTypes::LostEvents(lost)),
        )
    }

    fn progress(&mut self, progress: u64) -> api::GetFlowsResponse {
        self.told = progress;
        self.response(progress, None)
    }

    fn response(
        &self,
        time: u64,
        response_types: Option<api::get_flows_response::ResponseTypes>,
    ) -> api::GetFlowsResponse {
        api::GetFlowsResponse {
            node_name: self.flow_builder.node_name().to_owned(),
            time: Some(timestamp(time)),
            response_types,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_ends_by_time_and_by_number() {
        let over_after = |end| {
            let mut turn = Turn { end, records: 0 };
            (0..).find(|_| turn.is_over())
        };
        assert_eq!(over_after(0), Some(LOOK_EVERY), "its time is up");
        assert_eq!(over_after(u64::MAX), Some(SCAN), "it has time");
        let now = clock::monotonic().unwrap();
        let end = Turn::begin().end;
        assert!((now + TURN_NS..now + 200 * TURN_NS).contains(&end));
    }
}

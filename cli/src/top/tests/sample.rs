//! A cluster of three pods, and a model that has seen some of its flows.

use client::{ConnectionState, Store};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use proto::{
    flow::{Endpoint, Flow, LostEventSource, Workload},
    flows::v1::{ExplainResponse, InvolvedPolicy, Suggestion, TraceResponse},
    google::Timestamp,
    observer::GetFlowsResponse,
};
use ratatui::{Terminal, backend::TestBackend};
use testing::flows::{decide, ipv4, response, tcp};

use crate::top::{
    filters::Filters,
    model::Model,
    source::FlowSource,
    theme::{Colors, Theme},
    update::{Effect, Event},
    view,
};

/// 2026-01-01T00:00:00Z, Unix ns.
pub(super) const START: i64 = 1_767_225_600_000_000_000;
pub(super) const SECOND: i64 = 1_000_000_000;

fn endpoint(name: &str) -> Endpoint {
    Endpoint {
        identity: 1000 + u32::try_from(name.len()).unwrap(),
        namespace: "shop".to_owned(),
        pod_name: format!("{name}-1"),
        labels: vec![format!("k8s:app={name}")],
        workloads: vec![Workload {
            kind: "Deployment".to_owned(),
            name: name.to_owned(),
        }],
        ..Endpoint::default()
    }
}

fn ip(name: &str) -> String {
    format!("10.0.0.{}", name.len())
}

/// A flow at some seconds from the start.
pub(super) fn flow(
    seconds: i64,
    from: &str,
    to: &str,
    port: u32,
    dropped: bool,
) -> GetFlowsResponse {
    let source_port = 40_000 + u32::try_from(seconds.rem_euclid(20_000)).unwrap();
    let mut flow = Flow {
        time: Some(Timestamp::from_unix_nanos(START + seconds * SECOND)),
        uuid: format!("flow-{seconds}-{from}-{to}-{port}"),
        ip: ipv4(ip(from), ip(to)),
        l4: tcp(source_port, port),
        source: Some(endpoint(from)),
        destination: Some(endpoint(to)),
        node_name: "one".to_owned(),
        policy_match_type: if dropped { 0 } else { 2 },
        ..Flow::default()
    };
    let rule = format!("allows app=web on {port}/TCP");
    decide(&mut flow, "shop", to, &rule, dropped);
    response(flow)
}

/// Lost events at some seconds from the start.
pub(super) fn lost(seconds: i64, events: u64) -> GetFlowsResponse {
    let source = LostEventSource::PerfEventRingBuffer;
    testing::flows::lost("one", START + seconds * SECOND, source, events)
}

/// A minute of the shop: web asks db, batch may not, and once something was lost.
pub(super) fn minute() -> Vec<GetFlowsResponse> {
    let mut flows = Vec::new();
    for second in 0..60 {
        flows.push(flow(second, "web", "db", 5432, false));
        if second % 10 == 5 {
            flows.push(flow(second, "batch", "db", 5432, true));
        }
        if second % 20 == 3 {
            flows.push(flow(second, "web", "mail", 25, false));
        }
        if second == 30 {
            flows.push(lost(second, 1234));
        }
    }
    flows
}

/// What a server of ours says of the drop.
pub(super) fn explained() -> Box<ExplainResponse> {
    Box::new(ExplainResponse {
        headline:
            "shop/batch-1 may not reach shop/db-1 on 5432/TCP: no rule of cnp shop/db allows it"
                .to_owned(),
        now: Some(TraceResponse {
            verdict: proto::flows::v1::trace_response::Verdict::Denied.into(),
            suggestions: vec![Suggestion {
                policy: "cnp shop/db".to_owned(),
                text: "add to spec.ingress of cnp shop/db".to_owned(),
                yaml: "- fromEndpoints:\n  - matchLabels:\n      app: batch\n".to_owned(),
                ..Suggestion::default()
            }],
            ..TraceResponse::default()
        }),
        policies: vec![InvolvedPolicy {
            policy: "cnp shop/db".to_owned(),
            decided: true,
            in_force: true,
            place: "db.yaml:1:1".to_owned(),
            yaml: "kind: CiliumNetworkPolicy\nmetadata: {name: db}\n".to_owned(),
            meaning: "allows ingress only from app=web on 5432/TCP".to_owned(),
            ..InvolvedPolicy::default()
        }],
        command: "flows policy trace --src-pod shop/batch-1 --dst-pod shop/db-1 --dport 5432/tcp"
            .to_owned(),
        ..ExplainResponse::default()
    })
}

/// A screen without a terminal.
pub(super) struct Sample {
    pub(super) model: Model,
    pub(super) store: Store,
    terminal: Terminal<TestBackend>,
    pub(super) now: i64,
    /// What was wanted done since the last look.
    pub(super) effects: Vec<Effect>,
}

impl Sample {
    /// Connected, with nothing seen yet.
    pub(super) fn new(width: u16, height: u16) -> Self {
        let now = START + 60 * SECOND;
        let from = FlowSource::Server("unix:///run/flows/shop/relay.sock".to_owned());
        let mut sample = Self {
            model: Model::new(from, Filters::default(), Theme(Colors::Dark), now),
            store: Store::new(100_000),
            terminal: Terminal::new(TestBackend::new(width, height)).unwrap(),
            now,
            effects: Vec::new(),
        };
        sample.send(Event::Connection(ConnectionState::Live {
            since: std::time::SystemTime::UNIX_EPOCH,
        }));
        sample
    }

    /// Connected, with a minute seen.
    pub(super) fn with_flows(width: u16, height: u16) -> Self {
        let mut sample = Self::new(width, height);
        sample.arrive(&minute());
        sample
    }

    /// The shop's recording, as a file that has been read.
    pub(super) fn of_shop(width: u16, height: u16) -> Self {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/shop/flows.jsonl");
        Self::of_file(file, width, height)
    }

    /// A recording, as a file that has been read.
    pub(super) fn of_file(file: &str, width: u16, height: u16) -> Self {
        let text = std::fs::read_to_string(file).unwrap();
        let lines = text.lines();
        let read = |line| proto::json::read(line, proto::json::Unknown::Ignore).unwrap();
        let responses: Vec<GetFlowsResponse> = lines.map(read).collect();
        let mut sample = Self::new(width, height);
        sample.model.from = FlowSource::File("flows.jsonl".to_owned());
        sample.store.push(&responses, i64::MAX);
        let snapshot = sample.store.snapshot();
        let times = snapshot.iter(snapshot.range()).map(|(_, item)| item.time());
        sample.now = times.max().unwrap() + 5 * SECOND;
        sample.send(Event::Data(snapshot));
        sample.send(Event::Connection(ConnectionState::Ended));
        sample
    }

    pub(super) fn arrive(&mut self, responses: &[GetFlowsResponse]) {
        self.store.push(responses, i64::MAX);
        self.send(Event::Data(self.store.snapshot()));
    }

    /// Something happens, and the screen is drawn.
    pub(super) fn send(&mut self, event: Event) {
        self.effects.extend(self.model.update(event, self.now));
        self.draw();
    }

    pub(super) fn draw(&mut self) {
        let model = &mut self.model;
        // The heading above knows what the table had no room for.
        for _ in 0..2 {
            self.terminal
                .draw(|frame| view::draw(frame, model))
                .unwrap();
        }
    }

    /// Time goes by.
    pub(super) fn wait(&mut self, ns: i64) {
        self.now += ns;
        self.send(Event::Tick);
    }

    /// Keys by their names, with spaces between.
    pub(super) fn press(&mut self, keys: &str) {
        for key in keys.split(' ').filter(|key| !key.is_empty()) {
            let (code, modifiers) = match key {
                "Enter" => (KeyCode::Enter, KeyModifiers::NONE),
                "Esc" => (KeyCode::Esc, KeyModifiers::NONE),
                "Tab" => (KeyCode::Tab, KeyModifiers::NONE),
                "Space" => (KeyCode::Char(' '), KeyModifiers::NONE),
                "Up" => (KeyCode::Up, KeyModifiers::NONE),
                "Down" => (KeyCode::Down, KeyModifiers::NONE),
                "Left" => (KeyCode::Left, KeyModifiers::NONE),
                "Right" => (KeyCode::Right, KeyModifiers::NONE),
                "PgDn" => (KeyCode::PageDown, KeyModifiers::NONE),
                "PgUp" => (KeyCode::PageUp, KeyModifiers::NONE),
                "Home" => (KeyCode::Home, KeyModifiers::NONE),
                "End" => (KeyCode::End, KeyModifiers::NONE),
                "Backspace" => (KeyCode::Backspace, KeyModifiers::NONE),
                "Shift-Right" => (KeyCode::Right, KeyModifiers::SHIFT),
                "Ctrl-z" => (KeyCode::Char('z'), KeyModifiers::CONTROL),
                "Ctrl-c" => (KeyCode::Char('c'), KeyModifiers::CONTROL),
                key => {
                    let mut letters = key.chars();
                    let letter = letters.next().unwrap();
                    assert_eq!(letters.next(), None, "{key} is no key");
                    (KeyCode::Char(letter), KeyModifiers::NONE)
                }
            };
            self.send(Event::Key(KeyEvent::new(code, modifiers)));
        }
    }

    /// Writes a text, key by key.
    pub(super) fn write(&mut self, text: &str) {
        for letter in text.chars() {
            let key = KeyEvent::new(KeyCode::Char(letter), KeyModifiers::NONE);
            self.send(Event::Key(key));
        }
    }

    /// What is on the screen.
    pub(super) fn text(&self) -> String {
        let buffer = self.buffer();
        let lines = buffer.content.chunks(usize::from(buffer.area.width));
        let lines = lines.map(|line| {
            let text: String = line.iter().map(ratatui::buffer::Cell::symbol).collect();
            text.trim_end().to_owned()
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    pub(super) fn buffer(&self) -> &ratatui::buffer::Buffer {
        self.terminal.backend().buffer()
    }

    pub(super) fn resize(&mut self, width: u16, height: u16) {
        self.terminal.backend_mut().resize(width, height);
        self.draw();
    }
}

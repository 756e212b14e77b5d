//! The loop: what happens becomes events, effects are carried out, and the screen is drawn as often
//! as it changes, at most twenty times a second, and less often where writing takes long.

mod background;
mod effects;
mod filtered_store;
mod terminal;

use std::{
    io,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use client::{ConnectionState, Feed, FlowQuery, Server, Source, Store};
use crossterm::event::{Event as Input, EventStream, KeyEventKind};
use futures::StreamExt as _;
use tokio::{
    sync::watch,
    task::{JoinError, JoinSet},
    time::{Instant, MissedTickBehavior, interval, sleep_until},
};

use super::{
    filter_history::FilterHistory,
    model::{Model, Tab},
    update::{Effect, Event},
    view,
};
use crate::error::Error;
use background::{Background, Key};
use filtered_store::FilteredStore;
pub(crate) use terminal::Terminal;

/// Least time between two drawings.
const FRAME: Duration = Duration::from_millis(50);
/// Drawing may take one part in so many of the time, where writing is slow.
const SHARE: u32 = 4;
/// How often time goes by.
const TICK: Duration = Duration::from_millis(200);
/// How often what changes by time alone is drawn.
const IDLE: Duration = Duration::from_secs(1);
/// How often the sums per node are looked at.
const SUMS: Duration = Duration::from_millis(500);
/// How often the server is asked how it is: while its nodes are looked at, and otherwise.
const HEALTH: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(5)];
/// How often it is asked what changed.
const CHANGES: Duration = Duration::from_secs(3);
/// How often it is asked who knows of which incident, while they are looked at.
const ACKNOWLEDGED: Duration = Duration::from_secs(3);
/// How often it is asked for the counters of its policies, while they are looked at.
const POLICIES: Duration = Duration::from_secs(2);

/// What is read from where.
#[derive(Debug)]
pub(crate) struct FeedConfig {
    pub(crate) source: Source,
    pub(crate) ask: FlowQuery,
    /// Most flows that are held.
    pub(crate) capacity: usize,
    /// The terminal is asked for its background.
    pub(crate) ask_background: bool,
}

/// The store of all that the command line asks for: it is filled whatever the filters of the screen
/// hide, so that taking them off shows it again.
struct Filling {
    store: Arc<Store>,
    feed: Arc<Feed>,
    changes: watch::Receiver<u64>,
    link: watch::Receiver<ConnectionState>,
}

impl Filling {
    fn start(wanted: &FeedConfig) -> Self {
        let store = Arc::new(Store::new(wanted.capacity));
        let feed = Feed::start(
            wanted.source.clone(),
            wanted.ask.clone(),
            Arc::clone(&store),
        );
        Self {
            changes: store.changes(),
            link: feed.connection(),
            store,
            feed: Arc::new(feed),
        }
    }

    /// Whether the source can be asked for more.
    fn answers(&self) -> bool {
        matches!(
            *self.link.borrow(),
            ConnectionState::Live { .. } | ConnectionState::Ended
        )
    }
}

/// What is asked again and again, one at a time.
struct Question {
    last: Option<Instant>,
    answered: bool,
}

impl Default for Question {
    fn default() -> Self {
        Self {
            last: None,
            answered: true,
        }
    }
}

impl Question {
    /// Whether it is to be asked now; if so, it counts as asked.
    fn is_due(&mut self, pause: Duration) -> bool {
        let due = self.answered && self.last.is_none_or(|last| last.elapsed() >= pause);
        if due {
            self.answered = false;
            self.last = Some(Instant::now());
        }
        due
    }
}

/// All that a server is asked again and again.
#[derive(Default)]
struct Questions {
    health: Question,
    policies: Question,
    changes: Question,
    acknowledged: Question,
}

impl Questions {
    /// Asks what is due.
    fn ask(&mut self, model: &Model, server: &Server, tasks: &mut JoinSet<Event>) {
        if self
            .health
            .is_due(HEALTH[usize::from(model.screen != Tab::Nodes)])
        {
            tasks.spawn(effects::health(server.clone()));
        }
        if model.shows_policies() && self.policies.is_due(POLICIES) {
            tasks.spawn(effects::policies(server.clone()));
        }
        if model.changes.is_asked() && self.changes.is_due(CHANGES) {
            tasks.spawn(effects::changes(server.clone()));
        }
        if model.screen == Tab::Incidents
            && model.acknowledged.is_asked()
            && self.acknowledged.is_due(ACKNOWLEDGED)
        {
            tasks.spawn(effects::acknowledgements(server.clone()));
        }
    }

    /// Takes note of an answer.
    fn take(&mut self, event: &Event) {
        self.health.answered |= matches!(event, Event::Health(_));
        self.policies.answered |= matches!(event, Event::Policies(_));
        self.changes.answered |= matches!(event, Event::Changes(_));
        self.acknowledged.answered |= matches!(event, Event::Acknowledgements(_));
    }
}

/// Everything that runs beside the model.
struct Runtime {
    wanted: FeedConfig,
    filling: Filling,
    /// What is shown instead of it, if the filters of the screen are such that the server can be asked
    /// for what they let through.
    filtered_store: Option<FilteredStore>,
    /// What takes its place, and what is to do so.
    next: Option<FilteredStore>,
    preparing: JoinSet<Result<FilteredStore, JoinError>>,
    /// What the last one of these asks for.
    ask: Option<FlowQuery>,
    server: Option<Server>,
    terminal: Terminal,
    filter_history: FilterHistory,
    /// Answers on their way.
    tasks: JoinSet<Event>,
}

/// Unix ns.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    i64::try_from(since.unwrap_or_default().as_nanos()).unwrap_or(i64::MAX)
}

/// Runs until someone has seen enough.
pub(crate) async fn run(
    mut model: Box<Model>,
    wanted: FeedConfig,
    filter_history: FilterHistory,
) -> Result<(), Error> {
    let server = match &wanted.source {
        Source::Server(target) => Some(Server::new(target)?),
        Source::File(_) => None,
    };
    let filling = Filling::start(&wanted);
    model.bar.history = filter_history.read();
    let terminal = Terminal::open()?;
    let runtime = Runtime {
        wanted,
        filling,
        filtered_store: None,
        next: None,
        preparing: JoinSet::new(),
        ask: None,
        server,
        terminal,
        filter_history,
        tasks: JoinSet::new(),
    };
    runtime.run(&mut model).await
}

impl Runtime {
    async fn run(mut self, model: &mut Model) -> Result<(), Error> {
        let mut input = EventStream::new();
        let mut background = Background::default();
        self.ask_background(&mut background)?;
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut terminated = terminal::terminated()?;
        let mut continued = terminal::continued()?;
        let mut next = Instant::now();
        let mut last_sums = Instant::now() - SUMS;
        // Something came since the sums per node were looked at.
        let mut unsummed = false;
        let mut questions = Questions::default();
        let (mut dirty, mut data) = (true, true);
        loop {
            let event = tokio::select! {
                biased;
                () = sleep_until(next), if dirty => {
                    if std::mem::take(&mut data) {
                        self.look(model)?;
                        unsummed = true;
                    }
                    let wrote = self.terminal.draw(|frame| view::draw(frame, model))?;
                    next = Instant::now() + FRAME.max(wrote * SHARE);
                    dirty = false;
                    continue;
                }
                input = input.next() => match input {
                    Some(Ok(Input::Key(key))) if key.kind != KeyEventKind::Release => {
                        match background.take(&key, Instant::now().into_std()) {
                            Key::Pressed => Event::Key(key),
                            Key::Answer => continue,
                            Key::Light(light) => Event::Background(light),
                        }
                    }
                    Some(Ok(Input::Mouse(mouse))) => Event::Mouse(mouse),
                    Some(Ok(Input::Paste(text))) => Event::Paste(text),
                    Some(Ok(Input::Resize(..))) => Event::Tick,
                    Some(Ok(Input::Key(_) | Input::FocusGained | Input::FocusLost)) => continue,
                    Some(Err(error)) => return Err(error.into()),
                    // The terminal is gone.
                    None => return Ok(()),
                },
                changed = self.filling.changes.changed() => {
                    // The store lives as long as we do.
                    debug_assert!(changed.is_ok());
                    data = true;
                    dirty = true;
                    continue;
                }
                () = filtered_store::changed(&mut self.filtered_store) => {
                    data = true;
                    dirty = true;
                    continue;
                }
                Some(done) = self.preparing.join_next(), if !self.preparing.is_empty() => {
                    match done {
                        Ok(Ok(narrowed)) => self.next = Some(narrowed),
                        Err(error) if error.is_cancelled() => {}
                        Ok(Err(error)) | Err(error) => return Err(io::Error::other(error).into()),
                    }
                    continue;
                }
                Ok(()) = self.filling.link.changed() => {
                    Event::Connection(self.filling.link.borrow_and_update().clone())
                }
                Some(done) = self.tasks.join_next(), if !self.tasks.is_empty() => match done {
                    Ok(event) => event,
                    // Cut off by a new beginning.
                    Err(error) if error.is_cancelled() => continue,
                    Err(error) => return Err(io::Error::other(error).into()),
                },
                _ = tick.tick() => {
                    let idle = Instant::now().saturating_duration_since(next) >= IDLE;
                    if let Some(server) = &self.server {
                        questions.ask(model, server, &mut self.tasks);
                    }
                    if unsummed && last_sums.elapsed() >= SUMS {
                        unsummed = false;
                        last_sums = Instant::now();
                        self.tell(Event::Sums(self.filling.store.nodes(now())), model)?;
                        dirty |= model.screen == Tab::Nodes;
                    }
                    dirty |= self.advance(model)?;
                    let effects = model.update(Event::Tick, now());
                    dirty |= idle || !effects.is_empty() || model.notice.is_some();
                    for effect in effects {
                        self.carry_out(effect, model)?;
                    }
                    continue;
                }
                Some(()) = continued.recv() => {
                    self.terminal.resume()?;
                    // It may be another terminal by now, or have other colours.
                    self.ask_background(&mut background)?;
                    dirty = true;
                    continue;
                }
                () = terminated.recv() => return Ok(()),
            };
            questions.take(&event);
            dirty = true;
            for effect in model.update(event, now()) {
                if matches!(effect, Effect::Quit) {
                    return Ok(());
                }
                data |= matches!(effect, Effect::Restart);
                self.carry_out(effect, model)?;
            }
            if !model.keeps_narrowed() {
                self.widen(model)?;
            }
        }
    }

    fn ask_background(&mut self, background: &mut Background) -> io::Result<()> {
        if self.wanted.ask_background {
            self.terminal.ask_background()?;
            background.expect();
        }
        Ok(())
    }
}

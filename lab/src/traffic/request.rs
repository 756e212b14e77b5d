//! A client of layer 7: sends a request again and again and says what became of it.

use std::thread;
use std::time::{Duration, Instant};

use apps::request::{Outcome, Request, Url};

use crate::traffic::duration;

/// What to ask, and how often.
#[derive(Clone, Debug, clap::Args)]
pub struct Requests {
    /// http://HOST:PORT/PATH, https://HOST/PATH, dns://NAME or kafka://HOST:PORT/TOPIC. Certificates aren't checked.
    pub url: Url,
    /// HTTP: the method.
    #[arg(long, short = 'X', default_value = "GET")]
    pub method: String,
    /// Kafka: produce this record; without, the topic's records are fetched.
    #[arg(long, value_name = "TEXT")]
    pub produce: Option<String>,
    /// Time between two requests.
    #[arg(long, default_value = "1s", value_parser = duration)]
    pub every: Duration,
    /// Wait that long before the first one.
    #[arg(long, default_value = "0s", value_parser = duration)]
    pub after: Duration,
    /// How long to wait for an answer.
    #[arg(long, default_value = "2s", value_parser = duration)]
    pub timeout: Duration,
    /// Stop after that many and exit with what became of the last: 0 answered, 2 timed out, 3 failed, 5 denied.
    #[arg(long)]
    pub count: Option<u64>,
}

impl Requests {
    /// Sends requests until it is stopped, or `count` of them; returns what became of the last. Each is told to
    /// `say`.
    pub fn run(&self, say: &mut dyn FnMut(&str)) -> Outcome {
        thread::sleep(self.after);
        let request = Request {
            url: self.url.clone(),
            method: self.method.clone(),
            produce: self.produce.clone(),
            patience: self.timeout,
        };
        let mut sent = 0;
        loop {
            let began = Instant::now();
            let outcome = request.send();
            let took = began.elapsed();
            let milliseconds = took.as_secs_f64() * 1e3;
            say(&format!("{request}: {outcome} after {milliseconds:.1} ms"));
            sent += 1;
            if self.count.is_some_and(|count| sent >= count) {
                return outcome;
            }
            thread::sleep(self.every.saturating_sub(took));
        }
    }
}

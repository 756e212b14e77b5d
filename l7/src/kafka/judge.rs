//! Whether rules allow a request, and if not, what came nearest.
//!
//! A rule matches when its key, version, client and topic do. A request with topics is allowed when
//! every one of them has a rule; a rule without topic has them all. A request of that kind which names
//! none (metadata of all topics) needs a rule without topic.

use std::collections::BTreeMap;
use std::fmt;

use super::key::{ApiKey, Role, Topics as Meaning};
use super::rule::Rule;

/// The head of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// What is asked.
    pub api_key: ApiKey,
    /// The version of the message.
    pub api_version: i16,
    /// Repeated by the answer.
    pub correlation_id: i32,
    /// Who asks, as it says itself.
    pub client_id: Option<String>,
}

impl Head {
    /// What a rule's `clientID` is compared with: Cilium takes requests of version 0 for ones without.
    fn client(&self) -> &str {
        match self.api_version {
            0 => "",
            _ => self.client_id.as_deref().unwrap_or(""),
        }
    }
}

/// The topics that a request names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Topics {
    /// Each once, in the order of the request.
    pub names: Vec<String>,
    /// It also names some by their id, or in a form that isn't read: only a rule without topic has them.
    pub unnamed: bool,
}

/// What departs from Cilium's meaning of rules.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Options {
    /// Requests that negotiate versions and log in (keys 17, 18, 36) are always allowed.
    pub always_login: bool,
    /// The role produce has what idempotent and transactional producers ask (keys 22, 24, 25, 26),
    /// which is the default of current clients.
    pub idempotent_producers: bool,
}

/// Rules that are alternatives, in the order of the policies.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    rules: Vec<Rule>,
    options: Options,
    by_topic: BTreeMap<String, Vec<usize>>,
    without_topic: Vec<usize>,
}

/// What the rules say of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It may pass: by the rule of that index, the last one that was needed; none: [`Options`] allow it.
    Allowed(Option<usize>),
    /// It may not.
    Denied(Denial),
}

/// Why a request is denied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// Index of the rule of which most conditions hold, in the order of [`Condition`]; none: there is
    /// no rule.
    pub nearest: Option<usize>,
    /// What fails first of it.
    pub failed: Condition,
}

/// What can fail of a rule, in the order in which it is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// The kind of the request.
    ApiKey,
    /// Its version.
    ApiVersion,
    /// Its client.
    ClientId,
    /// This topic has no rule.
    Topic(String),
    /// The request isn't about single topics, or Cilium reads none of it, and the rule has a topic.
    NoTopic,
    /// Topics named by their id, or in a version that isn't read.
    UnnamedTopic,
}

/// What the head alone says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outlook {
    /// Whatever the topics are, this is the verdict.
    Certain(Verdict),
    /// Every topic must have a rule.
    ByTopic,
}

impl Rules {
    /// Rules in their order.
    #[must_use]
    pub fn new(rules: Vec<Rule>, options: Options) -> Self {
        let mut by_topic: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        let mut without_topic = Vec::new();
        for (index, rule) in rules.iter().enumerate() {
            match rule.topic() {
                Some(topic) => by_topic.entry(topic.to_owned()).or_default().push(index),
                None => without_topic.push(index),
            }
        }
        Self {
            rules,
            options,
            by_topic,
            without_topic,
        }
    }

    /// The rules, in their order.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Judges a request.
    #[must_use]
    pub fn judge(&self, head: &Head, topics: &Topics) -> Verdict {
        match self.outlook(head) {
            Outlook::Certain(verdict) => verdict,
            Outlook::ByTopic => self.judge_topics(head, topics),
        }
    }

    /// What can be said before any topic is read.
    pub(super) fn outlook(&self, head: &Head) -> Outlook {
        let login = [
            ApiKey::SASL_HANDSHAKE,
            ApiKey::API_VERSIONS,
            ApiKey::SASL_AUTHENTICATE,
        ];
        if self.options.always_login && login.contains(&head.api_key) {
            return Outlook::Certain(Verdict::Allowed(None));
        }
        let matching = |index: &usize| self.fails(*index, head).is_none();
        if let Some(index) = self.without_topic.iter().copied().find(matching) {
            return Outlook::Certain(Verdict::Allowed(Some(index)));
        }
        let meaning = match head.api_key {
            // Whose topics Cilium doesn't read, but we do.
            ApiKey::ADD_PARTITIONS_TO_TXN if self.options.idempotent_producers => Meaning::Matched,
            key => key.topics(),
        };
        match (meaning, (0..self.rules.len()).find(matching)) {
            (Meaning::Matched, Some(_)) => Outlook::ByTopic,
            (Meaning::None, Some(index)) => Outlook::Certain(Verdict::Allowed(Some(index))),
            (Meaning::Unmatched, Some(index)) => Outlook::Certain(Verdict::Denied(Denial {
                nearest: Some(index),
                failed: Condition::NoTopic,
            })),
            (_, None) => Outlook::Certain(Verdict::Denied(self.nearest(head))),
        }
    }

    /// Judges the topics of a request whose head leaves it to them.
    pub(super) fn judge_topics(&self, head: &Head, topics: &Topics) -> Verdict {
        let denied = |failed| Verdict::Denied(self.denial(head, failed));
        let mut last = None;
        for topic in &topics.names {
            match self.topic(head, topic) {
                Some(index) => last = Some(index),
                None => return denied(Condition::Topic(topic.clone())),
            }
        }
        if topics.unnamed {
            return denied(Condition::UnnamedTopic);
        }
        match last {
            Some(index) => Verdict::Allowed(Some(index)),
            None => denied(Condition::NoTopic),
        }
    }

    /// A denial of a request whose topics alone fail.
    pub(super) fn denial(&self, head: &Head, failed: Condition) -> Denial {
        Denial {
            nearest: (0..self.rules.len()).find(|&index| self.fails(index, head).is_none()),
            failed,
        }
    }

    /// The rule that allows such a request for that topic.
    pub(super) fn topic(&self, head: &Head, topic: &str) -> Option<usize> {
        let of_topic = self.by_topic.get(topic);
        of_topic
            .into_iter()
            .chain([&self.without_topic])
            .flatten()
            .copied()
            .find(|&index| self.fails(index, head).is_none())
    }

    /// What fails first of a rule, but for its topic; none: nothing.
    fn fails(&self, index: usize, head: &Head) -> Option<Condition> {
        let rule = self.rules.get(index)?;
        let idempotent = self.options.idempotent_producers
            && rule.role() == Some(Role::Produce)
            && matches!(
                head.api_key,
                ApiKey::INIT_PRODUCER_ID
                    | ApiKey::ADD_PARTITIONS_TO_TXN
                    | ApiKey::ADD_OFFSETS_TO_TXN
                    | ApiKey::END_TXN
            );
        if !idempotent && !rule.has_key(head.api_key) {
            Some(Condition::ApiKey)
        } else if rule
            .api_version()
            .is_some_and(|version| version != head.api_version)
        {
            Some(Condition::ApiVersion)
        } else if rule
            .client_id()
            .is_some_and(|client| client != head.client())
        {
            Some(Condition::ClientId)
        } else {
            None
        }
    }

    /// The rule that fails last, of several the first.
    fn nearest(&self, head: &Head) -> Denial {
        let order = |condition: &Condition| match condition {
            Condition::ApiKey => 0,
            Condition::ApiVersion => 1,
            Condition::ClientId => 2,
            Condition::Topic(_) | Condition::NoTopic | Condition::UnnamedTopic => 3,
        };
        let mut best: Option<(usize, Condition)> = None;
        for index in 0..self.rules.len() {
            let Some(failed) = self.fails(index, head) else {
                continue;
            };
            if best
                .as_ref()
                .is_none_or(|(_, known)| order(&failed) > order(known))
            {
                best = Some((index, failed));
            }
        }
        match best {
            Some((index, failed)) => Denial {
                nearest: Some(index),
                failed,
            },
            None => Denial {
                nearest: None,
                failed: Condition::ApiKey,
            },
        }
    }
}

impl Denial {
    /// Why, in a line: what fails, and of which rule.
    #[must_use]
    pub fn text(&self, rules: &Rules, head: &Head) -> String {
        let Some(rule) = self.nearest.and_then(|index| rules.rules.get(index)) else {
            return "there is no Kafka rule".to_owned();
        };
        let failed = match &self.failed {
            Condition::ApiKey => format!("no rule allows {}", head.api_key),
            Condition::ApiVersion => format!("version {} is not the rule's", head.api_version),
            Condition::ClientId => format!("client id {:?} is not the rule's", head.client()),
            Condition::Topic(topic) => format!("topic {topic:?} has no rule"),
            Condition::NoTopic if head.api_key.topics() == Meaning::Unmatched => {
                format!("rules with a topic never have {}", head.api_key)
            }
            Condition::NoTopic => format!("{} names no topic, and the rule has one", head.api_key),
            Condition::UnnamedTopic => {
                format!(
                    "topics of {} without a name, and the rule has one",
                    head.api_key
                )
            }
        };
        format!("{failed}; nearest: {rule}")
    }
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} version {}", self.api_key, self.api_version)
    }
}

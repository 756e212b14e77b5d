//! Reasons behind entries and default denies, and their cookies.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use abi::policy::COOKIE_NONE;
use cluster::ObjectName;

use super::Contribution;
use crate::attribution::{Direction, Origin, Reason, ReasonKind};
use crate::cookies::Cookies;
use crate::rule::PortRule;
use crate::rule_store::SelectedRule;

/// Gives reasons their cookies.
pub(crate) struct Attributor<'c> {
    cookies: &'c mut Cookies,
    /// Texts of default denies, by direction and the rules that select.
    known: HashMap<(Direction, Vec<(ObjectName, usize)>), u32>,
    /// Reasons for which no cookie was left.
    pub(crate) unnamed: usize,
}

impl<'c> Attributor<'c> {
    pub(crate) fn new(cookies: &'c mut Cookies) -> Self {
        Self {
            cookies,
            known: HashMap::new(),
            unnamed: 0,
        }
    }

    fn cookie(&mut self, reason: Reason) -> u32 {
        self.cookies.for_reason(reason).unwrap_or_else(|| {
            self.unnamed += 1;
            COOKIE_NONE
        })
    }

    pub(super) fn rules<'r>(
        &mut self,
        direction: Direction,
        deny: bool,
        behind: impl Iterator<Item = Contribution<'r>>,
    ) -> u32 {
        let verb = if deny { "denies" } else { "allows" };
        let mut origins: Vec<Origin> = behind
            .map(|(selecting, element, _)| Origin {
                policy: selecting.policy.name.clone(),
                uid: selecting.policy.uid.clone(),
                version: Arc::clone(&selecting.policy.version),
                rule: element.path,
                text: format!("{verb} {}", element.text).into(),
                labels: selecting.rule().labels.clone(),
                log: selecting.rule().log.clone(),
            })
            .collect();
        origins.sort();
        origins.dedup();
        let kind = if deny {
            ReasonKind::Deny
        } else {
            ReasonKind::Allow
        };
        self.cookie(Reason {
            direction,
            kind,
            origins,
        })
    }

    /// The cookie of one rule by itself: an item of `toPorts`, or an element that has none of layer 7.
    pub(super) fn rule(
        &mut self,
        direction: Direction,
        (selecting, element, slots): Contribution<'_>,
        rule: Option<&PortRule>,
    ) -> u32 {
        let Some(rule) = rule else {
            let contribution = (selecting, element, slots);
            return self.rules(direction, false, std::iter::once(contribution));
        };
        let origin = Origin {
            policy: selecting.policy.name.clone(),
            uid: selecting.policy.uid.clone(),
            version: Arc::clone(&selecting.policy.version),
            rule: rule.path,
            text: format!("allows {} on {}", element.who, rule.on).into(),
            labels: selecting.rule().labels.clone(),
            log: selecting.rule().log.clone(),
        };
        self.cookie(Reason {
            direction,
            kind: ReasonKind::Allow,
            origins: vec![origin],
        })
    }

    pub(super) fn default_deny(
        &mut self,
        direction: Direction,
        speaking: &[SelectedRule<'_>],
        init: bool,
    ) -> u32 {
        let key = speaking
            .iter()
            .map(|selecting| (selecting.policy.name.clone(), selecting.number))
            .collect();
        let key = (direction, key);
        if let Some(cookie) = self.known.get(&key)
            && !speaking.is_empty()
        {
            return *cookie;
        }
        let mut by_policy: BTreeMap<&ObjectName, Vec<SelectedRule<'_>>> = BTreeMap::new();
        for selecting in speaking {
            by_policy
                .entry(&selecting.policy.name)
                .or_default()
                .push(*selecting);
        }
        let origins: Vec<Origin> = by_policy
            .into_values()
            .flat_map(|rules| selects(direction, &rules))
            .collect();
        let kind = match (origins.is_empty(), init) {
            (false, _) => ReasonKind::DefaultDeny,
            (true, true) => ReasonKind::Init,
            (true, false) => ReasonKind::AlwaysEnforced,
        };
        let cookie = self.cookie(Reason {
            direction,
            kind,
            origins,
        });
        self.known.insert(key, cookie);
        cookie
    }
}

/// Allowances that a summary spells out before it counts the rest.
const SPELLED_OUT: usize = 4;

/// The rules of one policy in a default deny: what they allow together.
fn selects(direction: Direction, rules: &[SelectedRule<'_>]) -> Vec<Origin> {
    let allows: Vec<&str> = rules
        .iter()
        .filter_map(|selecting| selecting.rule().statement(direction))
        .flat_map(|statement| &statement.elements)
        .filter(|element| !element.deny && !element.peers.is_empty() && !element.ports.is_empty())
        .map(|element| &*element.text)
        .collect();
    let mut text = String::from("allows ");
    if allows.is_empty() {
        text.push_str("nothing");
    } else {
        text.push_str(&allows[..allows.len().min(SPELLED_OUT)].join(" and "));
        if allows.len() > SPELLED_OUT {
            text.push_str(&format!(" and {} more", allows.len() - SPELLED_OUT));
        }
    }
    let text: Arc<str> = text.into();
    let origins = rules.iter().map(|selecting| Origin {
        policy: selecting.policy.name.clone(),
        uid: selecting.policy.uid.clone(),
        version: Arc::clone(&selecting.policy.version),
        rule: selecting.rule().path,
        text: Arc::clone(&text),
        labels: selecting.rule().labels.clone(),
        log: None,
    });
    origins.collect()
}

//! Which identity an address gets by its names: the agent's numbers, written down for a proxy without one.
//!
//! ```text
//! NameIdentities (JSON, the agent's)  --compile-->  Identities
//! Identities.of(its identity now, that of what is around it, names) -> the identity that it is to have
//! ```
//!
//! A number stands for what surrounds an address (the world, or a prefix that a policy names) and the selectors of
//! `toFQDNs` that its names match. Numbers aren't made here: without one that the policies know, nothing is said.

use std::collections::HashMap;

use l7_wire::name::Name;
use serde::{Deserialize, Serialize};

use crate::names::{FqdnSelector, NameRuleError, NameSpec};

/// The numbers that an agent has given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NameIdentities {
    /// The selectors of all policies.
    pub selectors: Vec<NameSpec>,
    /// What each number stands for.
    pub identities: Vec<NameIdentity>,
}

/// An identity of addresses that have names.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NameIdentity {
    /// The identity of the longest prefix around the address.
    pub outside: u32,
    /// The selectors that its names match, by their places, ascending.
    pub selectors: Vec<u32>,
    /// The number.
    pub identity: u32,
}

impl NameIdentities {
    /// What stands in both; `None`: they have other selectors.
    pub fn common(&self, other: &Self) -> Option<Self> {
        if self.selectors != other.selectors {
            return None;
        }
        let others: std::collections::HashSet<&NameIdentity> = other.identities.iter().collect();
        let common = self
            .identities
            .iter()
            .filter(|identity| others.contains(identity));
        Some(Self {
            selectors: self.selectors.clone(),
            identities: common.cloned().collect(),
        })
    }
}

/// No number is known of what an address would stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the policies that select its names have no identity for addresses of just these names yet; the agent makes one"
)]
pub struct Unknown;

/// What an address is by its surroundings and its names.
type Meaning = (u32, Vec<u32>);

/// The numbers, to be asked.
#[derive(Debug, Default)]
pub struct Identities {
    selectors: Vec<FqdnSelector>,
    numbers: HashMap<Meaning, u32>,
    meanings: HashMap<u32, Meaning>,
}

impl Identities {
    /// Checks the selectors.
    ///
    /// # Errors
    /// One isn't a name or a pattern.
    pub fn compile(written: &NameIdentities) -> Result<Self, NameRuleError> {
        let selectors = written.selectors.iter().map(FqdnSelector::new);
        let selectors = selectors.collect::<Result<_, _>>()?;
        let of_each = |known: &NameIdentity| (known.outside, known.selectors.clone());
        let each = written.identities.iter();
        Ok(Self {
            selectors,
            numbers: each
                .clone()
                .map(|known| (of_each(known), known.identity))
                .collect(),
            meanings: each.map(|known| (known.identity, of_each(known))).collect(),
        })
    }

    /// Whether a selector matches a name.
    pub fn select(&self, name: &Name) -> bool {
        self.selectors.iter().any(|selector| selector.matches(name))
    }

    /// The identity of what is around an address that has one by its names.
    pub fn outside(&self, identity: u32) -> u32 {
        let meaning = self.meanings.get(&identity);
        meaning.map_or(identity, |(outside, _)| *outside)
    }

    /// The identity that an address is to have once it has these names, too; `None`: no policy asks about them.
    /// `present`: the identity that it has by other names, or else that of what is around it.
    ///
    /// # Errors
    /// There is no number for it.
    pub fn of<'a>(
        &self,
        present: u32,
        names: impl Iterator<Item = &'a Name> + Clone,
    ) -> Result<Option<u32>, Unknown> {
        let (outside, has) = match self.meanings.get(&present) {
            Some((outside, has)) => (*outside, has.as_slice()),
            None => (present, [].as_slice()),
        };
        let mut selected: Vec<u32> = Vec::new();
        let mut is_asked = false;
        for (place, selector) in (0_u32..).zip(&self.selectors) {
            let matches = names.clone().any(|name| selector.matches(name));
            is_asked |= matches;
            if matches || has.binary_search(&place).is_ok() {
                selected.push(place);
            }
        }
        if !is_asked {
            return Ok(None);
        }
        let number = self.numbers.get(&(outside, selected));
        number.copied().map(Some).ok_or(Unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORLD: u32 = 2;
    const PREFIX: u32 = 77;

    fn written() -> NameIdentities {
        let spec = |name: Option<&str>, pattern: Option<&str>| NameSpec {
            match_name: name.map(Box::from),
            match_pattern: pattern.map(Box::from),
        };
        let number = |outside, selectors: &[u32], identity| NameIdentity {
            outside,
            selectors: selectors.to_vec(),
            identity,
        };
        NameIdentities {
            selectors: vec![
                spec(Some("api.example.com"), None),
                spec(None, Some("*.example.com")),
                spec(Some("b.org"), None),
            ],
            identities: vec![
                number(WORLD, &[0, 1], 100),
                number(WORLD, &[1], 101),
                number(WORLD, &[2], 102),
                number(WORLD, &[1, 2], 103),
                number(PREFIX, &[2], 104),
            ],
        }
    }

    fn of(present: u32, names: &[&str]) -> Result<Option<u32>, Unknown> {
        let names: Vec<Name> = names
            .iter()
            .map(|name| Name::from_text(name).expect("a name"))
            .collect();
        let identities = Identities::compile(&written()).expect("names");
        identities.of(present, names.iter())
    }

    #[test]
    fn names_add_up() {
        let identities = Identities::compile(&written()).expect("names");
        assert_eq!(identities.outside(104), PREFIX);
        assert_eq!(identities.outside(WORLD), WORLD);
        assert_eq!(of(WORLD, &["api.example.com."]), Ok(Some(100)));
        assert_eq!(of(WORLD, &["www.example.com."]), Ok(Some(101)));
        assert_eq!(of(WORLD, &["www.example.com.", "b.org."]), Ok(Some(103)));
        assert_eq!(of(WORLD, &["other.net."]), Ok(None));
        // It has other names already.
        assert_eq!(of(101, &["b.org."]), Ok(Some(103)));
        assert_eq!(of(100, &["www.example.com."]), Ok(Some(100)));
        assert_eq!(of(100, &["other.net."]), Ok(None));
        // Nobody has given a number to all three.
        assert_eq!(of(100, &["b.org."]), Err(Unknown));
        // Inside of a prefix that a policy names it is somebody else.
        assert_eq!(of(PREFIX, &["b.org."]), Ok(Some(104)));
        assert_eq!(of(PREFIX, &["www.example.com."]), Err(Unknown));
    }

    #[test]
    fn what_is_common_means_the_same_in_both() {
        let (one, mut other) = (written(), written());
        other.identities.remove(0);
        other.identities[0].identity = 999;
        let common = one.common(&other).expect("the same selectors");
        let numbers = common.identities.iter().map(|known| known.identity);
        assert_eq!(numbers.collect::<Vec<_>>(), [102, 103, 104]);
        other.selectors.pop();
        assert_eq!(one.common(&other), None);
    }
}

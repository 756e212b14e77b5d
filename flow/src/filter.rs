//! One filter: a tree that any form of flow can be held against.
//!
//! ```text
//!   FlowFilter lists (wire, --allowlist) ---+
//!   CLI flags (crate::flags) ---------------+--> Filter --> Program --> matches(&impl FlowView)
//! ```
//!
//! A [`Filter`] is immutable and can be shared; a [`Program`] is one reader's own copy, which
//! remembers for each identity how its labels fared.

mod any_name;
mod cel;
mod connections;
mod convert;
mod error;
mod eval;
mod event_type;
mod leaf;
mod number;
mod pattern;
mod pushdown;
mod selector;
mod text;

pub use any_name::AnyName;
pub use cel::{Cel, CelError};
pub(crate) use convert::{protocol, status};
pub use error::{FilterError, NotANumber};
pub use eval::{Bounds, Program};
pub use event_type::EventTypeError;
pub(crate) use event_type::event_type;
pub use leaf::{Addresses, HttpLeaf, Labels, Leaf, Name, Protocol};
pub use number::NumberLeaf;
pub use pattern::{NodePattern, Pattern};
pub use pushdown::PushdownPlan;
pub use selector::{Selector, SelectorError};
pub use text::{Glob, Scoped, Test, TextLeaf};

use crate::view::FlowView;

/// A condition on a flow.
#[derive(Debug, Clone)]
pub enum Filter {
    /// All of them; none at all: always true.
    All(Vec<Filter>),
    /// At least one of them; none at all: never true.
    Any(Vec<Filter>),
    /// The opposite.
    Not(Box<Filter>),
    /// One question.
    Leaf(Leaf),
}

impl Default for Filter {
    /// Everything matches.
    fn default() -> Self {
        Self::All(Vec::new())
    }
}

impl Filter {
    /// Whether every flow matches, as far as the form of the filter tells.
    pub fn is_everything(&self) -> bool {
        match self {
            Self::All(all) => all.iter().all(Self::is_everything),
            Self::Any(any) => any.iter().any(Self::is_everything),
            Self::Not(_) | Self::Leaf(_) => false,
        }
    }

    /// Whether the flow matches. For many flows a [`Program`] is faster.
    pub fn matches<V: FlowView>(&self, flow: &V) -> bool {
        eval::matches(self, flow, &mut [])
    }

    /// A reader's own copy.
    pub fn program(&self) -> Program {
        Program::new(self)
    }

    /// Relative cost of an evaluation, to ask cheap questions first.
    pub(crate) fn cost(&self) -> u32 {
        match self {
            Self::All(of) | Self::Any(of) => of.iter().map(Self::cost).sum(),
            Self::Not(not) => not.cost(),
            Self::Leaf(leaf) => leaf.cost(),
        }
    }
}

//! Whether the requests of a connection asked the same and were answered alike: such connections can be told
//! together.

use crate::layer7::Answered;

/// See the module.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Alike {
    /// None so far.
    #[default]
    Nothing,
    /// All ask for one subject, by its number; how they were answered, if any was.
    One(u64, Option<Answered>),
    /// They ask for several.
    Different,
}

impl Alike {
    /// Takes a request or an answer in.
    pub(super) fn take(&mut self, subject: Option<u64>, answered: Option<Answered>) {
        *self = self.and(match subject {
            Some(subject) => Self::One(subject, answered),
            None => Self::Different,
        });
    }

    /// All of both.
    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Nothing, of) | (of, Self::Nothing) => of,
            (Self::One(subject, one), Self::One(same, other)) if subject == same => {
                let both = one.zip(other).map(|(one, other)| one.and(other));
                Self::One(subject, both.or(one).or(other))
            }
            (Self::One(..) | Self::Different, Self::One(..) | Self::Different) => Self::Different,
        }
    }

    pub(super) fn is_one(self) -> bool {
        matches!(self, Self::One(..))
    }

    /// How all were answered, if they are alike.
    pub(super) fn answered(self) -> Option<Answered> {
        match self {
            Self::One(_, answered) => answered.filter(|answered| *answered != Answered::Otherwise),
            Self::Nothing | Self::Different => None,
        }
    }
}

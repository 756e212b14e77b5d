//! A Kafka rule as a policy writes it, and checked.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::error::{MAX_TOPIC, RuleError};
use super::key::{ApiKey, Role};

/// An item of `rules.kafka[]`, as written; an empty text is as none. Empty as a whole: every request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct RuleSpec {
    /// `produce` or `consume`, in any case.
    pub role: Option<String>,
    /// A name of [`NAMES`](super::key::NAMES), in any case.
    pub api_key: Option<String>,
    /// A decimal number, 0 to 32767.
    pub api_version: Option<String>,
    /// The client's id, exactly.
    #[serde(rename = "clientID")]
    pub client_id: Option<String>,
    /// The topic's name, exactly.
    pub topic: Option<String>,
}

/// A rule that was checked: every condition that it has must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rule {
    keys: Keys,
    version: Option<i16>,
    client_id: Option<String>,
    topic: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Keys {
    #[default]
    Any,
    One(ApiKey),
    Role(Role),
}

impl Rule {
    /// The rule that allows everything.
    #[must_use]
    pub fn any() -> Self {
        Self::default()
    }

    /// Whether it allows everything.
    #[must_use]
    pub fn is_any(&self) -> bool {
        *self == Self::any()
    }

    /// The topic that it is about; none: every one.
    #[must_use]
    pub fn topic(&self) -> Option<&str> {
        self.topic.as_deref()
    }

    /// The client that it is about; none: every one.
    #[must_use]
    pub fn client_id(&self) -> Option<&str> {
        self.client_id.as_deref()
    }

    /// The version that it is about; none: every one.
    #[must_use]
    pub const fn api_version(&self) -> Option<i16> {
        self.version
    }

    /// Its role, if it is written with one.
    #[must_use]
    pub const fn role(&self) -> Option<Role> {
        match self.keys {
            Keys::Role(role) => Some(role),
            Keys::Any | Keys::One(_) => None,
        }
    }

    /// Whether it allows all that another rule does.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        fn open<T: PartialEq>(all: &Option<T>, some: &Option<T>) -> bool {
            all.is_none() || all == some
        }
        let has_keys = match other.keys {
            Keys::Any => self.keys == Keys::Any,
            Keys::One(key) => self.has_key(key),
            Keys::Role(role) => {
                let mut keys = role.keys().iter();
                keys.all(|key| self.has_key(ApiKey(*key)))
            }
        };
        has_keys
            && open(&self.version, &other.version)
            && open(&self.client_id, &other.client_id)
            && open(&self.topic, &other.topic)
    }

    /// Whether requests of that kind are in it.
    #[must_use]
    pub fn has_key(&self, key: ApiKey) -> bool {
        match self.keys {
            Keys::Any => true,
            Keys::One(one) => one == key,
            Keys::Role(role) => role.keys().contains(&key.0),
        }
    }
}

impl TryFrom<&RuleSpec> for Rule {
    type Error = RuleError;

    fn try_from(spec: &RuleSpec) -> Result<Self, RuleError> {
        let RuleSpec {
            role,
            api_key,
            api_version,
            client_id,
            topic,
        } = spec;
        let keys = match (written(role), written(api_key)) {
            (Some(role), Some(api_key)) => {
                return Err(RuleError::RoleAndApiKey {
                    role: role.clone(),
                    api_key: api_key.clone(),
                });
            }
            (None, Some(name)) => {
                let key = ApiKey::named(name).ok_or_else(|| RuleError::ApiKey(name.clone()))?;
                Keys::One(key)
            }
            (Some(name), None) => [Role::Produce, Role::Consume]
                .into_iter()
                .find(|role| role.name().eq_ignore_ascii_case(name))
                .map(Keys::Role)
                .ok_or_else(|| RuleError::Role(name.clone()))?,
            (None, None) => Keys::Any,
        };
        let version = written(api_version)
            .map(|text| number(text).ok_or_else(|| RuleError::ApiVersion(text.clone())))
            .transpose()?;
        if let Some(topic) = written(topic) {
            if topic.len() > MAX_TOPIC {
                return Err(RuleError::TopicTooLong);
            }
            let known = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
            if !topic.bytes().all(known) {
                return Err(RuleError::Topic(topic.clone()));
            }
        }
        Ok(Self {
            keys,
            version,
            client_id: written(client_id).cloned(),
            topic: written(topic).cloned(),
        })
    }
}

fn written(text: &Option<String>) -> Option<&String> {
    text.as_ref().filter(|text| !text.is_empty())
}

fn number(text: &str) -> Option<i16> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

/// As a policy's fields: `role=produce topic=orders`.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        match self.keys {
            Keys::Any => {}
            Keys::One(key) => parts.push(format!("apiKey={key}")),
            Keys::Role(role) => parts.push(format!("role={}", role.name())),
        }
        if let Some(version) = self.version {
            parts.push(format!("apiVersion={version}"));
        }
        if let Some(client) = &self.client_id {
            parts.push(format!("clientID={client:?}"));
        }
        if let Some(topic) = &self.topic {
            parts.push(format!("topic={topic}"));
        }
        if parts.is_empty() {
            return f.write_str("any request");
        }
        f.write_str(&parts.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(fields: [&str; 5]) -> Result<Rule, RuleError> {
        let [role, api_key, api_version, client_id, topic] =
            fields.map(|text| Some(text.to_owned()));
        Rule::try_from(&RuleSpec {
            role,
            api_key,
            api_version,
            client_id,
            topic,
        })
    }

    #[test]
    fn rules_are_checked_and_shown() {
        for (fields, text) in [
            (["", "", "", "", ""], "any request"),
            (["Produce", "", "", "", "a"], "role=produce topic=a"),
            (["", "FETCH", "3", "", ""], "apiKey=fetch apiVersion=3"),
            (
                ["", "", "32767", "me", ""],
                "apiVersion=32767 clientID=\"me\"",
            ),
        ] {
            assert_eq!(rule(fields).expect(text).to_string(), text);
        }
    }

    #[test]
    fn what_no_rule_may_say_is_refused_in_the_words_of_cilium() {
        let long = "a".repeat(256);
        for (fields, text) in [
            (
                ["produce", "fetch", "", "", ""],
                "cannot set both Role \"produce\" and APIKey \"fetch\" together",
            ),
            (["write", "", "", "", ""], "invalid Kafka Role \"write\""),
            (
                ["", "saslauthenticate", "", "", ""],
                "invalid Kafka APIKey \"saslauthenticate\"",
            ),
            (["", "", "-1", "", ""], "invalid Kafka APIVersion \"-1\""),
            (["", "", "+1", "", ""], "invalid Kafka APIVersion \"+1\""),
            (
                ["", "", "32768", "", ""],
                "invalid Kafka APIVersion \"32768\"",
            ),
            (["", "", "v2", "", ""], "invalid Kafka APIVersion \"v2\""),
            (
                ["", "", "", "", &long],
                "kafka topic exceeds maximum len of 255",
            ),
            (
                ["", "", "", "", "orders*"],
                "invalid Kafka Topic name \"orders*\"",
            ),
        ] {
            let error = rule(fields).expect_err(text);
            assert_eq!(error.to_string(), text);
        }
        assert!(rule(["", "", "", "", &long[..255]]).is_ok());
    }
}

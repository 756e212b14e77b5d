//! Why bytes are not Kafka's, or a rule isn't one.

/// Why a message can't be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// A frame announces no request: negative, or too short for a header.
    #[error("a frame of {0} bytes can't hold a request")]
    FrameTooShort(i32),
    /// A frame announces more than the limit.
    #[error("a frame of {size} bytes is longer than the limit of {limit}")]
    FrameTooLong {
        /// Bytes announced.
        size: u32,
        /// Bytes allowed.
        limit: u32,
    },
    /// The message ends before its fields do.
    #[error("the message ends before its fields do")]
    Truncated,
    /// A length is negative, or longer than anything of its kind.
    #[error("a length that no message has")]
    Length,
    /// A varint is longer than 32 bits.
    #[error("a varint of more than 32 bits")]
    Varint,
    /// A name isn't UTF-8.
    #[error("a name that isn't UTF-8")]
    Text,
    /// More names or elements than the limits let be kept.
    #[error("more topics or partitions than one request may name")]
    TooMany,
}

/// Why a rule is refused. Texts are Cilium's (cilium/proxy, `pkg/policy/api/kafka`).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// A role stands for keys of its own.
    #[error("cannot set both Role {role:?} and APIKey {api_key:?} together")]
    RoleAndApiKey {
        /// As written.
        role: String,
        /// As written.
        api_key: String,
    },
    /// Neither produce nor consume.
    #[error("invalid Kafka Role {0:?}")]
    Role(String),
    /// No name of [`key::NAMES`](super::key::NAMES).
    #[error("invalid Kafka APIKey {0:?}")]
    ApiKey(String),
    /// Not a decimal number from 0 to 32767.
    #[error("invalid Kafka APIVersion {0:?}")]
    ApiVersion(String),
    /// Longer than a topic's name may be.
    #[error("kafka topic exceeds maximum len of {MAX_TOPIC}")]
    TopicTooLong,
    /// Other characters than topics have; there are no patterns.
    #[error("invalid Kafka Topic name {0:?}")]
    Topic(String),
}

/// Longest name of a topic in a rule, in bytes.
pub(super) const MAX_TOPIC: usize = 255;

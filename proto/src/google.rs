//! The well-known protobuf types that Hubble's messages use, with their JSON forms.
//!
//! Our own, because the JSON forms differ from those of `prost_types` (none) and `pbjson_types`
//! (`+00:00`, no `Any`).

use base64::Engine as _;
use prost::Message as _;
use serde::ser::{Error as _, Serialize, SerializeStruct as _, Serializer};

use crate::flows::v1::FlowExtension;

/// A moment, UTC.
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct Timestamp {
    /// Since 1970-01-01T00:00:00Z.
    #[prost(int64, tag = "1")]
    pub seconds: i64,
    /// 0 to 999,999,999, counted forward also before 1970.
    #[prost(int32, tag = "2")]
    pub nanos: i32,
}

impl PartialOrd for Timestamp {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Timestamp {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.seconds, self.nanos).cmp(&(other.seconds, other.nanos))
    }
}

impl Timestamp {
    /// From nanoseconds since 1970.
    pub fn from_unix_nanos(nanos: i64) -> Self {
        let part = nanos.rem_euclid(1_000_000_000);
        Self {
            seconds: nanos.div_euclid(1_000_000_000),
            nanos: i32::try_from(part).unwrap_or_default(),
        }
    }

    /// Nanoseconds since 1970, saturating (years 1677 to 2262).
    pub fn unix_nanos(self) -> i64 {
        self.seconds
            .saturating_mul(1_000_000_000)
            .saturating_add(i64::from(self.nanos))
    }

    /// The moment as `jiff` sees it.
    ///
    /// # Errors
    /// A moment outside the years 1 to 9999, or nanoseconds that are not a fraction of a second:
    /// what protobuf calls an invalid timestamp.
    pub fn checked(self) -> Result<jiff::Timestamp, InvalidTimestamp> {
        // 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z
        let valid = (-62_135_596_800..=253_402_300_799).contains(&self.seconds)
            && (0..=999_999_999).contains(&self.nanos);
        if !valid {
            return Err(InvalidTimestamp(self));
        }
        // jiff ends some hours before protobuf does, so that every zone can show its moments.
        jiff::Timestamp::new(self.seconds, self.nanos)
            .map_err(|_out_of_range| InvalidTimestamp(self))
    }
}

impl From<jiff::Timestamp> for Timestamp {
    fn from(moment: jiff::Timestamp) -> Self {
        let (mut seconds, mut nanos) = (moment.as_second(), moment.subsec_nanosecond());
        if nanos < 0 {
            seconds -= 1;
            nanos += 1_000_000_000;
        }
        Self { seconds, nanos }
    }
}

impl From<std::time::SystemTime> for Timestamp {
    fn from(moment: std::time::SystemTime) -> Self {
        jiff::Timestamp::try_from(moment)
            .map(Self::from)
            .unwrap_or_default()
    }
}

/// A timestamp that protobuf does not allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("invalid timestamp: {} s {} ns", .0.seconds, .0.nanos)]
pub struct InvalidTimestamp(pub Timestamp);

impl Serialize for Timestamp {
    /// RFC 3339 in UTC with 0, 3, 6 or 9 digits of a second.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let moment = self.checked().map_err(S::Error::custom)?;
        let date = jiff::tz::Offset::UTC.to_datetime(moment);
        let mut text = *b"0000-00-00T00:00:00.000000000Z";
        for (digits, number) in [
            (0..4, date.year().into()),
            (5..7, date.month().into()),
            (8..10, date.day().into()),
            (11..13, date.hour().into()),
            (14..16, date.minute().into()),
            (17..19, date.second().into()),
            (20..29, self.nanos),
        ] {
            let mut rest: i32 = number;
            for digit in text[digits].iter_mut().rev() {
                *digit += u8::try_from(rest % 10).unwrap_or_default();
                rest /= 10;
            }
        }
        let length = match self.nanos {
            0 => 19,
            nanos if nanos % 1_000_000 == 0 => 23,
            nanos if nanos % 1_000 == 0 => 26,
            _ => 29,
        };
        text[length] = b'Z';
        serializer.serialize_str(str::from_utf8(&text[..=length]).map_err(S::Error::custom)?)
    }
}

/// A message of any type.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct Any {
    /// What `value` is: the part after the last `/` is the message's full name.
    #[prost(string, tag = "1")]
    pub type_url: String,
    /// The encoded message.
    #[prost(bytes = "vec", tag = "2")]
    pub value: Vec<u8>,
}

impl Serialize for Any {
    /// The fields of our own extension, without `@type`: Hubble's tools then pass over it like over
    /// any unknown field, while they can't read a line that names a type they don't have. For another
    /// type, `@type` and `value` in base64.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.type_url == crate::EXTENSION_URL {
            // What says so and isn't one is written as what isn't known.
            if let Ok(message) = FlowExtension::decode(self.value.as_slice()) {
                return message.serialize(serializer);
            }
        }
        if *self == Self::default() {
            return serializer.serialize_struct("Any", 0)?.end();
        }
        let mut unknown = serializer.serialize_struct("Any", 2)?;
        unknown.serialize_field("@type", &self.type_url)?;
        let value = base64::engine::general_purpose::STANDARD.encode(&self.value);
        unknown.serialize_field("value", &value)?;
        unknown.end()
    }
}

/// Paths into a message.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct FieldMask {
    /// In original field names, parts joined with `.`.
    #[prost(string, repeated, tag = "1")]
    pub paths: Vec<String>,
}

impl Serialize for FieldMask {
    /// One string of lowerCamelCase paths joined with `,`.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut text = String::new();
        for (place, path) in self.paths.iter().enumerate() {
            if place > 0 {
                text.push(',');
            }
            let mut upper = false;
            for c in path.chars() {
                if c == '_' {
                    upper = true;
                } else {
                    text.push(if upper { c.to_ascii_uppercase() } else { c });
                    upper = false;
                }
            }
        }
        serializer.serialize_str(&text)
    }
}

macro_rules! wrapper {
    ($(#[$doc:meta])* $name:ident, $kind:ident, $type:ty) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
        pub struct $name {
            /// The value.
            #[prost($kind, tag = "1")]
            pub value: $type,
        }

        impl From<$type> for $name {
            fn from(value: $type) -> Self {
                Self { value }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.value.serialize(serializer)
            }
        }
    };
}

wrapper!(
    /// A `bool` that can be absent.
    BoolValue, bool, bool
);
wrapper!(
    /// An `int32` that can be absent.
    Int32Value, int32, i32
);
wrapper!(
    /// A `uint32` that can be absent.
    UInt32Value, uint32, u32
);

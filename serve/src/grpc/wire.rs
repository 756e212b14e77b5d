//! What a request costs, read off its bytes: decoded, a filter of two bytes takes a kilobyte, and a
//! regular expression of a few bytes a megabyte. Nothing is decoded before it is known to fit.

use prost::encoding::{WireType, decode_key, decode_varint};

/// Filters in whitelist and blacklist together.
pub const MAX_FILTERS: usize = 1024;
/// Values in all lists of all filters together, and paths of the field mask.
pub const MAX_VALUES: usize = 16_384;
/// Regular expressions in all filters together.
pub const MAX_PATTERNS: usize = 32;
/// Of one regular expression.
pub const MAX_PATTERN_BYTES: usize = 1024;
/// Expressions in CEL in all filters together.
pub const MAX_CELS: usize = 16;
/// KiB of one: eight regular expressions of 256 KiB, as `flow` compiles them.
const CEL_KIB: usize = 2048;
/// Fields of any other request.
const MAX_FIELDS: usize = 16_384;

/// Bytes that a call may send, by its path.
pub(super) fn max_bytes(path: &str) -> usize {
    match path {
        // Manifests.
        "/flows.v1.Policy/Validate" => 4 << 20,
        "/observer.Observer/GetFlows" => 1 << 20,
        path if path.starts_with("/flows.v1.Policy/") => 1 << 20,
        _ => 64 << 10,
    }
}

/// Whether a call's messages come one by one, each within what is decoded at most, for as long as it lasts: what they
/// amount to is the service's to bound.
pub(super) fn is_conversation(path: &str) -> bool {
    path.starts_with("/grpc.reflection.")
        || matches!(path, "/flows.v1.Proxy/SetRules" | "/flows.v1.Proxy/Learn")
}

/// A request that is too much.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum TooMuch {
    #[error("whitelist and blacklist: more than {MAX_FILTERS} filters; send at most {MAX_FILTERS}")]
    Filters,
    #[error(
        "{list}[{at}]: more than {MAX_VALUES} values in all filters together; send at most {MAX_VALUES}"
    )]
    Values { list: &'static str, at: usize },
    #[error(
        "{list}[{at}].{field}: more than {MAX_PATTERNS} regular expressions in all filters together; \
         send at most {MAX_PATTERNS}"
    )]
    Patterns {
        list: &'static str,
        at: usize,
        field: &'static str,
    },
    #[error(
        "{list}[{at}].{field}: a regular expression of {bytes} bytes; at most {MAX_PATTERN_BYTES} are allowed"
    )]
    Pattern {
        list: &'static str,
        at: usize,
        field: &'static str,
        bytes: usize,
    },
    #[error(
        "{list}[{at}].experimental.cel_expression: more than {MAX_CELS} CEL expressions in all filters \
         together; send at most {MAX_CELS}"
    )]
    Cels { list: &'static str, at: usize },
    #[error("field_mask: more than {MAX_VALUES} paths; send at most {MAX_VALUES}")]
    Paths,
    #[error("more than {MAX_FIELDS} fields in one request; send at most {MAX_FIELDS}")]
    Fields,
}

/// KiB of memory that a request may take once it is decoded and its filters are built, estimated; 1 at
/// least.
pub(super) fn cost(path: &str, message: &[u8]) -> Result<u32, TooMuch> {
    let built = if path == "/observer.Observer/GetFlows" {
        of_filters(message)?
    } else if Fields(message).take(MAX_FIELDS + 1).count() > MAX_FIELDS {
        return Err(TooMuch::Fields);
    } else {
        0
    };
    // The smallest element of a list takes two bytes here and 48 decoded.
    let decoded = message.len().saturating_mul(24) >> 10;
    Ok(u32::try_from(1 + decoded + built).unwrap_or(u32::MAX))
}

/// KiB that filters take beyond their values.
fn of_filters(message: &[u8]) -> Result<usize, TooMuch> {
    let (mut filters, mut values, mut patterns, mut cels) = (0, 0, 0, 0);
    let (mut white, mut black) = (0, 0);
    for (number, value) in Fields(message) {
        let (list, count) = match number {
            5 => ("blacklist", &mut black),
            6 => ("whitelist", &mut white),
            10 if Fields(value).take(MAX_VALUES + 1).count() > MAX_VALUES => {
                return Err(TooMuch::Paths);
            }
            _ => continue,
        };
        let at = *count;
        *count += 1;
        filters += 1;
        if filters > MAX_FILTERS {
            return Err(TooMuch::Filters);
        }
        for (number, value) in Fields(value) {
            values += if is_packed(number) {
                value.iter().filter(|byte| **byte < 0x80).count().max(1)
            } else {
                1
            };
            if values > MAX_VALUES {
                return Err(TooMuch::Values { list, at });
            }
            let field = match number {
                18 => "dns_query",
                22 => "http_path",
                31 => "http_url",
                // A message with a list in it; given twice, decoding joins the lists.
                999 => {
                    let of_them = Fields(value).filter(|(number, _)| *number == 1);
                    cels += of_them.take(MAX_CELS + 1).count();
                    if cels > MAX_CELS {
                        return Err(TooMuch::Cels { list, at });
                    }
                    continue;
                }
                _ => continue,
            };
            patterns += 1;
            if patterns > MAX_PATTERNS {
                return Err(TooMuch::Patterns { list, at, field });
            }
            let bytes = value.len();
            if bytes > MAX_PATTERN_BYTES {
                return Err(TooMuch::Pattern {
                    list,
                    at,
                    field,
                    bytes,
                });
            }
        }
    }
    // A filter's lists are 1 KiB when empty; a regular expression is compiled to 1 MiB at most.
    Ok(2 * filters + 1024 * patterns + CEL_KIB * cels)
}

/// Lists of numbers in flow.FlowFilter, which stand in one field each.
fn is_packed(number: u32) -> bool {
    matches!(number, 5 | 15 | 19 | 20 | 25 | 30 | 33 | 39 | 40)
}

/// Numbers and values of a message's fields, up to where it is malformed: decoding fails there, too.
/// The value of a number is empty.
struct Fields<'a>(&'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = (u32, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let (number, wire_type) = decode_key(&mut self.0).ok()?;
        let length = match wire_type {
            WireType::Varint => {
                decode_varint(&mut self.0).ok()?;
                0
            }
            WireType::LengthDelimited => usize::try_from(decode_varint(&mut self.0).ok()?).ok()?,
            WireType::SixtyFourBit => 8,
            WireType::ThirtyTwoBit => 4,
            WireType::StartGroup | WireType::EndGroup => 0,
        };
        let (value, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some((number, value))
    }
}

#[cfg(test)]
mod tests {
    use prost::{Message as _, encoding::encode_varint};

    use super::*;
    use proto::{
        flow::{FlowFilter, flow_filter::Experimental},
        google::FieldMask,
        observer::GetFlowsRequest,
    };

    const PATH: &str = "/observer.Observer/GetFlows";

    fn whitelist(whitelist: Vec<FlowFilter>) -> Result<u32, TooMuch> {
        let request = GetFlowsRequest {
            whitelist,
            ..GetFlowsRequest::default()
        };
        cost(PATH, &request.encode_to_vec())
    }

    fn paths(pattern: &str, count: usize) -> FlowFilter {
        FlowFilter {
            http_path: vec![pattern.into(); count],
            ..FlowFilter::default()
        }
    }

    #[test]
    fn what_is_too_much_is_named() {
        let none = FlowFilter::default;
        assert!(whitelist(vec![none(); MAX_FILTERS]).is_ok());
        assert_eq!(
            whitelist(vec![none(); MAX_FILTERS + 1]),
            Err(TooMuch::Filters)
        );
        let both = GetFlowsRequest {
            whitelist: vec![none(); MAX_FILTERS],
            blacklist: vec![none()],
            ..GetFlowsRequest::default()
        };
        assert_eq!(cost(PATH, &both.encode_to_vec()), Err(TooMuch::Filters));
        let (list, at) = ("whitelist", 1);
        let strings = |count| FlowFilter {
            source_ip: vec!["::".into(); count],
            ..none()
        };
        assert!(whitelist(vec![none(), strings(MAX_VALUES)]).is_ok());
        assert_eq!(
            whitelist(vec![strings(1), strings(MAX_VALUES)]),
            Err(TooMuch::Values { list, at })
        );
        let numbers = |count| FlowFilter {
            source_identity: vec![70_000; count],
            ..none()
        };
        assert!(whitelist(vec![none(), numbers(MAX_VALUES)]).is_ok());
        assert_eq!(
            whitelist(vec![numbers(1), numbers(MAX_VALUES)]),
            Err(TooMuch::Values { list, at })
        );

        assert!(whitelist(vec![none(), paths("/a", MAX_PATTERNS)]).is_ok());
        let field = "http_path";
        assert_eq!(
            whitelist(vec![paths("/a", 1), paths("/a", MAX_PATTERNS)]),
            Err(TooMuch::Patterns { list, at, field })
        );
        let long = "a".repeat(MAX_PATTERN_BYTES + 1);
        let bytes = long.len();
        assert_eq!(
            whitelist(vec![none(), paths(&long, 1)]),
            Err(TooMuch::Pattern {
                list,
                at,
                field,
                bytes
            })
        );
        let mask = GetFlowsRequest {
            field_mask: Some(FieldMask {
                paths: vec![String::new(); MAX_VALUES + 1],
            }),
            ..GetFlowsRequest::default()
        };
        assert_eq!(cost(PATH, &mask.encode_to_vec()), Err(TooMuch::Paths));
        let other = [0x0a, 0].repeat(MAX_FIELDS + 1);
        assert_eq!(
            cost("/flows.v1.Policy/Validate", &other),
            Err(TooMuch::Fields)
        );
    }

    #[test]
    fn cel_expressions_are_counted_over_all_filters() {
        let cels = |count| FlowFilter {
            experimental: Some(Experimental {
                cel_expression: vec!["true".into(); count],
            }),
            ..FlowFilter::default()
        };
        let most = whitelist(vec![cels(MAX_CELS - 1), cels(1)]).unwrap();
        assert!(most > 16 * 2048, "{most}");
        let (list, at) = ("whitelist", 1);
        let error = Err(TooMuch::Cels { list, at });
        assert_eq!(whitelist(vec![cels(MAX_CELS), cels(1)]), error);
        // The field twice, which is one list once it is decoded.
        let half = cels(MAX_CELS / 2 + 1).encode_to_vec();
        let mut twice = half.repeat(2);
        let decoded = FlowFilter::decode(&twice[..]).unwrap();
        let decoded = decoded.experimental.unwrap().cel_expression.len();
        assert_eq!(decoded, MAX_CELS + 2);
        let mut message = vec![0x32];
        encode_varint(twice.len() as u64, &mut message);
        message.append(&mut twice);
        let at = 0;
        assert_eq!(cost(PATH, &message), Err(TooMuch::Cels { list, at }));
    }

    #[test]
    fn costs() {
        assert_eq!(cost(PATH, &[]), Ok(1));
        let cheap = whitelist(vec![FlowFilter::default(); 2]).unwrap();
        assert!(cheap < 8, "{cheap}");
        let dear = whitelist(vec![paths("(a{9}){9}", 3)]).unwrap();
        assert!(dear > 3 * 1024, "{dear}");
    }

    #[test]
    fn malformed_messages_end_where_they_break() {
        for (name, bytes, count) in [
            ("a length beyond the end", &[0x08, 1, 0x32, 9, 1][..], 1),
            ("no key", &[0xff; 12][..], 0),
            ("an unknown wire type", &[0x08, 1, 0x0f][..], 1),
            ("groups", &[0x0b, 0x08, 1, 0x0c][..], 3),
            (
                "fixed numbers",
                &[0x09, 0, 0, 0, 0, 0, 0, 0, 0, 0x0d, 0, 0, 0, 0][..],
                2,
            ),
        ] {
            assert_eq!(Fields(bytes).count(), count, "{name}");
        }
    }
}

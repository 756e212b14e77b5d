//! Answers of our own: the refusal of a request, in its version and with what it named.

use super::key::ApiKey;
use super::request::{Echo, Token};
use super::schema::{self, Api, Field, Kind, Role, code};

/// Error codes of a refusal.
#[derive(Debug, Clone, Copy)]
pub(super) struct Codes {
    /// Where the answer's elements, or the answer as a whole, have one.
    pub(super) element: i16,
    /// Where the answer as a whole has one besides, which counts when there are no elements.
    pub(super) whole: i16,
}

impl Codes {
    pub(super) const fn same(code: i16) -> Self {
        Self {
            element: code,
            whole: code,
        }
    }
}

/// A whole frame that refuses a request of that version. `echo`: what the request named.
pub(super) fn refuse(
    api: &Api,
    version: i16,
    correlation_id: i32,
    echo: &Echo,
    codes: Codes,
) -> Vec<u8> {
    let mut frame = vec![0; 4];
    frame.extend_from_slice(&correlation_id.to_be_bytes());
    let flexible = api.is_flexible(version);
    // Headers of answers have tagged fields too, but for one kind: who asks for versions can't know.
    if flexible && ApiKey(api.key) != ApiKey::API_VERSIONS {
        frame.push(0);
    }
    let mut writer = Writer {
        out: &mut frame,
        version,
        flexible,
        echo,
        codes,
    };
    writer.structure(api.response, echo.tokens(), 0);
    close(frame)
}

/// An element of a metadata answer of that version: a topic that is refused.
pub(super) fn refused_topic(api: &Api, version: i16, name: &str) -> Vec<u8> {
    let echo = Echo::topic(name);
    let mut out = Vec::new();
    let mut writer = Writer {
        out: &mut out,
        version,
        flexible: api.is_flexible(version),
        echo: &echo,
        codes: Codes::same(code::TOPIC),
    };
    for field in api.response {
        if let (Kind::Array(fields), true) = (field.kind, field.each) {
            writer.structure(fields, echo.tokens().get(1..).unwrap_or_default(), 1);
        }
    }
    out
}

/// What a broker answers to a version of ApiVersions that it doesn't know: in version 0, with the
/// versions of this request alone (KIP-511).
pub(super) fn unknown_api_versions(correlation_id: i32) -> Vec<u8> {
    let newest = schema::find(ApiKey::API_VERSIONS.0).map_or(0, |api| api.offered);
    let mut frame = vec![0; 4];
    frame.extend_from_slice(&correlation_id.to_be_bytes());
    frame.extend_from_slice(&code::UNSUPPORTED_VERSION.to_be_bytes());
    frame.extend_from_slice(&1i32.to_be_bytes());
    for number in [ApiKey::API_VERSIONS.0, 0, newest] {
        frame.extend_from_slice(&number.to_be_bytes());
    }
    close(frame)
}

/// Writes a frame's length into its first four bytes.
pub(super) fn close(mut frame: Vec<u8>) -> Vec<u8> {
    let size = u32::try_from(frame.len().saturating_sub(4)).unwrap_or(u32::MAX);
    if let Some(place) = frame.first_chunk_mut::<4>() {
        *place = size.to_be_bytes();
    }
    frame
}

/// Writes how many elements an array has.
pub(super) fn count(out: &mut Vec<u8>, flexible: bool, elements: usize) {
    let elements = u32::try_from(elements).unwrap_or(u32::MAX);
    if flexible {
        varint(out, elements.saturating_add(1));
    } else {
        out.extend_from_slice(&elements.to_be_bytes());
    }
}

fn varint(out: &mut Vec<u8>, mut value: u32) {
    while value > 0x7f {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

struct Writer<'a> {
    out: &'a mut Vec<u8>,
    version: i16,
    flexible: bool,
    echo: &'a Echo,
    codes: Codes,
}

impl Writer<'_> {
    /// A structure, from the tokens of the element that it repeats.
    fn structure(&mut self, fields: &[Field], tokens: &[Token], level: u8) {
        let version = self.version;
        for field in fields.iter().filter(|field| field.is_in(version)) {
            self.field(field, tokens, level);
        }
        if self.flexible {
            self.out.push(0);
        }
    }

    fn field(&mut self, field: &Field, tokens: &[Token], level: u8) {
        // What belongs to elements inside is theirs.
        let own = || {
            let inside = |token: &&Token| !matches!(token, Token::Item(_));
            tokens.iter().take_while(inside)
        };
        match field.kind {
            Kind::Fixed(16) => {
                let id = own().find_map(|token| token.uuid(field.role));
                self.out.extend_from_slice(&id.unwrap_or_default());
            }
            Kind::Fixed(size) => {
                let said = own().find_map(|token| token.int(field.role));
                let empty = self.echo.tokens().is_empty();
                let value = if field.role == Role::Error {
                    self.codes.element.into()
                } else if field.role == Role::ErrorIfEmpty && empty {
                    self.codes.whole.into()
                } else {
                    said.unwrap_or(field.default)
                };
                let bytes = value.to_be_bytes();
                let from = bytes.len().saturating_sub(size.into());
                self.out
                    .extend_from_slice(bytes.get(from..).unwrap_or_default());
            }
            Kind::Text => match own().find_map(|token| token.text(field.role)) {
                Some((from, to)) => self.text(Some(self.echo.text(from, to))),
                None if field.null => self.text(None),
                None => self.text(Some("")),
            },
            Kind::Bytes if field.null => self.null(),
            Kind::Bytes => count(self.out, self.flexible, 0),
            Kind::Array(_) | Kind::List(_) if !field.each && field.null => self.null(),
            Kind::Array(_) | Kind::List(_) if !field.each => count(self.out, self.flexible, 0),
            Kind::Array(fields) => self.elements(fields, tokens, level.saturating_add(1)),
            Kind::List(item) => {
                self.elements(std::slice::from_ref(item), tokens, level.saturating_add(1));
            }
        }
    }

    fn elements(&mut self, fields: &[Field], tokens: &[Token], level: u8) {
        let begins = |token: &Token| matches!(token, Token::Item(of) if *of == level);
        let number = tokens.iter().filter(|token| begins(token)).count();
        count(self.out, self.flexible, number);
        for element in tokens.split(begins).skip(1) {
            self.structure(fields, element, level);
        }
    }

    fn text(&mut self, text: Option<&str>) {
        let Some(text) = text else {
            if self.flexible {
                self.out.push(0);
            } else {
                self.out.extend_from_slice(&(-1i16).to_be_bytes());
            }
            return;
        };
        if self.flexible {
            count(self.out, true, text.len());
        } else {
            // No text that is kept is longer.
            let length = i16::try_from(text.len()).unwrap_or(i16::MAX);
            self.out.extend_from_slice(&length.to_be_bytes());
        }
        self.out.extend_from_slice(text.as_bytes());
    }

    fn null(&mut self) {
        if self.flexible {
            self.out.push(0);
        } else {
            self.out.extend_from_slice(&(-1i32).to_be_bytes());
        }
    }
}

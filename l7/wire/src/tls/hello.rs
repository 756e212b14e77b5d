//! The message itself, byte by byte, free of the records that carried it.

use super::{ClientHello, MAX_HELLO, NotHello, ServerName};

const CLIENT_HELLO: u32 = 1;
/// The version, and 32 random bytes.
const FIXED: u32 = 34;
const SERVER_NAME: u32 = 0;
/// Of draft-ietf-tls-esni.
const ENCRYPTED_CLIENT_HELLO: u32 = 0xfe0d;
/// The only kind of server name.
const HOST_NAME: u32 = 0;

#[derive(Clone, Debug)]
pub(super) struct Hello {
    step: Step,
    /// Bytes of the message that are left; unknown before its length is.
    left: Option<u32>,
    name: ServerName,
    has_name: bool,
    has_inner: bool,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    /// A number of so many bytes more, and what was read of it.
    Number(Field, u8, u32),
    /// So many bytes of no interest, then a number.
    Skip(u32, Field),
    /// So many bytes of the name.
    Name(u32),
    Complete,
}

/// The numbers of the message, in the order in which they come.
#[derive(Clone, Copy, Debug)]
enum Field {
    Kind,
    Length,
    SessionLength,
    SuitesLength,
    MethodsLength,
    ExtensionsLength,
    Extension,
    /// Of which extension.
    ExtensionLength(u32),
    /// Each with what is left of the extension.
    NamesLength(u32),
    NameKind(u32),
    NameLength(u32),
}

impl Field {
    /// Bytes of the number.
    fn size(self) -> u8 {
        match self {
            Self::Kind | Self::SessionLength | Self::MethodsLength | Self::NameKind(_) => 1,
            Self::SuitesLength
            | Self::ExtensionsLength
            | Self::Extension
            | Self::ExtensionLength(_)
            | Self::NamesLength(_)
            | Self::NameLength(_) => 2,
            Self::Length => 3,
        }
    }

    /// Whether the message may end before it.
    fn is_optional(self) -> bool {
        matches!(self, Self::ExtensionsLength | Self::Extension)
    }
}

impl Hello {
    pub(super) fn new() -> Self {
        Self {
            step: number(Field::Kind),
            left: None,
            name: ServerName::EMPTY,
            has_name: false,
            has_inner: false,
        }
    }

    pub(super) fn is_complete(&self) -> bool {
        matches!(self.step, Step::Complete)
    }

    /// Whether it is known to be a ClientHello.
    pub(super) fn has_begun(&self) -> bool {
        !matches!(self.step, Step::Number(Field::Kind, _, _))
    }

    pub(super) fn told(&self) -> ClientHello<'_> {
        ClientHello {
            server_name: self.has_name.then_some(&self.name),
            has_inner: self.has_inner,
        }
    }

    pub(super) fn byte(&mut self, byte: u8) -> Result<(), NotHello> {
        if let Some(left) = &mut self.left {
            *left = left.checked_sub(1).ok_or(NotHello::Malformed)?;
        }
        self.step = match self.step {
            Step::Number(field, missing, value) => {
                let value = value << 8 | u32::from(byte);
                match missing.saturating_sub(1) {
                    0 => self.take(field, value)?,
                    missing => Step::Number(field, missing, value),
                }
            }
            Step::Skip(missing, next) => skip(missing.saturating_sub(1), next),
            Step::Name(missing) => {
                self.name.push(byte).ok_or(NotHello::Malformed)?;
                match missing.saturating_sub(1) {
                    0 => number(Field::Extension),
                    missing => Step::Name(missing),
                }
            }
            Step::Complete => Step::Complete,
        };
        if self.left == Some(0) {
            self.step = match self.step {
                Step::Number(field, missing, _)
                    if field.is_optional() && missing == field.size() =>
                {
                    Step::Complete
                }
                Step::Number(..) | Step::Skip(..) | Step::Name(_) | Step::Complete => {
                    return Err(NotHello::Malformed);
                }
            };
        }
        Ok(())
    }

    /// What follows a number.
    fn take(&mut self, field: Field, value: u32) -> Result<Step, NotHello> {
        let left = self.left.unwrap_or(0);
        let fits = |condition: bool| condition.then_some(()).ok_or(NotHello::Malformed);
        Ok(match field {
            Field::Kind if value == CLIENT_HELLO => number(Field::Length),
            Field::Kind => return Err(NotHello::NotTls),
            Field::Length => {
                if usize::try_from(value).is_ok_and(|length| length > MAX_HELLO) {
                    return Err(NotHello::TooLong);
                }
                self.left = Some(value);
                skip(FIXED, Field::SessionLength)
            }
            Field::SessionLength => {
                fits(value <= 32)?;
                skip(value, Field::SuitesLength)
            }
            Field::SuitesLength => {
                fits(value >= 2 && value.is_multiple_of(2))?;
                skip(value, Field::MethodsLength)
            }
            Field::MethodsLength => {
                fits(value >= 1)?;
                skip(value, Field::ExtensionsLength)
            }
            Field::ExtensionsLength => {
                fits(value == left)?;
                number(Field::Extension)
            }
            Field::Extension => number(Field::ExtensionLength(value)),
            Field::ExtensionLength(kind) => {
                fits(value <= left)?;
                match kind {
                    SERVER_NAME => {
                        fits(!self.has_name)?;
                        self.has_name = true;
                        number(Field::NamesLength(value))
                    }
                    ENCRYPTED_CLIENT_HELLO => {
                        self.has_inner = true;
                        skip(value, Field::Extension)
                    }
                    _ => skip(value, Field::Extension),
                }
            }
            Field::NamesLength(extension) => {
                fits(extension.checked_sub(2) == Some(value))?;
                number(Field::NameKind(value))
            }
            Field::NameKind(names) => {
                fits(value == HOST_NAME)?;
                number(Field::NameLength(names))
            }
            Field::NameLength(names) => {
                // One name, and no more.
                fits(value >= 1 && names.checked_sub(3) == Some(value))?;
                Step::Name(value)
            }
        })
    }
}

fn number(field: Field) -> Step {
    Step::Number(field, field.size(), 0)
}

fn skip(missing: u32, next: Field) -> Step {
    match missing {
        0 => number(next),
        missing => Step::Skip(missing, next),
    }
}

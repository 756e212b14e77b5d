//! What is wrong with a text that is not YAML, in words for whoever wrote it.

use granit_parser::ErrorKind;

/// What is wrong, and what to do about it.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the parser's kinds grow; one that isn't known yet is said in general"
)]
pub(super) fn error_text(kind: &ErrorKind) -> String {
    use ErrorKind as K;
    let text = match kind {
        K::UnexpectedEofFlowSequence
        | K::UnexpectedEofFlowMapping
        | K::UnexpectedEofImplicitFlowMapping => "the file ends inside [ ] or { }; close it",
        K::UnclosedFlowCollection { open } => {
            return format!("{open} is never closed; close it");
        }
        K::MismatchedFlowCollectionEnd { open, close } => {
            return format!("{open} is closed by {close}; close it by its own bracket");
        }
        K::MisplacedFlowCollectionEnd => "a bracket is closed that was never opened; remove it",
        K::UnclosedQuotedScalar => "a quote is never closed; close it",
        K::UnexpectedEofBlockSequence | K::UnexpectedEofBlockMapping | K::UnexpectedEof => {
            "the file ends in the middle of a value"
        }
        K::TabNotAllowed
        | K::TabInBlockIndentation
        | K::TabAtBlockScalarStart
        | K::TabInIndentation
        | K::TabInPlainScalar => "a tab can't indent; use spaces",
        K::InvalidIndentation
        | K::InvalidBlockScalarIndent
        | K::InvalidQuotedScalarIndent
        | K::InvalidFlowScalarIndent => {
            "is indented otherwise than the lines that it belongs to; align them"
        }
        K::ExpectedBlockMappingKey | K::SimpleKeyExpected | K::InvalidSimpleKey => {
            "a key and a colon are expected here; check the colon and the indentation"
        }
        K::MappingKeyNotAllowed | K::MappingValueNotAllowed | K::InvalidColonPlacement => {
            "a colon can't stand here; check the indentation, or quote the text that has it"
        }
        K::ExpectedFlowMappingSeparator | K::ExpectedFlowSequenceSeparator => {
            "a comma or the closing bracket is missing before this"
        }
        K::FlowMappingValueAdjacentCollection => "a comma is missing before this",
        K::ExpectedBlockSequenceEntry
        | K::BlockSequenceEntryNotAllowed
        | K::BlockEntryInFlowCollection
        | K::InvalidBlockEntryWhitespace
        | K::PlainScalarStartsWithDashFlowIndicator => {
            "a list item can't stand here; check the dash and the indentation"
        }
        K::ExpectedNodeContent | K::UnexpectedEndOfPlainScalar => "a value is expected here",
        K::UnexpectedCharacter { character } => {
            return format!("{character:?} can't begin a value; quote the text");
        }
        K::UnknownAnchor => "refers to an anchor (&name) that isn't there before it",
        K::MissingAnchorOrAliasName => {
            "an anchor or alias has no name; quote the text if it isn't one"
        }
        K::CommentInterceptedScalar | K::CommentNotSeparated => {
            "a comment can't stand here; put a space before #, or quote the text"
        }
        K::InvalidTrailingSingleQuotedScalar
        | K::InvalidTrailingDoubleQuotedScalar
        | K::DocumentIndicatorInQuotedScalar => {
            "something follows a quoted text that can't; check the quotes"
        }
        K::UnknownQuotedScalarEscape
        | K::InvalidQuotedScalarHexEscape
        | K::InvalidLowSurrogateHexEscape
        | K::InvalidLowSurrogate
        | K::MissingLowSurrogate
        | K::UnpairedLowSurrogate
        | K::InvalidUnicodeEscape => {
            "a backslash begins nothing that is known here; write two of them, or use single quotes"
        }
        K::ZeroBlockScalarIndent | K::InvalidBlockScalarHeader => {
            "what follows | or > can only be +, - or a digit from 1"
        }
        K::ExpectedWhitespace | K::InvalidMappingValueWhitespace => "a space is missing here",
        K::InvalidDocumentEnd | K::ExpectedDocumentStart => {
            "a document has ended before this; begin the next one with ---"
        }
        K::BomInsideDocument => "a byte-order mark stands inside of the text; remove it",
        K::DuplicateVersionDirective
        | K::UnsupportedYamlMajorVersion
        | K::DuplicateTagDirective
        | K::MissingDocumentEndBeforeDirective
        | K::InvalidDirectiveTerminator
        | K::DirectiveDisallowed
        | K::MissingYamlVersionSeparator
        | K::MissingDirectiveName
        | K::InvalidDirectiveName
        | K::DirectiveByteLimitExceeded { .. }
        | K::TooManyReservedDirectiveParams { .. }
        | K::YamlVersionTooLong
        | K::MissingYamlVersion
        | K::InvalidTagDirectiveTerminator
        | K::ExpectedTagDirectiveBang => "a line that begins with % isn't understood; remove it",
        K::UndeclaredTagHandle
        | K::ExpectedTagBang
        | K::InvalidGlobalTagCharacter
        | K::InvalidTagTerminator
        | K::MissingTagUri
        | K::UnclosedVerbatimTag
        | K::InvalidTagEscape
        | K::InvalidTagUtf8LeadingByte
        | K::InvalidTagUtf8TrailingByte
        | K::InvalidTagUtf8 => "a tag (!name) isn't understood; remove it, or quote the text",
        // Whatever else there may be one day.
        _ => "this isn't YAML",
    };
    text.to_owned()
}

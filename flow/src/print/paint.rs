//! Terminal colours, as Hubble uses them.

use proto::flow::Verdict;

use super::safe::escape_but_tabs;
use crate::describe::Host;

const RED: u8 = 31;
const GREEN: u8 = 32;
const YELLOW: u8 = 33;
const MAGENTA: u8 = 35;
const CYAN: u8 = 36;

/// Colours texts, or just escapes them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Paint(pub(super) bool);

impl Paint {
    fn with(self, color: u8, text: &str) -> String {
        if self.0 {
            format!("\u{1b}[{color}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }

    pub(super) fn host(self, host: &Host) -> String {
        if !self.0 {
            return escape_but_tabs(&host.to_string());
        }
        let name = escape_but_tabs(&host.name);
        let text = match host.port {
            0 => name,
            port => {
                let port = self.with(YELLOW, &port.to_string());
                if name.contains(':') {
                    format!("[{name}]:{port}")
                } else {
                    format!("{name}:{port}")
                }
            }
        };
        self.with(CYAN, &text)
    }

    pub(super) fn identity(self, text: &str) -> String {
        self.with(MAGENTA, text)
    }

    pub(super) fn verdict(self, verdict: Verdict, text: &str) -> String {
        match verdict {
            Verdict::Forwarded | Verdict::Redirected => self.with(GREEN, text),
            Verdict::Dropped | Verdict::Error => self.with(RED, text),
            Verdict::Audit | Verdict::Traced | Verdict::Translated => self.with(YELLOW, text),
            Verdict::Unknown => text.to_owned(),
        }
    }

    pub(super) fn auth(self, text: &str) -> String {
        let color = if text == "TEST_ALWAYS_FAIL" {
            RED
        } else {
            GREEN
        };
        self.with(color, text)
    }
}

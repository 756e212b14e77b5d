//! How things look: the terminal's own 16 colours as foregrounds only, so that a light background is
//! as good as a dark one, and never a colour alone: words and marks say the same.

use flow::Verdict;
use ratatui::style::{Color, Modifier, Style};

/// What the terminal can show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Colors {
    /// Colours that can be read on black.
    #[default]
    Dark,
    /// Colours that can be read on white.
    Light,
    /// Bold, reversed and dim only.
    None,
}

/// The styles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Theme(pub(crate) Colors);

impl Theme {
    /// As the environment wants it: `NO_COLOR`, `TERM`, and `COLORFGBG`, with which terminals tell
    /// their background.
    pub(crate) fn of_environment(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        if set("NO_COLOR").is_some() || set("TERM").is_some_and(|term| term.ends_with("-m")) {
            return Self(Colors::None);
        }
        let background = set("COLORFGBG").and_then(|colors| {
            colors
                .rsplit(';')
                .next()
                .and_then(|last| last.parse::<u8>().ok())
        });
        match background {
            Some(7 | 9..=15) => Self::on(true),
            _ => Self::on(false),
        }
    }

    /// For a background.
    pub(crate) fn on(light: bool) -> Self {
        Self(if light { Colors::Light } else { Colors::Dark })
    }

    fn color(self, dark: Color, light: Color) -> Style {
        match self.0 {
            Colors::Dark => Style::new().fg(dark),
            Colors::Light => Style::new().fg(light),
            Colors::None => Style::new(),
        }
    }

    /// What is nothing special.
    pub(crate) fn plain(self) -> Style {
        Style::new()
    }

    /// What matters less.
    pub(crate) fn quiet(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    /// Headings.
    pub(crate) fn heading(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// Keys, names of views, what can be pressed.
    pub(crate) fn accent(self) -> Style {
        self.color(Color::Cyan, Color::Blue)
    }

    /// The line that is selected.
    pub(crate) fn selected(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// What went through.
    pub(crate) fn good(self) -> Style {
        self.color(Color::Green, Color::Green)
    }

    /// What was dropped, and what failed.
    pub(crate) fn bad(self) -> Style {
        self.color(Color::LightRed, Color::Red)
            .add_modifier(Modifier::BOLD)
    }

    /// The words about what was dropped.
    pub(crate) fn bad_text(self) -> Style {
        self.color(Color::LightRed, Color::Red)
    }

    /// What is lost or unsure.
    pub(crate) fn warn(self) -> Style {
        self.color(Color::Yellow, Color::Magenta)
            .add_modifier(Modifier::BOLD)
    }

    /// A verdict.
    pub(crate) fn verdict(self, verdict: Verdict) -> Style {
        match verdict {
            Verdict::Forwarded | Verdict::Redirected => self.good(),
            Verdict::Dropped | Verdict::Error => self.bad(),
            Verdict::Audit | Verdict::Traced | Verdict::Translated => {
                self.color(Color::Yellow, Color::Magenta)
            }
            Verdict::Unknown => self.plain(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_chooses() {
        for (variables, want) in [
            (&[][..], Colors::Dark),
            (&[("NO_COLOR", "1")], Colors::None),
            (&[("NO_COLOR", "")], Colors::Dark),
            (&[("COLORFGBG", "0;15")], Colors::Light),
            (&[("COLORFGBG", "15;default;0")], Colors::Dark),
            (&[("COLORFGBG", "x")], Colors::Dark),
            (&[("TERM", "vt100-m")], Colors::None),
        ] {
            let variable = |name: &str| {
                let found = variables.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| (*value).to_owned())
            };
            assert_eq!(Theme::of_environment(variable).0, want, "{variables:?}");
        }
    }

    #[test]
    fn without_colours_nothing_is_coloured() {
        let theme = Theme(Colors::None);
        for style in [
            theme.accent(),
            theme.good(),
            theme.bad(),
            theme.warn(),
            theme.verdict(Verdict::Audit),
        ] {
            assert_eq!((style.fg, style.bg), (None, None));
        }
        assert_ne!(theme.bad(), theme.good(), "a drop still stands out");
    }
}

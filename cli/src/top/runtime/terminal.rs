//! The terminal: taken over, drawn on, and given back as it was, however the program ends.

use std::{
    io::{self, BufWriter, IsTerminal as _, Stdout, Write},
    panic,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use crossterm::{
    cursor::Show,
    event::{DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture},
    execute, queue,
    terminal::{
        BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate, EnterAlternateScreen,
        LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
    },
};
use nix::sys::signal::{Signal as Stop, raise};
use ratatui::{Frame, backend::CrosstermBackend};
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::background::QUESTION;
use crate::error::Error;

/// Longest text that is given to a clipboard: terminals refuse more.
const COPIED: usize = 74_994;

/// Standard output, and the time that writing to it took.
#[derive(Debug)]
struct Metered {
    to: Stdout,
    /// ns
    spent: Arc<AtomicU64>,
}

impl Metered {
    fn timed<T>(&mut self, write: impl FnOnce(&mut Stdout) -> T) -> T {
        let start = Instant::now();
        let done = write(&mut self.to);
        let spent = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.spent.fetch_add(spent, Ordering::Relaxed);
        done
    }
}

impl Write for Metered {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.timed(|to| to.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.timed(Write::flush)
    }
}

/// See the module. Dropping it gives the terminal back.
pub(crate) struct Terminal {
    inner: ratatui::Terminal<CrosstermBackend<BufWriter<Metered>>>,
    spent: Arc<AtomicU64>,
    /// The mouse is caught.
    mouse: bool,
}

impl Terminal {
    /// Takes the terminal over.
    ///
    /// # Errors
    /// Standard output is none.
    pub(crate) fn open() -> Result<Self, Error> {
        if !io::stdout().is_terminal() {
            return Err(Error::Usage(
                "flows top needs a terminal; flows observe prints to files and pipes".to_owned(),
            ));
        }
        let spent = Arc::new(AtomicU64::new(0));
        let metered = Metered {
            to: io::stdout(),
            spent: Arc::clone(&spent),
        };
        // A whole screen in one write.
        let writer = BufWriter::with_capacity(256 << 10, metered);
        let inner = ratatui::Terminal::new(CrosstermBackend::new(writer))?;
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            give_back();
            before(panic);
        }));
        // From here on whatever fails gives it back.
        let terminal = Self {
            inner,
            spent,
            mouse: true,
        };
        terminal.take()?;
        Ok(terminal)
    }

    fn take(&self) -> io::Result<()> {
        enable_raw_mode()?;
        execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste)?;
        if self.mouse {
            execute!(io::stdout(), EnableMouseCapture)?;
        }
        Ok(())
    }

    /// Gives the terminal back and stops this process, as the shell's job control wants it; goes on
    /// when that lets it.
    ///
    /// # Errors
    /// The system's.
    pub(crate) fn suspend(&mut self) -> io::Result<()> {
        give_back();
        // To this thread: what follows happens after it was stopped. Without a shell that could let it
        // go on (the group is an orphan) the system ignores the signal.
        raise(Stop::SIGTSTP)?;
        self.resume()
    }

    /// Takes the terminal over again, and draws everything the next time.
    ///
    /// # Errors
    /// Writing to the terminal.
    pub(crate) fn resume(&mut self) -> io::Result<()> {
        // Who was stopped by others has not given it back, and what the terminal is like has been
        // changed meanwhile.
        disable_raw_mode()?;
        self.take()?;
        self.clear()
    }

    /// Draws; says how long writing took.
    ///
    /// # Errors
    /// Writing to the terminal.
    pub(crate) fn draw(&mut self, draw: impl FnOnce(&mut Frame<'_>)) -> io::Result<Duration> {
        self.spent.store(0, Ordering::Relaxed);
        queue!(self.inner.backend_mut(), BeginSynchronizedUpdate)?;
        self.inner.draw(draw)?;
        execute!(self.inner.backend_mut(), EndSynchronizedUpdate)?;
        Ok(Duration::from_nanos(self.spent.load(Ordering::Relaxed)))
    }

    /// Draws everything the next time.
    ///
    /// # Errors
    /// Writing to the terminal.
    pub(crate) fn clear(&mut self) -> io::Result<()> {
        // Not `Terminal::clear`: it asks where the cursor is, and waits for an answer that some
        // terminals don't give.
        execute!(self.inner.backend_mut(), Clear(ClearType::All))?;
        // What was drawn last counts as blank.
        self.inner.swap_buffers();
        Ok(())
    }

    /// Asks for the colour of the background; the answer comes as keys.
    ///
    /// # Errors
    /// Writing to the terminal.
    pub(super) fn ask_background(&mut self) -> io::Result<()> {
        let to = self.inner.backend_mut();
        to.write_all(QUESTION.as_bytes())?;
        Write::flush(to)
    }

    /// Catches the mouse, or lets the terminal have it.
    ///
    /// # Errors
    /// Writing to the terminal.
    pub(crate) fn mouse(&mut self, catch: bool) -> io::Result<()> {
        self.mouse = catch;
        let to = self.inner.backend_mut();
        if catch {
            execute!(to, EnableMouseCapture)
        } else {
            execute!(to, DisableMouseCapture)
        }
    }

    /// Gives a text to the clipboard of the terminal, also over ssh (OSC 52).
    ///
    /// # Errors
    /// Writing to the terminal.
    pub(crate) fn copy(&mut self, text: &str) -> io::Result<()> {
        let to = self.inner.backend_mut();
        to.write_all(clipboard(text).as_bytes())?;
        Write::flush(to)
    }
}

fn clipboard(text: &str) -> String {
    let text = &text.as_bytes()[..text.len().min(COPIED)];
    format!("\u{1b}]52;c;{}\u{7}", STANDARD.encode(text))
}

impl Drop for Terminal {
    fn drop(&mut self) {
        give_back();
    }
}

/// What a terminal is like before. Whatever fails here has nowhere to be told.
fn give_back() {
    let mut out = io::stdout();
    let _restored = execute!(
        out,
        EndSynchronizedUpdate,
        DisableMouseCapture,
        DisableBracketedPaste,
        LeaveAlternateScreen,
        Show
    );
    let _restored = disable_raw_mode();
}

/// Signals that end the program in good order.
pub(super) struct Terminated([Signal; 2]);

/// Listens for the signal that says that a stopped process goes on.
///
/// # Errors
/// The system's.
pub(super) fn continued() -> io::Result<Signal> {
    // SIGCONT, which has no name of its own there.
    signal(SignalKind::from_raw(Stop::SIGCONT as i32))
}

/// Listens for them.
///
/// # Errors
/// The system's.
pub(super) fn terminated() -> io::Result<Terminated> {
    Ok(Terminated([
        signal(SignalKind::terminate())?,
        signal(SignalKind::hangup())?,
    ]))
}

impl Terminated {
    /// Waits for one.
    pub(super) async fn recv(&mut self) {
        let [terminate, hangup] = &mut self.0;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_copied_is_safe_for_any_terminal() {
        assert_eq!(clipboard("a\u{1b}b"), "\u{1b}]52;c;YRti\u{7}");
        assert!(clipboard(&"x".repeat(1 << 20)).len() < 110_000);
    }
}

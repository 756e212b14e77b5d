//! A program on a terminal of its own, as someone in front of it sees it.

use std::{
    fs::File,
    io::{Read as _, Write as _},
    os::fd::OwnedFd,
    process::{Command, ExitStatus},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use nix::{
    fcntl::OFlag,
    pty::{grantpt, posix_openpt, ptsname_r, unlockpt},
    sys::termios::{Termios, tcgetattr},
};

use crate::Background;

/// How long something may take to be seen.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// The program and its terminal; both go when this is dropped.
pub struct Pty {
    program: Background,
    /// The person's side.
    master: File,
    /// The program's side, held so that its state can be looked at in the end.
    slave: Option<File>,
    before: Termios,
    seen: Arc<Mutex<Seen>>,
    reader: Option<JoinHandle<()>>,
}

/// What came from the program.
pub struct Seen {
    pub terminal: vt100::Parser,
    /// All of it.
    pub bytes: Vec<u8>,
}

impl Pty {
    /// Starts a program on a terminal of so many columns and rows.
    pub fn start(program: &Command, (columns, rows): (u16, u16)) -> Self {
        let master = posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let path = ptsname_r(&master).unwrap();
        let open = || File::options().read(true).write(true).open(&path).unwrap();
        let slave = open();
        set_size(&slave, columns, rows);
        let before = tcgetattr(&slave).unwrap();
        // A session whose terminal this is: it gets the signals of a resize and of a hang-up.
        let mut command = Command::new("setsid");
        command
            .arg("--ctty")
            .arg(program.get_program())
            .args(program.get_args());
        for (name, value) in program.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
            .env("TERM", "xterm-256color")
            .stdin(open())
            .stdout(open())
            .stderr(open());
        let program = Background::start(&mut command);
        let seen = Arc::new(Mutex::new(Seen {
            terminal: vt100::Parser::new(rows, columns, 0),
            bytes: Vec::new(),
        }));
        let master = File::from(OwnedFd::from(master));
        let reader = {
            let (mut from, seen) = (master.try_clone().unwrap(), Arc::clone(&seen));
            std::thread::spawn(move || {
                let mut buffer = vec![0; 64 << 10];
                // Ends with an error once nobody has the other side open.
                while let Ok(count @ 1..) = from.read(&mut buffer) {
                    let mut seen = lock(&seen);
                    seen.terminal.process(&buffer[..count]);
                    seen.bytes.extend_from_slice(&buffer[..count]);
                }
            })
        };
        Self {
            program,
            master,
            slave: Some(slave),
            before,
            seen,
            reader: Some(reader),
        }
    }

    /// The number of the process.
    pub fn id(&self) -> u32 {
        self.program.id()
    }

    /// Types.
    pub fn press(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).unwrap();
    }

    /// Makes the terminal another size.
    pub fn resize(&self, columns: u16, rows: u16) {
        lock(&self.seen)
            .terminal
            .screen_mut()
            .set_size(rows, columns);
        set_size(self.slave.as_ref().unwrap(), columns, rows);
    }

    /// What came until now.
    pub fn seen(&self) -> MutexGuard<'_, Seen> {
        lock(&self.seen)
    }

    /// What is on the screen.
    pub fn text(&self) -> String {
        self.seen().terminal.screen().contents()
    }

    /// Waits until the screen is as wanted, and gives it.
    pub fn until(&self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let begin = Instant::now();
        loop {
            let text = self.text();
            if wanted(&text) {
                return text;
            }
            assert!(begin.elapsed() < PATIENCE, "never seen: {what}\n{text}");
            std::thread::sleep(PAUSE);
        }
    }

    /// As [`Self::until`], and the screen stays so for a while: what is half drawn may look like what is
    /// wanted, and a key that comes right behind Esc is another key.
    pub fn until_steady(&self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        const STEADY: Duration = Duration::from_millis(400);
        let begin = Instant::now();
        loop {
            let text = self.until(what, &wanted);
            let since = Instant::now();
            while since.elapsed() < STEADY && wanted(&self.text()) {
                std::thread::sleep(PAUSE);
            }
            if since.elapsed() >= STEADY {
                return text;
            }
            assert!(begin.elapsed() < PATIENCE, "never steady: {what}\n{text}");
        }
    }

    /// Waits for the end.
    pub fn end(&mut self) -> ExitStatus {
        let begin = Instant::now();
        loop {
            if let Some(status) = self.program.child().try_wait().unwrap() {
                return status;
            }
            assert!(
                begin.elapsed() < PATIENCE,
                "it does not end:\n{}",
                self.text()
            );
            std::thread::sleep(PAUSE);
        }
    }

    /// Holds that the terminal is as it was before the program. What is still on its way is waited for.
    pub fn assert_given_back(&self) {
        let is_back = || {
            let seen = self.seen();
            let screen = seen.terminal.screen();
            !screen.alternate_screen()
                && !screen.hide_cursor()
                && !screen.bracketed_paste()
                && screen.mouse_protocol_mode() == vt100::MouseProtocolMode::None
        };
        self.until("the screen of before", |_| is_back());
        let slave = self.slave.as_ref().unwrap();
        let now = tcgetattr(slave).unwrap();
        assert_eq!(now.local_flags, self.before.local_flags);
        assert_eq!(now.input_flags, self.before.input_flags);
        assert_eq!(now.output_flags, self.before.output_flags);
    }
}

/// Makes a terminal so large: whoever is in front of it gets the signal of a resize. By a program, as the
/// system's call for it is one of those that Rust doesn't check.
fn set_size(terminal: &File, columns: u16, rows: u16) {
    let status = Command::new("stty")
        .args(["rows", &rows.to_string(), "cols", &columns.to_string()])
        .stdin(terminal.try_clone().unwrap())
        .status();
    assert!(status.unwrap().success(), "stty");
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Pty {
    fn drop(&mut self) {
        // The reader ends once nobody has the program's side open.
        self.program.kill();
        self.slave = None;
        if let Some(reader) = self.reader.take()
            && reader.join().is_err()
        {
            eprintln!("the terminal's reader panicked");
        }
    }
}

//! The lab: commands and connections in it are one call, and it is taken down when it is dropped, also
//! when the test fails.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use lab::down::down;
use lab::error::{Context, Error, Result};
use lab::lab::{Lab, Options, Target};
use lab::manifest;
use lab::process::Deadline;
use lab::traffic::client::Outcome;

/// How long something may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// A protocol to try a connection with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probe {
    /// A TCP handshake.
    Tcp,
    /// A datagram and its echo.
    Udp,
    /// An ICMP echo.
    Icmp,
}

/// IPv4 or IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// A lab that goes when this is dropped.
#[derive(Debug)]
pub struct TestLab {
    lab: Lab,
    program: PathBuf,
    files: PathBuf,
}

/// Options for a lab of a test: a name of its own, no TCP port.
pub fn options(program: &Path, agents: bool) -> Options {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    Options {
        name: format!("test-{}-{number}", std::process::id()),
        nodes: 1,
        agents,
        l7_proxy: false,
        outside: false,
        relay_listen: None,
        agent_args: Vec::new(),
        proxy_args: Vec::new(),
        patience: Duration::from_secs(60),
        program: program.to_owned(),
    }
}

impl TestLab {
    /// Brings up a lab from the text of its manifests.
    ///
    /// # Errors
    /// [`Error`]; nothing of the lab is left then.
    pub fn up(options: &Options, manifests: &str) -> Result<Self> {
        let files = std::env::temp_dir().join(format!("flows-lab-{}", options.name));
        std::fs::create_dir_all(&files).context("create", &files)?;
        let path = files.join("all.yaml");
        std::fs::write(&path, manifests).context("write", &path)?;
        Self::bring_up(options, path, files)
    }

    /// Brings up a lab from a directory of manifests.
    ///
    /// # Errors
    /// [`Error`]; nothing of the lab is left then.
    pub fn up_from(options: &Options, directory: &Path) -> Result<Self> {
        let files = std::env::temp_dir().join(format!("flows-lab-{}", options.name));
        std::fs::create_dir_all(&files).context("create", &files)?;
        Self::bring_up(options, directory.to_owned(), files)
    }

    /// `files`: the directory for what the test writes.
    fn bring_up(options: &Options, manifests: PathBuf, files: PathBuf) -> Result<Self> {
        match Lab::up(options, &[manifests], &mut |line| {
            tracing::debug!("{line}");
        }) {
            Ok(lab) => {
                let program = options.program.clone();
                Ok(Self {
                    lab,
                    program,
                    files,
                })
            }
            Err(error) => {
                // Half of it may be there; what prevented the lab matters more than what
                // prevents its removal.
                let _removed = down(&options.name);
                let _removed = std::fs::remove_dir_all(&files);
                Err(error)
            }
        }
    }

    /// The lab.
    pub fn lab(&self) -> &Lab {
        &self.lab
    }

    /// The lab, to change it.
    pub fn lab_mut(&mut self) -> &mut Lab {
        &mut self.lab
    }

    /// Applies the text of manifests, as if from a file `name`.
    ///
    /// # Errors
    /// [`Error`].
    pub fn apply(&mut self, name: &str, manifests: &str) -> Result<()> {
        let documents = manifest::split(Path::new(name), manifests)?;
        self.lab.apply(&documents, &mut |_line| {})
    }

    /// Deletes the objects that the manifests name.
    ///
    /// # Errors
    /// [`Error`].
    pub fn delete(&mut self, manifests: &str) -> Result<()> {
        let documents = manifest::split(Path::new("deleted.yaml"), manifests)?;
        self.lab.delete(&documents, &mut |_line| {})
    }

    /// Applies manifests and waits until they are in force on all nodes.
    ///
    /// # Errors
    /// [`Error`]: what prevents it, if something does.
    pub fn enforce(&mut self, name: &str, manifests: &str) -> Result<()> {
        let documents = manifest::split(Path::new(name), manifests)?;
        self.lab.apply(&documents, &mut |_line| {})?;
        self.lab.settle(&documents, false, PATIENCE)
    }

    /// Deletes the objects that the manifests name, and waits until none is in force.
    ///
    /// # Errors
    /// [`Error`].
    pub fn withdraw(&mut self, manifests: &str) -> Result<()> {
        let documents = manifest::split(Path::new("deleted.yaml"), manifests)?;
        self.lab.delete(&documents, &mut |_line| {})?;
        self.lab.settle(&documents, true, PATIENCE)
    }

    /// The `flows` command, to ask the lab's relay.
    ///
    /// # Panics
    /// If it isn't built.
    pub fn flows(&self) -> Command {
        let flows = self.program.with_file_name("flows");
        assert!(
            flows.is_file(),
            "{} is missing: run `cargo build -p flows-cli`",
            flows.display()
        );
        let mut command = Command::new(flows);
        command.args(["--lab", &self.lab.record().name]);
        command
    }

    /// Runs `flows` to its end: standard output, standard error, and whether it succeeded.
    ///
    /// # Panics
    /// If it isn't built, or says what is no text.
    pub fn run_flows(&self, arguments: &[&str]) -> (String, String, bool) {
        let output = self.flows().args(arguments).output().expect("flows runs");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        let is_ok = output.status.success();
        (text(output.stdout), text(output.stderr), is_ok)
    }

    /// Runs `flows` until a line of what it prints has all of these words.
    ///
    /// # Panics
    /// If none has in time.
    pub fn told(&self, arguments: &[&str], words: &[&str]) {
        let deadline = Deadline::after(PATIENCE);
        loop {
            let (text, errors, _) = self.run_flows(arguments);
            let has_all = |line: &str| words.iter().all(|word| line.contains(word));
            if text.lines().any(has_all) {
                return;
            }
            assert!(deadline.pause(), "{words:?} in:\n{text}{errors}");
        }
    }

    /// Runs a command in a pod to its end.
    ///
    /// # Errors
    /// [`Error::NoSuchPod`], [`Error::Io`].
    pub fn exec(&self, pod: &str, line: &[&str]) -> Result<Output> {
        let mut command = self.lab.command(&target(pod), line)?;
        command.output().context("run", Path::new(line[0]))
    }

    /// Starts a command in a pod, which is killed when the result is dropped; its output goes to a
    /// file.
    ///
    /// # Errors
    /// [`Error::NoSuchPod`], [`Error::Io`].
    pub fn start(&self, pod: &str, line: &[&str]) -> Result<Running> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let output = self.files.join(format!("output-{number}"));
        let file = File::create(&output).context("create", &output)?;
        let errors = file.try_clone().context("create", &output)?;
        let child = self
            .lab
            .command(&target(pod), line)?
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(errors)
            .spawn()
            .context("start", Path::new(line[0]))?;
        Ok(Running { child, output })
    }

    /// Tries one connection from a pod, and says what became of it. `to` is HOST:PORT, or HOST for
    /// ICMP; a try is given up after 700 ms, which a busy machine may need for a connection that is
    /// allowed: see [`TestLab::expect`].
    ///
    /// # Errors
    /// [`Error::Command`] if it couldn't be tried.
    pub fn connect(&self, from: &str, to: &str, probe: Probe, family: Family) -> Result<Outcome> {
        self.connect_within("700ms", from, to, probe, family)
    }

    /// Tries one connection of which it is known how it is to end, and says what became of it: only what
    /// is to be denied is given up soon.
    ///
    /// # Errors
    /// [`Error::Command`] if it couldn't be tried.
    pub fn expect(
        &self,
        expected: Outcome,
        from: &str,
        to: &str,
        probe: Probe,
        family: Family,
    ) -> Result<Outcome> {
        let patience = if expected == Outcome::TimedOut {
            "700ms"
        } else {
            "10s"
        };
        self.connect_within(patience, from, to, probe, family)
    }

    fn connect_within(
        &self,
        patience: &str,
        from: &str,
        to: &str,
        probe: Probe,
        family: Family,
    ) -> Result<Outcome> {
        let mut line = vec!["flows-lab", "client", "--count", "1", "--timeout", patience];
        match probe {
            Probe::Tcp => {}
            Probe::Udp => line.push("--udp"),
            Probe::Icmp => line.push("--icmp"),
        }
        if family == Family::V6 {
            line.push("--ipv6");
        }
        line.extend(["--to", to]);
        let output = self.exec(from, &line)?;
        output
            .status
            .code()
            .and_then(Outcome::from_code)
            .ok_or_else(|| Error::Command {
                what: format!(
                    "{from} -> {to}: {}",
                    String::from_utf8_lossy(&output.stderr)
                ),
            })
    }

    /// Waits until a connection ends as expected; says how it ended last if it never does.
    ///
    /// # Errors
    /// [`Error::NotReady`], and those of [`TestLab::connect`].
    pub fn wait_for(
        &self,
        expected: Outcome,
        from: &str,
        to: &str,
        probe: Probe,
        family: Family,
    ) -> Result<()> {
        let deadline = Deadline::after(PATIENCE);
        loop {
            let outcome = self.connect(from, to, probe, family)?;
            if outcome == expected {
                return Ok(());
            }
            if !deadline.pause() {
                return Err(Error::NotReady {
                    seconds: PATIENCE.as_secs(),
                    missing: format!("{from} -> {to} {probe:?} {family:?}: {outcome}"),
                });
            }
        }
    }
}

impl Drop for TestLab {
    fn drop(&mut self) {
        if let Err(error) = down(&self.lab.record().name) {
            tracing::error!(%error, "the lab could not be taken down");
        }
        if let Err(error) = std::fs::remove_dir_all(&self.files) {
            tracing::debug!(%error, "the lab's manifests stay");
        }
    }
}

/// A command in a pod, killed when dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    output: PathBuf,
}

impl Running {
    /// What it wrote until now.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn output(&self) -> Result<String> {
        std::fs::read_to_string(&self.output).context("read", &self.output)
    }

    /// Outcomes that a client told until now, in order.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn outcomes(&self) -> Result<Vec<Outcome>> {
        Ok(self
            .output()?
            .lines()
            .filter_map(Outcome::in_line)
            .collect())
    }

    /// How it ended, if it did.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.child.try_wait().context("wait for", &self.output)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Err(error) = self.child.kill().and_then(|()| self.child.wait()) {
            tracing::debug!(%error, "it ended by itself");
        }
    }
}

/// `outside`, `node:NAME`, or a pod.
fn target(name: &str) -> Target {
    match name.strip_prefix("node:") {
        Some(node) => Target::Node(node.to_owned()),
        None if name == "outside" => Target::Outside,
        None => Target::Pod(name.to_owned()),
    }
}

/// The flows-lab command line, as a user calls it.
pub fn flows_lab<S: Into<OsString> + Clone>(program: &Path, line: &[S]) -> Command {
    let mut command = Command::new(program);
    command.args(line.iter().cloned().map(Into::into));
    command.env_remove("FLOWS_LAB");
    command
}

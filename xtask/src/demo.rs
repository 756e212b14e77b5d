//! `cargo xtask demo [--once]`: a two-node cluster on this machine, in which some connections and requests are
//! denied, shown as they happen. What was made is removed at the end, however it ends.

mod evidence;

use std::fs::File;
use std::io::{self, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use crate::interrupt::Interrupt;
use crate::workspace::{OBJECT_VARIABLE, cargo, root, target_dir};
use crate::{bpf, page, process, setup};
use evidence::Evidence;

const LAB: &str = "demo";
/// Where flows-ui listens: its usual address.
const PAGE: &str = "127.0.0.1:12000";
const MANIFESTS: [&str; 2] = ["testdata/three-tier", "testdata/layer7"];
/// The server outside of the cluster, by its name there.
const OUTSIDE: &str = "api.stripe.com";
/// How long `--once` waits for what it expects to see.
const PATIENCE: Duration = Duration::from_secs(60);
const STEPS: u32 = 5;

/// Runs the demo; `--once` in `arguments` ends it once the expected flows were seen.
pub(crate) fn run(arguments: &[&str]) -> Result<ExitCode> {
    let once = match arguments {
        [] => false,
        ["--once"] => true,
        _ => bail!("usage: cargo xtask demo [--once]"),
    };
    // The lab's name is always the same: a second demo would remove the first one's.
    let lock = target_dir()?.join("demo.lock");
    let lock = File::create(&lock).with_context(|| lock.display().to_string())?;
    ensure!(
        lock.try_lock().is_ok(),
        "another demo is running: end it with Ctrl-C there"
    );

    step(1, "looking for what is missing on this machine");
    setup::programs()?;

    step(2, "building the eBPF programs");
    let object = bpf::build()?;

    step(
        3,
        "building flows, flows-agent, flows-proxy, flows-relay, flows-ui and flows-lab",
    );
    // The rest of the demo doesn't need it.
    if !page::is_current()
        && let Err(error) = page::run()
    {
        println!("      without the page: {error:#}");
    }
    build(&object)?;

    let interrupt = Interrupt::catch()?;
    let demo = Demo {
        programs: target_dir()?.join("debug"),
        interrupt,
    };
    let result = demo.show(once);
    let removed = demo.down();
    let code = result?;
    removed?;
    Ok(code)
}

fn step(number: u32, what: &str) {
    println!("[{number}/{STEPS}] {what}");
}

fn build(object: &Path) -> Result<()> {
    process::run(
        Command::new(cargo())
            .args(["build", "--quiet", "--locked", "--workspace", "--bins"])
            .env(OBJECT_VARIABLE, object)
            .current_dir(root()),
    )
}

/// A program that runs while the demo does.
struct Background(Child);

impl Background {
    /// Starts it; what it says goes to a file, since it would stand between the flows.
    fn start(mut command: Command, log: &Path) -> Result<Self> {
        let file = File::create(log).with_context(|| format!("creating {}", log.display()))?;
        let errors = file.try_clone().context("duplicating a file")?;
        command.stdin(Stdio::null()).stdout(file).stderr(errors);
        let line = process::line(&command);
        let child = command.spawn();
        Ok(Self(child.with_context(|| format!("starting `{line}`"))?))
    }

    fn has_ended(&mut self) -> Result<bool> {
        Ok(self
            .0
            .try_wait()
            .context("asking after a program")?
            .is_some())
    }

    fn stop(mut self) -> Result<()> {
        if !self.has_ended()? {
            // By a program, as it may run as another user.
            let mut kill = process::as_root("kill")?;
            process::run(kill.arg(self.0.id().to_string()))?;
            self.0.wait().context("waiting for a program")?;
        }
        Ok(())
    }
}

/// Starts the page and waits until it serves. Somebody else on its port answers, too: then it ends by itself.
fn start_page(programs: &Path) -> Result<Background> {
    // As root, because the lab's socket is.
    let mut command = process::as_root(programs.join("flows-ui"))?;
    command.args(["--lab", LAB, "--listen", PAGE]);
    let log = target_dir()?.join("demo-flows-ui.log");
    let mut page = Background::start(command, &log)?;
    let start = Instant::now();
    loop {
        std::thread::sleep(Duration::from_millis(100));
        if page.has_ended()? {
            let said = std::fs::read_to_string(&log).unwrap_or_default();
            let error = said.lines().find(|line| line.starts_with("Error"));
            let why = error.unwrap_or("it said nothing");
            bail!("no page, as flows-ui ended: {why}");
        }
        let waited = start.elapsed();
        if waited > Duration::from_secs(1) && TcpStream::connect(PAGE).is_ok() {
            return Ok(page);
        }
        ensure!(waited < PATIENCE, "no page: flows-ui doesn't serve {PAGE}");
    }
}

struct Demo {
    /// Where the built programs are.
    programs: PathBuf,
    interrupt: Interrupt,
}

impl Demo {
    /// From an empty machine to flows on the screen.
    fn show(&self, once: bool) -> Result<ExitCode> {
        let manifests = MANIFESTS.join(" and ");
        step(4, &format!("starting the lab \"{LAB}\" from {manifests}"));
        if self.is_up()? {
            println!("      one is left from an earlier run: removing it");
            self.down()?;
        }
        let mut up = self.lab()?;
        up.arg("up").args(MANIFESTS);
        up.args(["--name", LAB, "--outside"]);
        let start = Instant::now();
        let started = process::run(&mut up);
        if self.interrupt.came() {
            return Ok(ExitCode::SUCCESS);
        }
        started?;
        println!("      up after {:.1} s", start.elapsed().as_secs_f64());
        let outside = self.start_outside()?;
        let result = self.look_on(once);
        outside.stop()?;
        result
    }

    /// The server outside, which goes with the lab at the latest.
    fn start_outside(&self) -> Result<Background> {
        let program = self.programs.join("flows-lab");
        let mut command = self.lab()?;
        command.args(["exec", "--outside", "--name", LAB, "--"]);
        command.arg(program);
        command.args(["serve", "https", "--port", "443", "--certificate", OUTSIDE]);
        Background::start(command, &target_dir()?.join("demo-outside.log"))
    }

    fn look_on(&self, once: bool) -> Result<ExitCode> {
        if once {
            step(5, "waiting for the expected flows");
            return self.expect();
        }
        step(
            5,
            "showing connections as they happen; Ctrl-C ends and removes the lab",
        );
        // The rest of the demo doesn't need the page.
        let page = match start_page(&self.programs) {
            Ok(page) => Some(page),
            Err(error) => {
                println!("      {error:#}");
                None
            }
        };
        self.say_what_to_try(page.is_some());
        let mut observe = self.flows()?;
        observe.args(["observe", "--follow", "--last", "20"]);
        let observed = self.interrupt.run_until(&mut observe);
        if let Some(page) = page {
            page.stop()?;
        }
        observed?;
        Ok(ExitCode::SUCCESS)
    }

    fn say_what_to_try(&self, has_page: bool) {
        let sudo = if process::is_root() {
            ""
        } else {
            "sudo -E env PATH=\"$PATH\" "
        };
        let page = match has_page {
            true => format!("In a browser: http://{PAGE}/   "),
            false => String::new(),
        };
        println!(
            "
      user-service asks auth-database, whose policy lets only auth-service in: those connections
      are DENIED. So are some requests: payment-service may ask for *.stripe.com only, metrics-scraper
      may GET /metrics only, order-service may write orders only. {page}Try in another terminal:

        export PATH={}:$PATH FLOWS_LAB={LAB}
        {sudo}flows top
        {sudo}flows observe --follow
        {sudo}flows observe --verdict DROPPED
        {sudo}flows observe --type l7 --verdict DROPPED
        {sudo}flows observe --from-pod production/frontend -o json
        {sudo}flows-lab exec production/user-service -- flows-lab client --to auth-database:5432 --count 3
        {sudo}flows-lab status
",
            self.programs.display()
        );
    }

    /// Waits until all that is expected was seen, prints the drops, and says what is missing.
    fn expect(&self) -> Result<ExitCode> {
        let end = Instant::now() + PATIENCE;
        let mut evidence = Evidence::default();
        while !evidence.complete() && Instant::now() < end && !self.interrupt.came() {
            // As long as the lab's clients take for another try.
            std::thread::sleep(Duration::from_secs(1));
            evidence = self.look()?;
        }
        print!("\n{}\n{}\n", evidence.drops, evidence.requests);
        for (what, seen) in evidence.list() {
            println!("{} {what}", if seen { "seen:    " } else { "NOT SEEN:" });
        }
        println!();
        Ok(if evidence.complete() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        })
    }

    fn look(&self) -> Result<Evidence> {
        let ask = |arguments: &[&str]| {
            let mut command = self.flows()?;
            command.arg("observe").args(arguments);
            let line = process::line(&command);
            process::ask(&mut command).with_context(|| format!("`{line}` failed"))
        };
        let drops = ask(&["--verdict", "DROPPED", "--last", "20"])?;
        let requests = ask(&["--type", "l7", "--verdict", "DROPPED", "--last", "20"])?;
        let flows = ask(&["--last", "5000", "-o", "jsonpb"])?;
        Ok(Evidence::new(drops, requests, &flows))
    }

    fn is_up(&self) -> Result<bool> {
        let labs = process::ask(self.lab()?.arg("list")).unwrap_or_default();
        Ok(labs.lines().any(|name| name.trim() == LAB))
    }

    fn down(&self) -> Result<()> {
        // Also where the terminal is gone.
        let _gone = writeln!(io::stdout(), "removing the lab");
        process::run(self.lab()?.args(["down", "--name", LAB]))?;
        ensure!(
            !self.is_up()?,
            "the lab is still there: try `flows-lab down --name {LAB}`"
        );
        Ok(())
    }

    fn lab(&self) -> Result<Command> {
        let mut command = process::as_root(self.programs.join("flows-lab"))?;
        command.current_dir(root());
        Ok(command)
    }

    fn flows(&self) -> Result<Command> {
        // As root, because the lab's socket is.
        let mut command = process::as_root(self.programs.join("flows"))?;
        command.args(["--lab", LAB]).current_dir(root());
        Ok(command)
    }
}

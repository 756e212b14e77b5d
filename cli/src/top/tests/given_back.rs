//! The terminal is given back after a panic, too.

use std::process::Command;

use testing_program::Pty;

use crate::top::runtime::Terminal;

#[test]
fn a_panic_gives_the_terminal_back() {
    let mut program = Command::new(std::env::current_exe().unwrap());
    let name = "top::tests::given_back::panics_on_a_screen";
    program.args(["--exact", name, "--ignored", "--nocapture"]);
    let mut terminal = Pty::start(&program, (100, 30));
    assert!(!terminal.end().success());
    terminal.assert_given_back();
    terminal.until("what the panic says", |text| text.contains("all is lost"));
    let taken = b"\x1b[?1049h";
    let was_taken = terminal
        .seen()
        .bytes
        .windows(taken.len())
        .any(|bytes| bytes == taken);
    assert!(was_taken, "else there is nothing to give back");
}

#[test]
#[ignore = "the other test starts it, on a terminal"]
fn panics_on_a_screen() {
    let mut terminal = Terminal::open().unwrap();
    terminal.draw(|_| {}).unwrap();
    panic!("all is lost");
}

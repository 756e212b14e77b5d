//! Names: dig, the C libraries' resolvers, against dnsmasq and unbound.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use testing_lab::TestLab;

use crate::commands::{expect, until};
use crate::script;

/// Of `many.svc.test`: more than a datagram has room for.
const MANY: u8 = 120;

/// Writes the configuration of unbound: the path.
pub(crate) fn unbound(directory: &Path) -> String {
    let mut text = String::from(
        "server:
    interface: 0.0.0.0
    access-control: 0.0.0.0/0 allow
    do-daemonize: no
    use-syslog: no
    username: \"\"
    chroot: \"\"
    pidfile: \"\"
    module-config: iterator
    local-zone: svc.test. static
    local-data: 'api.svc.test. 30 A 203.0.113.10'
    local-data: 'api.svc.test. 30 AAAA 2001:db8::10'
    local-zone: other.test. redirect
    local-data: 'other.test. 30 A 203.0.113.10'
",
    );
    for last in 1..=MANY {
        writeln!(
            text,
            "    local-data: 'many.svc.test. 30 A 198.18.7.{last}'"
        )
        .unwrap();
    }
    let path = directory.join("unbound.conf");
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

/// Compiles a program against musl: the path.
pub(crate) fn compile(directory: &Path) -> String {
    let path = directory.join("lookup");
    let mut compiler = Command::new("musl-gcc");
    compiler.args(["-static", "-Wall", "-Werror", script!("lookup.c"), "-o"]);
    assert!(compiler.arg(&path).status().unwrap().success());
    path.display().to_string()
}

pub(crate) fn dig(lab: &TestLab, from: &str, resolver: &str) {
    let (namespace, name) = resolver.split_once('/').unwrap();
    let server = lab.lab().record().plan.pod(namespace, name).unwrap().ipv4;
    until(
        lab,
        from,
        &format!("dig +short @{server} api.svc.test"),
        &["203.0.113.10"],
    );
    for (options, said) in [
        ("+tcp api.svc.test", "203.0.113.10"),
        ("+noedns api.svc.test", "203.0.113.10"),
        ("+bufsize=4096 +dnssec api.svc.test", "203.0.113.10"),
        ("AAAA api.svc.test", "2001:db8::10"),
        ("api.other.test", "status: REFUSED"),
        ("+tcp api.other.test", "status: REFUSED"),
        ("TXT api.other.test", "status: REFUSED"),
    ] {
        expect(lab, from, &format!("dig @{server} {options}"), &[said]);
    }
    if name == "unbound" {
        let many = format!("dig @{server} many.svc.test");
        let whole = format!("ANSWER: {MANY},");
        // It comes cut off, and then whole by TCP.
        expect(lab, from, &many, &["Truncated, retrying in TCP", &whole]);
        expect(lab, from, &format!("{many} +ignore"), &["flags: qr aa tc"]);
        expect(
            lab,
            from,
            &format!("dig @{server} none.svc.test"),
            &["status: NXDOMAIN"],
        );
    }
}

pub(crate) fn glibc(lab: &TestLab, from: &str) {
    expect(lab, from, "getent ahostsv4 api.svc.test", &["203.0.113.10"]);
    expect(
        lab,
        from,
        "getent ahostsv4 api.other.test || echo none",
        &["none"],
    );
    expect(
        lab,
        from,
        "curl -s -4 -m 5 -o /dev/null -w '%{errormsg}' http://api.svc.test:443/",
        // The way is open, and nobody listens there.
        &["Couldn't connect to server"],
    );
}

/// `lookup`: the program, which asks for both types at once by one socket.
pub(crate) fn musl(lab: &TestLab, from: &str, lookup: &str) {
    let opened = ["203.0.113.10: Connection refused", "2001:db8::10: "];
    expect(lab, from, &format!("{lookup} api.svc.test"), &opened);
    // It takes REFUSED for no answer, until its time is up.
    let denied = format!("{lookup} api.other.test");
    expect(lab, from, &denied, &["no address: Try again"]);
}

/// Where NXDOMAIN is answered in place of REFUSED: resolvers know at once.
pub(crate) fn does_not_exist(lab: &TestLab, from: &str, lookup: &str) {
    let opened = ["203.0.113.10: Connection refused"];
    until(lab, from, &format!("{lookup} api.svc.test"), &opened);
    let denied = format!("{lookup} api.other.test");
    let said = ["no address: Name does not resolve"];
    expect(lab, from, &denied, &said);
    let denied = "curl -s -m 20 -o /dev/null -w '%{errormsg}' http://api.other.test:443/";
    expect(lab, from, denied, &["Could not resolve host"]);
}

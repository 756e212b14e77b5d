//! HTTP: curl, h2load, Chromium, against Node.js.

use testing_lab::TestLab;

use crate::commands::{expect, until};

pub(crate) fn curl(lab: &TestLab, from: &str) {
    const CODE: &str = "-s -o /dev/null -w '%{http_code} %{http_version}'";
    until(
        lab,
        from,
        &format!("curl {CODE} http://web:8080/hello"),
        &["200 1.1"],
    );
    for (options, said) in [
        ("http://web:8080/hello -I", "200 1.1"),
        ("--http1.0 http://web:8080/hello", "426 1.1"),
        ("-X DELETE http://web:8080/hello", "403 1.1"),
        ("http://web:8080/secret", "403 1.1"),
        ("--path-as-is http://web:8080/hello/../secret", "403 1.1"),
        // curl asks for HTTP/2 by an upgrade, which servers may leave unanswered.
        ("--http2 http://web:8080/hello", "200 1.1"),
        ("--http2-prior-knowledge http://web:8081/hello", "200 2"),
        ("--http2-prior-knowledge http://web:8081/secret", "403 2"),
        (
            "--http2-prior-knowledge -X POST -d x http://web:8081/hello",
            "403 2",
        ),
    ] {
        expect(lab, from, &format!("curl {CODE} {options}"), &[said]);
    }
    // A request is answered before its body has come, and the body may still come: no client misses the answer.
    let many = format!(
        "for n in {{1..30}}; do curl {CODE} --http2-prior-knowledge -d x http://web:8081/hello; echo; done | sort | uniq -c"
    );
    expect(lab, from, &many, &["30 403 2"]);
    // Bodies: with a length after 100 Continue, in chunks, and down again.
    let sent = "head -c 5000000 /dev/zero | curl -s -H 'Expect: 100-continue'";
    expect(
        lab,
        from,
        &format!("{sent} --data-binary @- http://web:8080/upload"),
        &["received 5000000"],
    );
    expect(
        lab,
        from,
        &format!("{sent} -T - http://web:8080/upload"),
        &["received 5000000"],
    );
    expect(
        lab,
        from,
        &format!("{sent} --http2-prior-knowledge --data-binary @- http://web:8081/upload"),
        &["received 5000000"],
    );
    expect(
        lab,
        from,
        &format!("{sent} --data-binary @- http://web:8080/secret"),
        &["Access denied"],
    );
    for url in [
        "http://web:8080/large",
        "--http2-prior-knowledge http://web:8081/large",
    ] {
        expect(lab, from, &format!("curl -s {url} | wc -c"), &["8388608"]);
    }
    // One connection: the second request is denied, and the third goes on.
    let three = "http://web:8080/hello http://web:8080/secret http://web:8080/hello";
    expect(
        lab,
        from,
        &format!("curl -s -w '%{{http_code}}/%{{num_connects}} ' {three}"),
        &["200/1", "403/0", "200/0"],
    );
}

pub(crate) fn load(lab: &TestLab, from: &str) {
    let load = "h2load -n 2000 -c 8 -m 16";
    expect(
        lab,
        from,
        &format!("{load} http://web:8081/hello"),
        &["2000 succeeded, 0 failed", "2000 2xx"],
    );
    expect(
        lab,
        from,
        &format!("{load} http://web:8081/secret"),
        &["2000 done", "2000 4xx"],
    );
    expect(
        lab,
        from,
        "h2load --h1 -n 2000 -c 8 http://web:8080/hello",
        &["2000 succeeded, 0 failed", "2000 2xx"],
    );
}

pub(crate) fn browser(lab: &TestLab, from: &str) {
    let directory = tempfile::tempdir().unwrap();
    let profile = directory.path().display();
    let page = format!(
        "chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run \
         --disable-background-networking --disable-component-update --disable-sync --user-data-dir={profile} \
         --timeout=20000 --virtual-time-budget=10000 --dump-dom http://web:8080/page"
    );
    let words = [
        "hello: 200",
        "secret: 403",
        "deleted: 403",
        "echo: over a socket",
        "done",
    ];
    until(lab, from, &page, &words);
}

//! Kafka: kcat (librdkafka) and kafka-python.

use testing_lab::TestLab;

use crate::commands::{expect, until};
use crate::{PYTHON, script};

pub(crate) fn kcat(lab: &TestLab, from: &str) {
    let kcat = "kcat -b broker:9092 -m 20";
    until(lab, from, &format!("{kcat} -L"), &["topic \"orders\""]);
    expect(
        lab,
        from,
        &format!("echo tea | {kcat} -P -t orders && echo stored"),
        &["stored"],
    );
    expect(
        lab,
        from,
        &format!("{kcat} -C -t orders -o beginning -e"),
        &["tea"],
    );
    expect(
        lab,
        from,
        &format!("echo tea | {kcat} -P -t payments -X message.timeout.ms=5000 || echo denied"),
        &["denied"],
    );
}

pub(crate) fn python(lab: &TestLab, from: &str) {
    let client = format!("{PYTHON} {} broker:9092", script!("kafka_client.py"));
    let told = [
        "kept at 0",
        "payments: TopicAuthorizationFailedError",
        "topics: audit orders\n",
        // The answers to what is denied are held back for a moment, so that nobody asks all the time.
        "offsets records: 0",
        "offsets denied now and then",
        "fetch records: 0",
        "fetch denied now and then",
    ];
    expect(lab, from, &client, &told);
}

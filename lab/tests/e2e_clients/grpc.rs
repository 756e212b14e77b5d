//! gRPC: its own implementation (C core), called from Python.

use testing_lab::TestLab;

use crate::commands::{expect, until};
use crate::{PYTHON, script};

pub(crate) fn python(lab: &TestLab, from: &str) {
    let calls = format!("{PYTHON} {} orders:50051", script!("grpc_client.py"));
    until(lab, from, &calls, &["said tea"]);
    let told = [
        "said tea",
        "/shop.Orders/Delete PERMISSION_DENIED",
        "/shop.Orders/delete PERMISSION_DENIED",
        "/shop.Other/Say PERMISSION_DENIED",
        // What else the connection carries goes on.
        "streamed one two then [] OK",
        "connections 1",
    ];
    expect(lab, from, &calls, &told);
}

//! Layer 7 in a shop like a user's: Deployments on three nodes, rules at both ends, names and Kafka; looked at with
//! `flows` in a zone of its own, on a narrow terminal, too, and by a client of Hubble's. An agent and a proxy die meanwhile.

#[path = "../common/mod.rs"]
mod common;
mod hubble;
mod rows;
mod traffic;
mod world;

#[test]
fn requests_are_told_once_and_by_the_names_that_people_know() {
    let mut lab = world::up();
    let _bank = world::bank(&lab);
    traffic::names_and_topics(&lab);
    traffic::http(&lab, 1);
    rows::requests_are_told(&lab, 1);
    rows::each_connection_has_its_request(&lab);
    rows::denied_requests_are_rows(&lab);
    rows::fit_a_narrow_terminal(&lab);
    rows::times_are_in_the_zone(&lab);
    rows::denials_are_incidents_of_workloads(&lab);
    rows::incidents_count_all_replicas(&lab);
    rows::the_last_denial_is_explained(&lab);
    rows::names_are_listed_by_pod(&lab);
    hubble::has_them_in_hubbles_form(&lab);

    // What is judged while a node has no agent is told by its successor, which has forgotten the rest.
    assert!(lab.lab_mut().kill_agent("worker-2").unwrap());
    traffic::http(&lab, 2);
    lab.lab_mut().restart_agent("worker-2").unwrap();
    rows::requests_are_told(&lab, 2);
    // And a new proxy judges as the last one did.
    assert!(lab.lab().kill_proxy_worker("worker-3").unwrap());
    traffic::http(&lab, 3);
    rows::requests_are_told(&lab, 3);
    rows::denied_requests_are_rows(&lab);
    rows::incidents_count_all_replicas(&lab);
    rows::names_are_listed_by_pod(&lab);
    let (_, errors, _) = lab.run_flows(&["status"]);
    assert!(!errors.contains("problem"), "{errors}");
}

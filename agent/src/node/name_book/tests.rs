use super::*;

const BOUNDS: Bounds = Bounds {
    ipv4: 8,
    ipv6: 2,
    entries: 12,
    loses_own: false,
};

fn entry(pod: u8, name: &str, address: &str, until: Seconds) -> Entry {
    Entry {
        pod: IpAddr::from([10, 0, 0, pod]),
        name: name.into(),
        address: address.parse().expect("an address"),
        since: 0,
        expires: until,
        until,
        is_alias: false,
    }
}

/// Adds it; what changed by that.
fn add(book: &mut NameBook, entry: Entry) -> Result<Vec<String>, Full> {
    let mut changed = BTreeSet::new();
    book.add(entry, &mut changed)?;
    check(book);
    Ok(changed.iter().map(IpAddr::to_string).collect())
}

/// What is counted is what is there.
fn check(book: &NameBook) {
    let entries: Vec<&Entry> = book.iter().collect();
    assert_eq!(entries.len(), book.len());
    let places: usize = book.pods.values().map(BTreeSet::len).sum();
    assert_eq!(places, book.len());
    for entry in entries {
        let place = (entry.until, entry.address, Arc::clone(&entry.name));
        assert!(book.pods[&entry.pod].contains(&place), "{entry:?}");
    }
    let ipv4 = book.addresses.keys().filter(|ip| ip.is_ipv4()).count();
    assert_eq!(ipv4, book.ipv4);
    assert!(book.len() <= book.bounds.entries && ipv4 <= book.bounds.ipv4);
}

#[test]
fn the_later_end_holds() {
    let mut book = NameBook::new(BOUNDS);
    let first = entry(1, "a.", "1.0.0.1", 50);
    assert_eq!(add(&mut book, first.clone()).expect("room"), ["1.0.0.1"]);
    // A shorter answer shortens nothing.
    let shorter = entry(1, "a.", "1.0.0.1", 20);
    assert!(add(&mut book, shorter).expect("there").is_empty());
    assert!(book.due(49).is_empty());
    assert_eq!(book.due(50), [first]);
    let longer = entry(1, "a.", "1.0.0.1", 80);
    assert!(add(&mut book, longer).expect("there").is_empty());
    assert!(book.due(79).is_empty());
    let due = book.due(80);
    let mut changed = BTreeSet::new();
    book.remove(&due[0], &mut changed);
    assert!(book.is_empty() && book.addresses() == 0 && changed.len() == 1);
    check(&book);
}

#[test]
fn an_address_stands_as_long_as_a_pod_has_it() {
    let mut book = NameBook::new(BOUNDS);
    for pod in [1, 2] {
        add(&mut book, entry(pod, "a.", "1.0.0.1", 50 + u64::from(pod))).expect("room");
    }
    let due = book.due(51);
    assert_eq!(due.len(), 1);
    book.remove(&due[0], &mut BTreeSet::new());
    assert_eq!(book.of(&due[0].address).len(), 1);
    check(&book);
}

#[test]
fn who_has_most_makes_room_for_others_and_gets_no_more() {
    let mut book = NameBook::new(BOUNDS);
    for last in 0..8 {
        let address = format!("1.0.0.{last}");
        add(&mut book, entry(1, "a.", &address, 100 - last)).expect("room");
    }
    let error = add(&mut book, entry(1, "a.", "1.0.0.9", 100)).expect_err("full");
    assert_eq!((error.held, error.room), (8, 8));
    assert!(error.to_string().contains("10.0.0.1"), "{error}");
    // What would run out first goes, and each gets as much as the other.
    let changed = add(&mut book, entry(2, "b.", "2.0.0.0", 100)).expect("a share");
    assert_eq!(changed, ["1.0.0.7", "2.0.0.0"]);
    for last in 1..4 {
        add(&mut book, entry(2, "b.", &format!("2.0.0.{last}"), 100)).expect("a share");
    }
    add(&mut book, entry(2, "b.", "2.0.0.9", 100)).expect_err("its share");
    add(&mut book, entry(1, "a.", "1.0.0.9", 100)).expect_err("its share");
    add(&mut book, entry(3, "c.", "3.0.0.1", 100)).expect("a share of a third");
    assert_eq!(book.evicted(), 5);
    // The other family has its own room.
    add(&mut book, entry(1, "a.", "fd00::1", 100)).expect("room");
}

#[test]
fn an_address_of_many_pods_is_no_way_round_the_bounds() {
    let mut book = NameBook::new(BOUNDS);
    for pod in [1, 2] {
        for last in 0..6 {
            let address = format!("1.0.0.{last}");
            add(&mut book, entry(pod, "a.", &address, 100)).expect("room");
        }
    }
    // Six addresses, and no entry is free.
    add(&mut book, entry(1, "a.", "1.0.0.7", 100)).expect_err("full");
    add(&mut book, entry(3, "c.", "3.0.0.1", 100)).expect("a share");
    assert_eq!(book.len(), 12);
}

#[test]
fn an_address_has_few_names_of_a_pod() {
    let bounds = Bounds {
        entries: 100,
        ..BOUNDS
    };
    let mut book = NameBook::new(bounds);
    add(&mut book, entry(2, "other.", "1.0.0.1", 1)).expect("room");
    for number in 0..40 {
        let name = format!("{number}.");
        add(&mut book, entry(1, &name, "1.0.0.1", 100 + number)).expect("room");
    }
    let address = IpAddr::from([1, 0, 0, 1]);
    assert_eq!(book.of(&address).len(), NAMES + 1);
    let mut entries = book.of(&address).iter();
    assert!(entries.any(|entry| &*entry.name == "other."));
}

#[test]
fn who_may_lose_his_own_is_never_refused() {
    let bounds = Bounds {
        loses_own: true,
        ..BOUNDS
    };
    let mut book = NameBook::new(bounds);
    for number in 0..200_u8 {
        let pod = number % 3;
        let address = format!("1.0.0.{number}");
        add(&mut book, entry(pod, "a.", &address, number.into())).expect("room");
    }
    assert_eq!(book.len(), 8);
}

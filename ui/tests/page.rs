//! The real page is in the program. Run by `cargo xtask test`, after `cargo xtask page`.

#[test]
fn the_page_is_in_the_program() {
    assert!(
        flows_ui::page_is_built(),
        "run `cargo xtask page`, then build again"
    );
}

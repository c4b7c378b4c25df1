//! sequelize-cli and umzug: no transaction but those that migrations begin themselves.

use super::{BASE, DownStyle, EmptyDown, Layout, OnDuplicate, TransactionMode, node_code};

pub(super) static LAYOUT: Layout = Layout {
    name: "sequelize",
    title: "Sequelize",
    transaction: TransactionMode::None,
    without_transaction: TransactionMode::None,
    downs: DownStyle::Section,
    duplicate: "both run, since the file name is the identity",
    on_duplicate: OnDuplicate::NameDecides,
    missing_down: "Sequelize then stops with an error",
    empty_down: EmptyDown::Succeeds("Sequelize then reports success and undoes nothing"),
    detect: |tree, sources| {
        node_code::detect(tree, sources, "sequelize", &["\"sequelize\"", "\"umzug\""])
    },
    read: |tree, sources, set| node_code::read(tree, sources, set, "sequelize"),
    ..BASE
};

//! sequelize-cli and umzug: no transaction but those that migrations begin themselves.

use super::{BASE, DownStyle, Layout, OnDuplicate, TransactionMode, node_code};

pub(super) static LAYOUT: Layout = Layout {
    name: "sequelize",
    title: "Sequelize",
    transaction: TransactionMode::None,
    without_transaction: TransactionMode::None,
    downs: DownStyle::Section,
    duplicate: "both run, since the file name is the identity",
    on_duplicate: OnDuplicate::NameDecides,
    detect: |tree, sources| {
        node_code::detect(tree, sources, "sequelize", &["\"sequelize\"", "\"umzug\""])
    },
    read: |tree, sources, set| node_code::read(tree, sources, set, "sequelize"),
    ..BASE
};

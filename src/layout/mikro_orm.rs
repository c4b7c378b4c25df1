//! `MikroORM`: one transaction around all pending migrations, with a savepoint for each.

use super::{BASE, DownStyle, Layout, OptOut, TransactionMode, node_code};

pub(super) static LAYOUT: Layout = Layout {
    name: "mikro-orm",
    title: "MikroORM",
    transaction: TransactionMode::Runner,
    without_transaction: TransactionMode::None,
    all_pending: true,
    opt_out: Some(OptOut::Advice(
        "put the statement into a migration of its own with `isTransactional() { return false; }`",
    )),
    downs: DownStyle::Section,
    detect: |tree, sources| node_code::detect(tree, sources, "mikro-orm", &["\"@mikro-orm/"]),
    read: |tree, sources, set| node_code::read(tree, sources, set, "mikro-orm"),
    ..BASE
};

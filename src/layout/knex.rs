//! Knex and Kysely, and migrations for Node.js that do not show their runner.

use super::{BASE, DownStyle, EmptyDown, Layout, OnDuplicate, OptOut, TransactionMode, node_code};

pub(super) static KNEX: Layout = knex();

const fn knex() -> Layout {
    Layout {
        name: "knex",
        title: "Knex",
        transaction: TransactionMode::Runner,
        without_transaction: TransactionMode::None,
        all_pending: true,
        opt_out: Some(OptOut::Advice(
            "put the statement into a migration of its own with `exports.config = { transaction: false }`",
        )),
        downs: DownStyle::Section,
        duplicate: "both run, since the file name is the identity",
        on_duplicate: OnDuplicate::NameDecides,
        missing_down: "Knex refuses the file, on the way up too",
        empty_down: EmptyDown::Succeeds("Knex then reports success and undoes nothing"),
        detect: |tree, sources| node_code::detect(tree, sources, "knex", &["\"knex\""]),
        read: |tree, sources, set| {
            // As soon as one pending migration leaves it, each of the others has its own.
            if node_code::one_leaves(tree, sources, "knex") {
                set.layout = &KNEX_PER_FILE;
            }
            node_code::read(tree, sources, set, "knex");
        },
        ..BASE
    }
}

/// Knex where a migration leaves its transaction.
static KNEX_PER_FILE: Layout = Layout { all_pending: false, ..knex() };

pub(super) static KYSELY: Layout = Layout {
    name: "kysely",
    title: "Kysely",
    transaction: TransactionMode::Runner,
    without_transaction: TransactionMode::None,
    all_pending: true,
    downs: DownStyle::Section,
    duplicate: "both run, since the file name is the identity",
    on_duplicate: OnDuplicate::NameDecides,
    missing_down: "Kysely then reports success and undoes nothing",
    empty_down: EmptyDown::Succeeds("Kysely then reports success and undoes nothing"),
    detect: |tree, sources| node_code::detect(tree, sources, "kysely", &["\"kysely\""]),
    read: |tree, sources, set| node_code::read(tree, sources, set, "kysely"),
    ..BASE
};

pub(super) static JAVASCRIPT: Layout = Layout {
    name: node_code::ANY,
    title: "migrations in JavaScript",
    downs: DownStyle::Section,
    assumed: true,
    detect: |tree, sources| node_code::detect(tree, sources, node_code::ANY, &[]),
    read: |tree, sources, set| node_code::read(tree, sources, set, node_code::ANY),
    ..BASE
};

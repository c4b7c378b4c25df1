//! SQL files without any order: nothing is known but their text.

use super::files::whole;
use super::{
    BASE, Detection, DownStyle, Layout, MigrationSet, Sources, TransactionMode, Tree, Version,
    rails,
};

pub(super) static LAYOUT: Layout = Layout {
    name: "plain",
    title: "SQL files without an order",
    transaction: TransactionMode::None,
    without_transaction: TransactionMode::None,
    all_pending: false,
    opt_out: None,
    downs: DownStyle::None,
    duplicate: "",
    missing_down: "",
    checksums: false,
    assumed: true,
    detect,
    read,
    ..BASE
};

fn detect(tree: &Tree, _: &Sources) -> Option<Detection> {
    tree.sql_files().next()?;
    Detection::because("SQL files without numbers or markers")
}

fn read(tree: &Tree, sources: &Sources, set: &mut MigrationSet) {
    for (name, id) in tree.sql_files() {
        if rails::is_structure(name, tree, sources) {
            set.leave_out(id, "is what the migrations of Rails leave, not one of them");
            continue;
        }
        let stem = name.trim_end_matches(".sql");
        let mut up = whole(sources, id, Version::text(stem), stem);
        up.transaction = set.transaction;
        set.push(up, None);
    }
}

//! Alembic: revisions in Python, ordered by what each of them follows.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::set::{Down, Migration, Unordered};
use super::{
    BASE, Detection, DownStyle, EmptyDown, Layout, MigrationSet, OnDuplicate, OptOut, Sources,
    TransactionMode, Tree, Version,
};
use crate::embedded::Embedded;
use crate::source::FileId;

pub(super) static LAYOUT: Layout = copy();

const fn copy() -> Layout {
    Layout {
        name: "alembic",
        title: "Alembic",
        transaction: TransactionMode::Runner,
        without_transaction: TransactionMode::None,
        all_pending: true,
        opt_out: Some(OptOut::Advice(
            "make the call inside `with op.get_context().autocommit_block():`, which commits what ran before",
        )),
        downs: DownStyle::Section,
        duplicate: "Alembic keeps only one of the two revisions",
        on_duplicate: OnDuplicate::Unknown,
        missing_down: "",
        empty_down: EmptyDown::Succeeds(
            "`alembic downgrade` then reports success and undoes nothing",
        ),
        detect,
        read,
        ..BASE
    }
}

/// Alembic where `env.py` says `transaction_per_migration=True`.
static PER_MIGRATION: Layout = Layout { all_pending: false, ..copy() };

fn detect(tree: &Tree, sources: &Sources) -> Option<Detection> {
    let revisions = revisions(tree, sources);
    if revisions.is_empty() {
        return None;
    }
    let graph = Graph::of(&revisions);
    let mut evidence = vec![format!("{} files with `down_revision`", revisions.len())];
    evidence.extend(graph.problems(&revisions));
    let per_migration = tree.hint(&["env.py"], "transaction_per_migration");
    let per_migration = per_migration.filter(|hint| {
        let text: String = hint.text.split_whitespace().collect();
        text.contains(PER_MIGRATION_MARK)
    });
    if let Some(hint) = per_migration {
        evidence.push(format!("{} says {PER_MIGRATION_MARK}", hint.path.display()));
    }
    Some(Detection { evidence, ..Detection::default() })
}

const PER_MIGRATION_MARK: &str = "transaction_per_migration=True";

struct Revision<'a> {
    file: FileId,
    embedded: &'a Embedded,
    name: &'a str,
}

fn revisions<'a>(tree: &'a Tree, sources: &'a Sources) -> Vec<Revision<'a>> {
    let all = tree.code_files().filter_map(|(name, file)| {
        let embedded = sources.get(file).embedded.as_deref()?;
        (embedded.facts.framework == LAYOUT.name).then_some(Revision { file, embedded, name })
    });
    all.collect()
}

/// Which revision follows which.
struct Graph {
    /// The order in which they are applied; what is part of a circle, or follows it, is not in it.
    order: Vec<usize>,
    /// The revisions that no other follows.
    heads: Vec<usize>,
    /// The revisions that follow one that is not there.
    orphans: Vec<(usize, String)>,
    /// The revisions whose id another has too.
    twins: Vec<usize>,
}

impl Graph {
    fn of(revisions: &[Revision]) -> Self {
        let mut by_id: HashMap<&str, usize> = HashMap::new();
        let mut twins = Vec::new();
        for (at, revision) in revisions.iter().enumerate() {
            if by_id.insert(&revision.embedded.facts.id, at).is_some() {
                twins.push(at);
            }
        }
        // A parent may be named by the beginning of its id, or by a label of its branch.
        let find = |id: &str| {
            by_id.get(id).copied().or_else(|| {
                let mut found =
                    by_id.iter().filter(|(full, _)| id.len() >= 4 && full.starts_with(id));
                let first = found.next().map(|(_, at)| *at);
                first.filter(|_| found.next().is_none())
            })
        };
        let mut orphans = Vec::new();
        let mut followers: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        let mut waits: Vec<usize> = vec![0; revisions.len()];
        let mut has_child = BTreeSet::new();
        for (at, revision) in revisions.iter().enumerate() {
            let facts = &revision.embedded.facts;
            for parent in &facts.parents {
                match find(parent) {
                    Some(parent) => {
                        has_child.insert(parent);
                        followers.entry(parent).or_default().push(at);
                        waits[at] += 1;
                    }
                    None => orphans.push((at, parent.clone())),
                }
            }
            for other in facts.depends_on.iter().filter_map(|other| find(other)) {
                followers.entry(other).or_default().push(at);
                waits[at] += 1;
            }
        }
        // One branch is followed to its end before the next one begins.
        let mut ready: Vec<usize> =
            (0..revisions.len()).rev().filter(|at| waits[*at] == 0).collect();
        let mut order = Vec::new();
        while let Some(at) = ready.pop() {
            order.push(at);
            for next in followers.get(&at).into_iter().flatten().rev() {
                waits[*next] -= 1;
                if waits[*next] == 0 {
                    ready.push(*next);
                }
            }
        }
        let heads = (0..revisions.len()).filter(|at| !has_child.contains(at)).collect();
        Self { order, heads, orphans, twins }
    }

    /// Returns what keeps Alembic from applying them, as sentences.
    fn problems(&self, revisions: &[Revision]) -> Vec<String> {
        let id = |at: usize| revisions[at].embedded.facts.id.as_str();
        let mut found = Vec::new();
        if self.heads.len() > 1 {
            let heads: Vec<&str> = self.heads.iter().map(|at| id(*at)).collect();
            found.push(format!(
                "{} heads, {}: `alembic upgrade head` stops with an error",
                heads.len(),
                heads.join(" and ")
            ));
        }
        found.extend(self.orphans.iter().map(|(at, parent)| {
            format!("{} follows {parent}, which is not there: Alembic then runs nothing", id(*at))
        }));
        found
            .extend(self.twins.iter().map(|at| format!("two files have the revision {}", id(*at))));
        if self.order.len() < revisions.len() {
            found.push(
                "some revisions follow one another in a circle: Alembic then runs nothing"
                    .to_owned(),
            );
        }
        found
    }
}

/// Returns whether a revision gives its branch a name: several heads are then meant.
fn has_label(revision: &Revision, sources: &Sources) -> bool {
    let text = &sources.get(revision.embedded.host).text;
    text.lines().any(|line| {
        let value = line.strip_prefix("branch_labels").and_then(|rest| rest.split_once('='));
        value.is_some_and(|(_, value)| value.trim() != "None")
    })
}

impl Graph {
    /// Returns why Alembic finds no order.
    fn unordered(&self, revisions: &[Revision], sources: &Sources) -> Vec<Unordered> {
        let files = |all: &[usize]| all.iter().map(|at| revisions[*at].file).collect();
        let mut found = Vec::new();
        let done: BTreeSet<usize> = self.order.iter().copied().collect();
        let circle: Vec<usize> = (0..revisions.len()).filter(|at| !done.contains(at)).collect();
        if !circle.is_empty() {
            let problem = "revisions follow one another in a circle: Alembic runs nothing";
            found.push(Unordered {
                files: files(&circle),
                problem: problem.to_owned(),
                help: "correct a `down_revision`",
                is_unsure: false,
            });
        }
        for (at, parent) in &self.orphans {
            found.push(Unordered {
                files: files(&[*at]),
                problem: format!("it follows `{parent}`, which is not there: Alembic runs nothing"),
                help: "bring the file back, or correct the `down_revision`",
                is_unsure: true,
            });
        }
        // Those that lead nowhere but to what was told above are no heads of their own.
        let is_labelled = revisions.iter().any(|revision| has_label(revision, sources));
        if self.heads.len() > 1 && found.is_empty() && self.twins.is_empty() && !is_labelled {
            let count = self.heads.len();
            found.push(Unordered {
                files: files(&self.heads),
                problem: format!("{count} heads: `alembic upgrade head` runs nothing"),
                help: "join them with `alembic merge heads`, or have one follow the other",
                is_unsure: false,
            });
        }
        found
    }
}

fn read(tree: &Tree, sources: &Sources, set: &mut MigrationSet) {
    let revisions = revisions(tree, sources);
    let graph = Graph::of(&revisions);
    set.unordered = graph.unordered(&revisions, sources);
    if set.evidence.iter().any(|line| line.ends_with(PER_MIGRATION_MARK)) {
        set.layout = &PER_MIGRATION;
    }
    for (place, at) in graph.order.iter().enumerate() {
        push(set, &revisions[*at], place);
    }
    let done: BTreeSet<usize> = graph.order.iter().copied().collect();
    for (_, revision) in revisions.iter().enumerate().filter(|(at, _)| !done.contains(at)) {
        set.skip(revision.file, "is part of a circle of revisions, or follows one");
    }
    for (_, id) in tree.sql_files() {
        set.leave_out(id, "is no Python file: it is run only where a revision reads it");
    }
    for (name, id) in tree.code_files() {
        if !revisions.iter().any(|revision| revision.name == name) {
            set.leave_out(id, "has no `revision`");
        }
    }
}

fn push(set: &mut MigrationSet, revision: &Revision, place: usize) {
    let Embedded { facts, up: section, down, .. } = revision.embedded;
    let version = Version::place(&facts.id, place);
    let mut up = Migration::up(version, &facts.name, revision.file, *section);
    up.transaction = set.transaction;
    let mut back = None;
    match *down {
        Some(section) if revision.embedded.messages_in(section).next().is_some() => {
            up.down = Down::Present;
            back = Some(up.down(revision.file, section));
        }
        _ if facts.has_unread_down => up.down = Down::NotRead,
        Some(section) => up.down = Down::Empty { file: revision.file, section },
        None => {}
    }
    set.push(up, back);
}

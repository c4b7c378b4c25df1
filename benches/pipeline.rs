//! How long the parts of a run take, on migrations that are made up here.

#![allow(missing_docs, reason = "a benchmark")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use std::ops::ControlFlow;

use lockmaster::check::{self, SetOptions, check};
use lockmaster::layout::{self, Entry, MigrationSet, Override, Sources, Tree};
use lockmaster::rule::Rule;
use lockmaster::rules::RULES;
use lockmaster::source::{FileId, SourceFile, Span};
use lockmaster::sql::{self, Script};

/// The allocator of the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const MIGRATIONS: u32 = 1_000;

fn migration(number: u32) -> String {
    format!(
        "create table t{number} (id bigint generated always as identity primary key, name text not null,
            amount numeric(12, 2) not null default 0, created_at timestamptz not null default now());
        create index t{number}_name on t{number} (name);
        alter table t{} add column note{number} text;
        insert into t{number} (name) values ('first'), ('second');\n",
        number.saturating_sub(1).max(1)
    )
}

fn pipeline(criterion: &mut Criterion) {
    let texts: Vec<String> = (1..=MIGRATIONS).map(migration).collect();
    let whole = texts.concat();
    criterion.bench_function("split", |bench| bench.iter(|| sql::split(black_box(&whole))));

    let file = SourceFile::new("whole.sql", whole.clone());
    let section = Span::new(0..file.text.len());
    criterion.bench_function("parse", |bench| bench.iter(|| sql::parse(black_box(&file), section)));

    let mut tree = Tree::default();
    let mut sources = Sources::default();
    for (id, text) in (0..).zip(texts) {
        let name = format!("{:04}_change.sql", id + 1);
        sources.files.push(SourceFile::new(&name, text));
        tree.files.push(Entry {
            name,
            id: Some(FileId(id)),
            code: None,
            journal: None,
            text: None,
        });
    }
    let sets = layout::recognise(&tree, &sources, true, &|_| Override::default());
    let rules: Vec<&Rule> = RULES.iter().collect();
    let options = SetOptions::default();
    criterion.bench_function("parse, replay and check 1,000 migrations", |bench| {
        bench.iter(|| check(0, black_box(&sets[0]), &sources, &rules, &options));
    });
}

/// A history that is made up here, read and parsed.
struct Parsed {
    set: MigrationSet,
    scripts: Vec<Script>,
}

impl Parsed {
    fn new(migrations: u32) -> Self {
        let mut tree = Tree::default();
        let mut sources = Sources::default();
        for (id, number) in (0..migrations).zip(1..) {
            let name = format!("{number:05}_change.sql");
            sources.files.push(SourceFile::new(&name, migration(number)));
            tree.files.push(Entry {
                name,
                id: Some(FileId(id)),
                code: None,
                journal: None,
                text: None,
            });
        }
        let set = layout::recognise(&tree, &sources, true, &|_| Override::default()).remove(0);
        let scripts = check::parse(&set, &sources);
        Self { set, scripts }
    }

    fn replay(&self) {
        let options = SetOptions::default();
        check::replay_with(&self.set, &self.scripts, &options, |_, state| {
            black_box(&state.catalog);
            ControlFlow::Continue(())
        });
    }
}

/// How the cost of replay alone grows with the history. One history that is read again and again stays in
/// the caches of the processor if it is short: ten of 1,000 migrations need as much memory as one of
/// 10,000, so what these cost more is what the length costs.
fn replay(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("replay");
    for (name, count, migrations) in [
        ("1,000 migrations", 1, 1_000),
        ("ten times 1,000 migrations", 10, 1_000),
        ("10,000 migrations", 1, 10_000),
    ] {
        let histories: Vec<Parsed> = (0..count).map(|_| Parsed::new(migrations)).collect();
        group.bench_function(name, |bench| {
            bench.iter(|| histories.iter().for_each(Parsed::replay));
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20);
    targets = pipeline, replay
}
criterion_main!(benches);

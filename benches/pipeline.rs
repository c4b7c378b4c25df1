//! How long the parts of a run take, on migrations that are made up here.

#![allow(missing_docs, reason = "a benchmark")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use std::ops::ControlFlow;

use lockmaster::check::{self, SetOptions, check};
use lockmaster::layout::{self, Entry, Override, Sources, Tree};
use lockmaster::rule::Rule;
use lockmaster::rules::RULES;
use lockmaster::source::{FileId, SourceFile, Span};
use lockmaster::sql;

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
        tree.files.push(Entry { name, id: Some(FileId(id)), text: None });
    }
    let sets = layout::recognise(&tree, &sources, true, &|_| Override::default());
    let rules: Vec<&Rule> = RULES.iter().collect();
    let options = SetOptions::default();
    criterion.bench_function("parse, replay and check 1,000 migrations", |bench| {
        bench.iter(|| check(0, black_box(&sets[0]), &sources, &rules, &options));
    });
}

/// How the cost of replay alone grows with the history.
fn replay(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("replay");
    for (count, name) in [(1_000, "1,000 migrations"), (10_000, "10,000 migrations")] {
        let mut tree = Tree::default();
        let mut sources = Sources::default();
        for (id, number) in (0..count).zip(1..) {
            let name = format!("{number:05}_change.sql");
            sources.files.push(SourceFile::new(&name, migration(number)));
            tree.files.push(Entry { name, id: Some(FileId(id)), text: None });
        }
        let sets = layout::recognise(&tree, &sources, true, &|_| Override::default());
        let scripts = check::parse(&sets[0], &sources);
        let options = SetOptions::default();
        group.bench_function(name, |bench| {
            bench.iter(|| {
                check::replay_with(&sets[0], &scripts, &options, |_, state| {
                    black_box(&state.catalog);
                    ControlFlow::Continue(())
                })
            });
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

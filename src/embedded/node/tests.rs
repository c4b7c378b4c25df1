//! What migrations for Node.js send.

use super::super::{SourceFile, derive, has_mark, is_candidate};
use crate::source::FileId;

fn derived(name: &str, text: &str) -> SourceFile {
    let host = SourceFile::new(format!("migrations/{name}"), text.to_owned());
    derive(&[(FileId(0), &host)]).pop().expect("each host file has one")
}

fn statements(file: &SourceFile) -> Vec<String> {
    let embedded = file.embedded.as_ref().expect("it is derived");
    let script = crate::sql::parse(file, embedded.up);
    script.items.iter().map(|item| file.slice(item.span()).trim().to_owned()).collect()
}

fn knex(body: &str) -> Vec<String> {
    statements(&derived("1.js", &format!("exports.up = async (knex) => {{ {body} }};")))
}

#[test]
fn literals_are_read_as_javascript_reads_them() {
    for (literal, sql) in [
        ("'select 1'", "select 1"),
        (r#""select '\x41\u00e9\u{e9}\n\q'""#, "select 'Aéé\nq'"),
        ("`select '${name}'`", "select '{{name}}'"),
        ("'select ' + '1'", "select 1"),
        (r"String.raw`select '\d'`", r"select '\d'"),
        ("['select 1', 'select 2'].join(' union ')", "select 1 union select 2"),
        ("'select ?', [1]", "select $1"),
        ("'select ??', ['a.B']", "select a.\"B\""),
        (r"'select a \\? b'", "select a ? b"),
        ("'select :a::int, :b:', { a: 1, b: 'c' }", "select $1::int, c"),
    ] {
        assert_eq!(knex(&format!("await knex.raw({literal})")), [sql], "{literal}");
    }
}

#[test]
fn loops_chains_and_functions_are_followed_in_order() {
    for body in [
        "for (const t of ['a', 'b']) { await knex.raw(`drop table ${t}`); }",
        "await Promise.all(['a', 'b'].map((t) => knex.raw('drop table ' + t)));",
        "return knex.raw('drop table a').then(() => knex.raw('drop table b'));",
        "return knex.schema.raw('drop table a').raw('drop table b');",
        "const drop = (t) => knex.raw(`drop table ${t}`); await drop('a'); await drop('b');",
        "const { rows } = await knex.raw('drop table a'); await knex.raw('drop table b');",
        "(await knex.raw('drop table a')).rows; true && (await knex.raw('drop table b'));",
    ] {
        assert_eq!(knex(body), ["drop table a", "drop table b"], "{body}");
    }
}

#[test]
fn what_is_not_known_is_said() {
    for body in [
        "await knex.raw(sql())",
        "await knex.raw(['a', 'b'])",
        "for (const t of await names()) await knex.raw(`drop table ${t}`);",
        "if (await knex.schema.hasTable('a')) await knex.raw('drop table a');",
        "ready ? await knex.raw('drop table a') : null",
        "await helper(knex);",
        "switch (a) { case 1: await knex.raw('select 1'); }",
        "await knex.schema.invent('a');",
    ] {
        let file = derived("1.js", &format!("exports.up = async (knex) => {{ {body} }};"));
        let embedded = file.embedded.as_ref().expect("it is derived");
        assert!(embedded.messages.iter().any(|message| message.gap.is_some()), "{body}");
    }
    for chain in [
        "createTable('a').addColumn('b', type())",
        "createTable('a').addColumn('b', 'text', notNull)",
        "createTable('a').addColumn('b', 'text', (col) => col.unsigned())",
        "createTable('a').addColumn('b', 'text', (col) => strict ? col.notNull() : col)",
        "createTable(name()).addColumn('b', 'text')",
        "createTable('a').$call(columns)",
        "createIndex('a').on('b').column('c').where('d', 'in', [1])",
        "createView('a').as(db.selectFrom('b').selectAll())",
        "alterTable('a').dropColumn('b').invent()",
    ] {
        let file = derived(
            "1.ts",
            &format!(
                "export async function up(db: Kysely<any>) {{ await db.schema.{chain}.execute() }}"
            ),
        );
        let embedded = file.embedded.as_ref().expect("it is derived");
        let gaps = embedded.messages.iter().filter(|message| message.gap.is_some()).count();
        assert_eq!((gaps, embedded.messages.len()), (1, 1), "{chain}: {}", file.text);
    }
    let file = derived("1.js", "exports.up = run('a.sql'); exports.down = run('b.sql'); // knex");
    let embedded = file.embedded.as_ref().expect("it is derived");
    assert!(embedded.messages.iter().any(|message| message.gap.is_some()));
}

#[test]
fn each_framework_is_known_by_its_calls() {
    for (text, framework, sql) in [
        ("exports.up = (pgm) => pgm.sql('select {a}', { a: 'b' })", "node-pg-migrate", "select b"),
        (
            "module.exports = { async up(queryInterface) { await queryInterface.sequelize.query('select 1') } }",
            "sequelize",
            "select 1",
        ),
        (
            "export const up = async ({ context: queryInterface }) => { await queryInterface.sequelize.query('select 1') }",
            "sequelize",
            "select 1",
        ),
        (
            "export class A1700000000000 implements MigrationInterface { async up(q: QueryRunner) { await this.b(q) } async b(q: any) { await q.query(`select 1`) } }",
            "typeorm",
            "select 1",
        ),
        (
            "import { Migration } from '@mikro-orm/migrations'; export class M extends Migration { async up(): Promise<void> { this.addSql('select 1;') } }",
            "mikro-orm",
            "select 1",
        ),
        (
            "import { sql, Kysely } from 'kysely'; export async function up(db: Kysely<any>) { await sql`select 1`.execute(db) }",
            "kysely",
            "select 1",
        ),
        ("exports.up = async (client) => client.query('select 1')", "javascript", "select 1"),
    ] {
        assert!(has_mark(text.as_bytes()), "{text}");
        let file = derived("1.ts", text);
        let embedded = file.embedded.as_ref().expect("it is derived");
        assert_eq!(
            (embedded.facts.framework, statements(&file)),
            (framework, vec![sql.to_owned()])
        );
    }
}

#[test]
fn transactions_that_a_migration_begins_itself_are_seen() {
    let text = "module.exports = { async up(queryInterface) {
        await queryInterface.sequelize.transaction(async (transaction) => {
            await queryInterface.sequelize.query('select 1', { transaction });
        });
        const t = await queryInterface.sequelize.transaction();
        await queryInterface.sequelize.query('select 2', { transaction: t });
        await t.commit();
    } }";
    let expected = ["BEGIN", "select 1", "COMMIT", "BEGIN", "select 2", "COMMIT"];
    assert_eq!(statements(&derived("1.js", text)), expected);
}

#[test]
fn only_scripts_below_migrations_are_read() {
    for (path, is_one) in [
        ("src/migrations/1.ts", true),
        ("db/migrate/1.mjs", true),
        ("migrations/1.d.ts", false),
        ("migrations/1.test.ts", false),
        ("migrations/1.tsx", false),
    ] {
        assert_eq!(is_candidate(std::path::Path::new(path)), is_one, "{path}");
    }
}

#[test]
fn nothing_makes_it_panic() {
    let deep = format!("exports.up = (knex) => {}1{}", "(".repeat(5000), ")".repeat(5000));
    let long = format!("exports.up = (knex) => knex.raw('a'{})", " + 'a'".repeat(5000));
    for text in [
        deep.as_str(),
        long.as_str(),
        "exports.up = (knex) => knex.raw('",
        "exports.up = (knex) => knex.raw(`${",
        "exports.up = (knex) => knex.raw('\\u{')",
        "exports.up = ({a: {b}}, [c], ...d) => { const { x } = f(), [y] = g(); }",
        "exports.up = function up() { up(); }; exports.down = exports.up",
        "const f = (g) => g(g); exports.up = (knex) => f(f);",
    ] {
        for name in ["1.js", "1.ts"] {
            statements(&derived(name, text));
        }
    }
}

/// Returns what a body sends, with a question mark for what was not analysed.
fn sent(body: &str) -> Vec<String> {
    let of = |statement: String| match statement.starts_with("--") {
        true => "?".to_owned(),
        false => statement,
    };
    knex(body).into_iter().map(of).collect()
}

#[test]
fn what_may_not_be_reached_is_not_taken_as_certain() {
    for (body, expected) in [
        ("if (x) return; await knex.raw('a');", &["?"][..]),
        ("if (x) { return; } else { return; } await knex.raw('a');", &[]),
        ("if (x) throw new Error('no'); await knex.raw('a');", &["a"]),
        (
            "for (const t of ['a', 'b']) { if (x) continue; await knex.raw(t); } await knex.raw('c');",
            &["?", "c"],
        ),
        ("for (const t of ['a', 'b']) { if (t === 'a') continue; await knex.raw(t); }", &["b"]),
        ("for (const t of ['a', 'b']) { if (t === 'b') break; await knex.raw(t); }", &["a"]),
        ("try { await knex.raw('a'); } catch (e) { return; } await knex.raw('b');", &["a", "?"]),
        ("try { await knex.raw('a'); } finally { await knex.raw('b'); }", &["a", "b"]),
        (
            "switch (x) { case 1: await knex.raw('a'); break; default: return; } await knex.raw('b');",
            &["?", "?"],
        ),
        ("do { await knex.raw('a'); } while (x); await knex.raw('b');", &["?", "b"]),
        ("for (let i = 0; i < 3; i++) { await knex.raw('a'); } await knex.raw('b');", &["?", "b"]),
    ] {
        assert_eq!(sent(body), expected, "{body}");
    }
}

#[test]
fn a_value_that_was_changed_is_not_the_one_before() {
    for (steps, expected) in [
        ("let c = ['a']; c.push('b');", "a, b"),
        ("let c = ['a']; const d = c; d.push('b');", "a, b"),
        ("let c = ['a']; c.unshift('b');", "?"),
        ("let c = ['a']; c[0] = 'b';", "?"),
        ("let c = ['a']; c.length = 0;", "?"),
        ("let c = ['a']; if (x) c.push('b');", "?"),
        ("let c = ['a']; for (const y of x) c.push('b');", "?"),
        ("let c = ['a']; ['b', 'c'].forEach((y) => { c.push(y); });", "?"),
        ("let c = ['a']; [c] = x;", "?"),
        ("let c = ['a']; ({ c } = x);", "?"),
        ("let c = ['a']; ({ y: { c } } = x);", "?"),
        ("let c = ['a']; ([c, ...d] = x);", "?"),
        ("let c = ['a']; while ((c = x())) {}", "?"),
        ("let c = ['a']; x && (c = ['b']);", "?"),
        ("let c = ['a']; const f = () => { c = ['b']; }; f();", "?"),
        ("let c = ['a']; const f = () => { const c = ['b']; }; f();", "a"),
        ("let c = x ? ['a'] : ['b'];", "?"),
        ("let c = true ? ['a'] : ['b'];", "a"),
        ("const o = { c: ['a'] }; const c = o.c;", "a"),
        ("const o = { c: ['a'] }; o.c = ['b']; const c = o.c;", "b"),
        ("const o = { c: ['a'] }; o.c.push('b'); const c = o.c;", "?"),
        ("const o = { c: ['a'] }; Object.assign(o, x); const c = o.c;", "?"),
        ("const c = [['a'], ['b']][1];", "b"),
    ] {
        let found = sent(&format!("{steps} await knex.raw(c.join(', '));"));
        assert_eq!(found.last().map(String::as_str), Some(expected), "{steps}: {found:?}");
    }
}

#[test]
fn no_call_is_lost_in_an_expression() {
    for body in [
        "x && await knex.raw('a');",
        "const y = x && await knex.raw('a');",
        "const y = x ? await knex.raw('a') : null;",
        "const y = x ?? await knex.raw('a');",
        "await retry(() => knex.raw('a'));",
        "await retry(knex.raw, 'a');",
        "const raw = knex.raw.bind(knex); await raw('a');",
        "await knex['raw']('a');",
        "await knex[x]('a');",
        "const { fill } = require('./fill'); await fill(knex);",
        "const fill = require('./fill'); const y = await fill(knex);",
        "const fill = require('./fill'); const y = await fill({ knex });",
        "await new Filler(knex).run();",
        "await Promise.all(x.map((t) => knex.raw(t)));",
        "await x.reduce(async (before, t) => { await before; await knex.raw('a'); }, null);",
        "const y = `${await retry(knex)}`;",
        "const y = [...(await retry(knex))];",
        "const y = { ...(await retry(knex)) };",
        "const y = (await retry(knex)) === 1;",
        "const y = !(await retry(knex));",
        "const y = -(await retry(knex));",
        "for (const t in await retry(knex)) {}",
        "while (await retry(knex)) {}",
        "for (let i = await retry(knex); ;) {}",
        "switch (await retry(knex)) {}",
        "await knex.transaction(retry);",
        "a: for (;;) { await knex.raw('a'); }",
        "return x || knex.raw('a');",
        "(await knex.raw('a')), await retry(knex);",
        "function* f() { yield knex.raw('a'); } for (const y of f()) {}",
        "eval('knex.raw(1)');",
    ] {
        let found = sent(body);
        assert!(found.iter().any(|statement| statement == "?"), "{body}: {found:?}");
    }
}

#[test]
fn what_a_name_stands_for_is_called() {
    for body in [
        "const raw = knex.raw; await raw('a');",
        "const { raw } = knex; await raw('a');",
        "const drop = () => knex.raw('a'); await knex.schema.hasTable('b').then(drop);",
        "const f = { drop: () => knex.raw('a') }; await f.drop();",
        "const f = { drop() { return knex.raw('a'); } }; await f.drop();",
        "const T = { users: 'a' }; await knex.raw(T.users);",
        "const T = { users: 'a' }; await knex.raw(T['users']);",
        "const drop = (...all) => Promise.all(all.map((t) => knex.raw(t))); await drop('a');",
        "let t = 'b'; const drop = () => knex.raw(t); t = 'a'; await drop();",
        "function drop() { return knex.raw('a'); } await drop();",
        "async function drop() { await knex.raw('a'); } await drop();",
    ] {
        assert_eq!(sent(body), ["a"], "{body}");
    }
}

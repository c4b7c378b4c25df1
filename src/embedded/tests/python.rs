//! What is followed in Python, and what is said not to be.

use super::*;

/// Returns what a function sends, with a question mark for what was not analysed.
fn sent(upgrade: &str) -> Vec<String> {
    let of = |statement: String| match statement.starts_with("--") {
        true => "?".to_owned(),
        false => statement.replace("\n)", "").to_lowercase(),
    };
    statements(upgrade).into_iter().map(of).collect()
}

#[test]
fn what_may_not_be_reached_is_not_taken_as_certain() {
    for (upgrade, expected) in [
        ("if x():\n    return\nop.drop_table('a')", &["?"][..]),
        ("if x():\n    return\nelse:\n    return\nop.drop_table('a')", &[]),
        ("return\nop.drop_table('a')", &[]),
        (
            "for t in ['a', 'b']:\n    if x(t): continue\n    op.drop_table(t)\nop.drop_table('c')",
            &["?", "drop table c"],
        ),
        (
            "for t in ['a', 'b']:\n    if x(t): break\n    op.drop_table(t)\nop.drop_table('c')",
            &["?", "drop table c"],
        ),
        ("for t in ['a', 'b']:\n    if x(t): return\nop.drop_table('c')", &["?"]),
        (
            "for t in ['a', 'b', 'c']:\n    if t == 'b': continue\n    op.drop_table(t)",
            &["drop table a", "drop table c"],
        ),
        (
            "for t in ['a', 'b']:\n    if t == 'b': break\n    op.drop_table(t)\nelse:\n    op.drop_table('c')",
            &["drop table a"],
        ),
        (
            "for t in ['a']:\n    op.drop_table(t)\nelse:\n    op.drop_table('c')",
            &["drop table a", "drop table c"],
        ),
        ("for t in x():\n    if t: return\nop.drop_table('c')", &["?"]),
        // An error ends the migration: where it is applied, the rest was run.
        ("if x():\n    raise E()\nop.drop_table('a')", &["drop table a"]),
        (
            "try:\n    if x():\n        raise E()\n    op.drop_table('a')\nexcept E:\n    pass\nop.drop_table('b')",
            &["?", "drop table b"],
        ),
        (
            "try:\n    op.drop_table('a')\nexcept E:\n    op.drop_table('b')\nelse:\n    op.drop_table('c')\nfinally:\n    op.drop_table('d')",
            &["drop table a", "drop table c", "?", "drop table d"],
        ),
        ("try:\n    y()\nexcept E:\n    return\nop.drop_table('b')", &["?", "?"]),
        (
            "while x():\n    op.drop_table('a')\n    break\nop.drop_table('b')",
            &["?", "drop table b"],
        ),
    ] {
        assert_eq!(sent(upgrade), expected, "{upgrade}");
    }
}

#[test]
fn a_value_that_was_changed_is_not_the_one_before() {
    let index = "op.create_index('i', 't', c)";
    let made = |columns: &str| format!("create index i on t ({columns})");
    for (steps, expected) in [
        ("c = ['a']\nc.append('b')", made("a, b")),
        ("c = ['a']\nc.extend(['b', 'c'])", made("a, b, c")),
        ("c = ['a']\nc += ['b']", made("a, b")),
        ("c = ['a']\nd = c\nd.append('b')", made("a, b")),
        ("c = ['a']\nc.insert(0, 'b')", "?".to_owned()),
        ("c = ['a']\nc.remove('a')", "?".to_owned()),
        ("c = ['a']\nc[0] = 'b'", "?".to_owned()),
        ("c = ['a']\ndel c[0]", "?".to_owned()),
        ("c = ['a']\nif x: c.append('b')", "?".to_owned()),
        ("c = ['a']\nfor y in x: c.append('b')", "?".to_owned()),
        ("c = ['a']\nfor y in 'a', 'b':\n    c.append('b' + y)", made("a, ba, bb")),
        ("c = ['a']\nc, *d = x", "?".to_owned()),
        ("c = ['a']\n(c, d), e = x", "?".to_owned()),
        ("c = ['a']\nc, d = ['b'], 1", made("b")),
        ("c = ['a']\ny.c = c = ['b']", made("b")),
        ("c = d = ['a']", made("a")),
        ("c = ['a']\nc[0].x[1] = 2", "?".to_owned()),
        ("c: list = ['a']", made("a")),
        ("c = ['a']\nif (c := y): pass", "?".to_owned()),
        ("c = ['a']\nx and (c := y)", "?".to_owned()),
        ("c = ['a']\nwith x() as (c, d): pass", "?".to_owned()),
        ("c = ['a']\ndef f(z):\n    z.append('b')\nf(c)", "?".to_owned()),
        ("c = ['a']\ndef f():\n    nonlocal c\n    c = ['b']\nf()", "?".to_owned()),
        ("d = {'k': ['a']}\nd['k'] = ['b']\nc = d['k']", made("b")),
        ("d = {'k': ['a']}\nd.update({'k': ['b']})\nc = d['k']", made("b")),
        ("d = {'k': ['a']}\nd[y] = ['b']\nc = d['k']", "?".to_owned()),
        ("d = {'k': ['a']}\nd['k'].append('b')\nc = d['k']", "?".to_owned()),
        ("c = ['a', 'b'][1:]", "?".to_owned()),
        ("c = [['a'], ['b']][-1]", made("b")),
        ("c = [y + 'x' for y in ['a', 'b']]", made("ax, bx")),
        ("c = ['a'] if True else ['b']", made("a")),
        ("c = ['a'] if x else ['b']", "?".to_owned()),
        ("c = None or ['b']", made("b")),
    ] {
        let found = sent(&format!("{steps}\n{index}"));
        assert_eq!(found.last(), Some(&expected), "{steps}: {found:?}");
    }
    let text = format!(
        "{HEAD}T = 'a'\ndef rename():\n    global T\n    T = 'b'\ndef upgrade():\n    rename()\n    op.drop_table(T)\ndef downgrade():\n    op.drop_table(T)\n"
    );
    let sources = sources_of(text.into_bytes());
    assert!(sources.files[1].text.contains("DROP TABLE b\n"), "{}", sources.files[1].text);
    assert!(sources.files[1].text.contains("DROP TABLE a\n"), "{}", sources.files[1].text);
}

#[test]
fn no_call_is_lost_in_an_expression() {
    for upgrade in [
        "[op.drop_table(t) for t in x]",
        "x and op.drop_table('a')",
        "x or op.drop_table('a')",
        "y = x and op.drop_table('a')",
        "op.drop_table('a') if x else None",
        "y = op.drop_table('a') if x else None",
        "retry(op.execute, 'drop table a')",
        "retry(lambda: op.execute('drop table a'))",
        "y = retry(lambda: op.execute('drop table a'))",
        "list(map(op.execute, ['drop table a']))",
        "list(map(lambda s: op.execute(s), x))",
        "getattr(op, name)('a')",
        "{'a': op.execute}['b']('drop table a')",
        "[op.execute][x]('drop table a')",
        "for f in x: f('drop table a')",
        "from helpers import fill\nfill(op)",
        "from helpers import fill\nfill(op.get_bind())",
        "from helpers import fill\nfill(connection=op.get_bind())",
        "import helpers\ny = helpers.fill([op.get_bind()])",
        "from helpers import fill\nbind = op.get_bind()\ny = fill(bind)",
        "from helpers import transaction\nwith transaction(op.get_bind()): pass",
        "from helpers import Base\nBase.metadata.create_all(bind=op.get_bind())",
        "exec('op.drop_table(1)')",
        "import os\nos.system('psql')",
        "import subprocess\nsubprocess.run(['psql'])",
        "from alembic import context\ncontext.execute('drop table a')",
        "from alembic.op import *\ndrop_table('a')",
        "@once\ndef inner():\n    op.drop_table('a')\ninner()",
        "def inner():\n    op.drop_table('a')\nretry(inner)",
        "def inner():\n    yield op.drop_table('a')\nlist(inner())",
        "assert retry(op.execute)",
        "print(f\"{retry(op.execute)}\")",
        "return retry(op.execute)",
        "y = not retry(op.execute)",
        "y = retry(op.execute) == 1",
        "y = -retry(op.execute)",
        "y = {**retry(op.execute)}",
        "y = [*retry(op.execute)]",
        "y = x[retry(op.execute)]",
        "y = x[retry(op.execute):]",
        "match x:\n    case 1: op.drop_table('a')",
        "del x[retry(op.execute)]",
        "raise E(retry(op.execute))",
    ] {
        let found = sent(upgrade);
        assert!(found.iter().any(|statement| statement == "?"), "{upgrade}: {found:?}");
        assert!(!found.iter().any(|statement| statement != "?"), "{upgrade}: {found:?}");
    }
}

#[test]
fn what_a_name_stands_for_is_called() {
    for upgrade in [
        "run = op.drop_table\nrun('a')",
        "getattr(op, 'drop_table')('a')",
        "from alembic.op import drop_table\ndrop_table('a')",
        "from alembic.op import drop_table as gone\ngone('a')",
        "import alembic\nalembic.op.drop_table('a')",
        "{'d': op.drop_table}['d']('a')",
        "(lambda t: op.drop_table(t))('a')",
        "drop = lambda t: op.drop_table(t)\ndrop('a')",
        "def drop(*tables):\n    for t in tables:\n        op.drop_table(t)\ndrop('a')",
        "t = 'b'\ndef drop():\n    op.drop_table(t)\nt = 'a'\ndrop()",
        "[op.drop_table(t) for t in ['a']]",
        "True and op.drop_table('a')",
        "op.drop_table('a') if True else x()",
        "with x:\n    op.drop_table('a')",
        "(op.drop_table('a'), None)",
        "y = [op.drop_table('a')]",
        "y = f\"{op.drop_table('a')}\"",
        "y = op.drop_table('a').x",
        "y = (z := op.drop_table('a'))",
    ] {
        assert_eq!(sent(upgrade), ["drop table a"], "{upgrade}");
    }
    for upgrade in [
        "bind = op.get_bind()\nbind.execute(sa.text('drop table a'))",
        "op.get_bind().exec_driver_sql('drop table a')",
        "with op.get_bind().begin() as c:\n    c.execute(sa.text('drop table a'))",
        "c = op.get_context().connection\nc.execute(sa.text('drop table a'))",
        "from sqlalchemy.orm import Session\nSession(bind=op.get_bind()).execute(sa.text('drop table a'))",
    ] {
        assert_eq!(sent(upgrade), ["drop table a"], "{upgrade}");
    }
}

#[test]
fn an_undecided_result_is_not_known() {
    let text = |body: &str| format!("def name():\n{body}\nop.drop_table(name())");
    assert_eq!(sent(&text("    return 'a'")), ["drop table a"]);
    assert_eq!(sent(&text("    if x: return 'b'\n    return 'a'")), ["?"]);
    assert_eq!(sent(&text("    if x: return 'b'\n    else: return 'a'")), ["?"]);
}

#[test]
fn a_downgrade_that_only_refuses_is_no_empty_one() {
    for (downgrade, expected) in [
        ("    raise NotImplementedError()", true),
        ("    if x: raise E()", true),
        ("    pass", false),
        ("    op.drop_table('a')\n    raise E()", false),
    ] {
        let text = format!("{HEAD}def upgrade():\n    pass\ndef downgrade():\n{downgrade}\n");
        let sources = sources_of(text.into_bytes());
        let embedded = sources.files[1].embedded.as_ref().expect("it is derived");
        assert_eq!(embedded.facts.has_unread_down, expected, "{downgrade}");
    }
}

fn reasons(text: String) -> Vec<String> {
    let sources = sources_of(text.into_bytes());
    let embedded = sources.files[1].embedded.as_ref().expect("it is derived");
    embedded.messages.iter().filter_map(|m| Some(m.gap.as_ref()?.reason.clone())).collect()
}

#[test]
fn what_is_not_read_of_a_file_is_said() {
    let good = "def upgrade():\n    op.drop_table('a')\n";
    assert_eq!(reasons(format!("{HEAD}{good}")), Vec::<String>::new());
    for broken in ["x = (1 +\n", "def f(:\n    pass\n", "x = = 1\n", "class A(:\n"] {
        let found = reasons(format!("{HEAD}{good}{broken}"));
        assert!(found.iter().any(|reason| reason.starts_with("the syntax")), "{broken}: {found:?}");
    }
    let found = reasons(format!("{HEAD}def upgrade():\n    op.execute('a' 'b',, )\n"));
    assert!(found.iter().any(|reason| reason.starts_with("the syntax")), "{found:?}");
    let found = reasons(format!("{HEAD}{good}# {}\n", "x".repeat(4 * 1024 * 1024)));
    assert!(found.iter().any(|reason| reason.contains("longer than 4 MiB")), "{found:?}");
}

#[test]
fn loops_in_loops_end_in_good_time_and_say_so() {
    let list = (0..200).map(|n| n.to_string()).collect::<Vec<_>>().join(", ");
    let text = format!(
        "{HEAD}L = [{list}]\ndef upgrade():\n    for a in L:\n        for b in L:\n            for c in L:\n                x = [a]\n    op.drop_table('a')\n"
    );
    let found = reasons(text);
    assert!(found.iter().any(|reason| reason.contains("more than is followed")), "{found:?}");
    let calls = "    op.drop_table('a')\n".repeat(20_000);
    let text = format!("{HEAD}def upgrade():\n{calls}");
    let sources = sources_of(text.into_bytes());
    assert_eq!(sources.files[1].text.matches("DROP TABLE").count(), 20_000);
    let mut nested = format!("{HEAD}def upgrade():\n    x = f(1)\n    y = [x]\n");
    for _ in 0..60 {
        nested.push_str("    x = f(x, x)\n    y = [y, y]\n");
    }
    nested.push_str("    op.execute(x)\n    op.execute(y)\n");
    assert!(!reasons(nested).is_empty());
}

//! Printing a tree and reading it again makes the same tree.

use super::query;
use crate::sql::tree::{Expr, Name, Query, Visit};

/// One expression in each line.
const EXPRESSIONS: &str = include_str!("expressions.txt");

/// One query in each line.
const QUERIES: &str = include_str!("queries.txt");

/// Returns the tree of a query; nothing for what is no statement.
fn read(sql: &str) -> Option<Query> {
    let tree = pg_query::parse(sql, 0).ok()?;
    Some(query(tree.protobuf.stmts.first()?.stmt.as_ref()?))
}

/// Returns the tree of an expression.
fn read_expression(sql: &str) -> Expr {
    let query = read(&format!("SELECT {sql}")).unwrap_or_else(|| panic!("syntax: {sql}"));
    query.targets().expect(sql)[0].value.clone()
}

fn print(query: &Query) -> (String, usize) {
    let mut walked = Vec::new();
    query.walk(&mut |name| walked.push(name));
    let mut printed: Vec<Visit<'_>> = Vec::new();
    let sql = query.to_sql(&mut |name| {
        printed.push(name);
        None
    });
    assert_eq!(walked, printed, "{sql}");
    (sql, printed.len())
}

fn check(sql: &str) {
    let first = read(sql).unwrap_or_else(|| panic!("syntax: {sql}"));
    let (printed, _) = print(&first);
    assert!(!format!("{first:?}").contains("Unknown,"), "{sql}\n{first:?}");
    let Some(second) = read(&printed) else { panic!("{sql}\n{printed}") };
    assert!(first == second, "{sql}\n{printed}\n{first:?}\n{second:?}");
}

#[test]
fn printed_expressions_are_the_same_when_read_again() {
    EXPRESSIONS.lines().for_each(|sql| check(&format!("SELECT {sql}")));
    EXPRESSIONS.lines().for_each(|sql| check(&format!("SELECT ({sql}) = ANY (x), NOT ({sql})")));
}

#[test]
fn printed_queries_are_the_same_when_read_again() {
    QUERIES.lines().for_each(check);
}

/// Trees are walked in two ways: one shows the names in order, the other lets them be changed.
#[test]
fn all_names_that_are_visited_can_be_changed() {
    let expressions = EXPRESSIONS.lines().map(|sql| format!("SELECT {sql}"));
    for sql in expressions.chain(QUERIES.lines().map(str::to_owned)) {
        let mut query = read(&sql).unwrap_or_else(|| panic!("syntax: {sql}"));
        let mut visited: Vec<String> = Vec::new();
        query.walk(&mut |name| {
            visited.extend(match name {
                Visit::Column(column) => Some(format!("{column:?}")),
                Visit::Using(column) => Some(format!("{column:?}")),
                Visit::Call(call) => Some(format!("{call:?}")),
                Visit::Type(of) => Some(format!("{of:?}")),
                Visit::Relation(name) | Visit::Target(name) | Visit::Collation(name) => {
                    Some(format!("{name:?}"))
                }
                Visit::RelationText(text) => Some(format!("{text:?}")),
                // Nobody changes these.
                Visit::Star(_)
                | Visit::Written(_)
                | Visit::Operator(..)
                | Visit::CommonTable(_)
                | Visit::Text(_) => None,
            });
        });
        let mut shown: Vec<String> = Vec::new();
        query.rename(&mut |name| match name {
            Name::Column(column) => shown.push(format!("{column:?}")),
            Name::Call(call) => shown.push(format!("{call:?}")),
            Name::Type(of) => shown.push(format!("{of:?}")),
            Name::Collation(name) => shown.push(format!("{name:?}")),
            Name::Relation(source) => shown.push(format!("{:?}", source.name)),
            Name::RelationText(text) => shown.push(format!("{text:?}")),
            Name::Using(columns) => {
                shown.extend(columns.into_iter().flatten().map(|column| format!("{column:?}")));
            }
            Name::Star(..) => {}
        });
        // The orders are not the same.
        visited.sort();
        shown.sort();
        assert_eq!(visited, shown, "{sql}");
    }
}

#[test]
fn any_two_operators_keep_their_operands() {
    let frames = [
        "{} + x",
        "x - {}",
        "{} * x",
        "x * {}",
        "x ^ {}",
        "- {}",
        "@ {}",
        "{} || x",
        "x || {}",
        "{} = x",
        "x < {}",
        "{} IS NULL",
        "{} IS TRUE",
        "x IS DISTINCT FROM {}",
        "{} IN (x)",
        "x LIKE {}",
        "{} LIKE x ESCAPE y",
        "x LIKE y ESCAPE {}",
        "{} BETWEEN x AND y",
        "x BETWEEN {} AND y",
        "x BETWEEN y AND {}",
        "NOT {}",
        "{} AND x",
        "x AND {}",
        "{} OR x",
        "x OR {}",
        "{}::text",
        "{} COLLATE \"C\"",
        "{} AT TIME ZONE x",
        "x AT TIME ZONE {}",
        "{} = ANY (x)",
        "x = ALL ({})",
        "{} IN (SELECT 1)",
        "({})[1]",
        "({}).f",
        "x[{}]",
        "x[{}:{}]",
        "f({})",
        "ARRAY[{}]",
        "ROW({})",
        "{} OPERATOR(s.+) x",
        "x OPERATOR(s.+) {}",
        "OPERATOR(s.+) {}",
        "{} IS JSON",
        "{} IS DOCUMENT",
        "position({} IN x)",
        "extract(year FROM {})",
        "CASE {} WHEN {} THEN {} ELSE {} END",
        "substring({} FROM {} FOR {})",
        "xmlexists({} PASSING x)",
        "sum({}) OVER (ROWS {} PRECEDING)",
        "{} IS NFC NORMALIZED",
        "({}, x) OVERLAPS (y, {})",
        "trim({} FROM {})",
        "x NOT IN ({})",
        "NOT x IN (SELECT {})",
        "-1",
        "(1, 2)",
        "1.5",
        "-x",
    ];
    for outer in frames {
        for inner in frames {
            let inner = format!("({})", inner.replace("{}", "a"));
            check(&format!("SELECT {}", outer.replace("{}", &inner)));
        }
    }
}

#[test]
fn simple_expressions_are_printed_as_one_writes_them() {
    let same = [
        "now()",
        "'x'::text",
        "a = 1",
        "a > 0 AND b < 10 OR c IS NULL",
        "price * 2 + tax",
        "lower(name)",
        "a ->> 'b'",
        "status IN ('a', 'b')",
        "a LIKE 'x%'",
        "COALESCE(a, 0)",
        "nextval('s'::regclass)",
        "NOT active",
        "NOT EXISTS (SELECT 1)",
        "a NOT IN (SELECT b FROM t)",
        "x BETWEEN 1 AND 10",
        "ARRAY[1, 2]",
        "CURRENT_TIMESTAMP",
        "x AT TIME ZONE 'utc'",
        "EXTRACT(year FROM d)",
        "a || ' ' || b",
        "-1",
        "(data ->> 'a')::integer",
        "a::character varying(10)",
        "a IS NOT NULL AND b IS NOT NULL",
    ];
    same.iter().for_each(|sql| assert_eq!(read_expression(sql).to_string(), *sql));
}

#[test]
fn names_of_with_are_no_relations() {
    let query = read(
        "WITH a AS (SELECT * FROM a), b AS (SELECT * FROM a, c) SELECT * FROM b, s.b, (WITH d AS (SELECT 1) TABLE d) x, d",
    );
    let names = query.expect("a query");
    let names: Vec<String> = names.relations().iter().map(ToString::to_string).collect();
    assert_eq!(names, ["a", "c", "s.b", "d"]);
    let query = read("WITH RECURSIVE a AS (SELECT * FROM a) SELECT * FROM a").expect("a query");
    assert!(query.relations().is_empty());
}

#[test]
fn replaced_names_keep_those_of_columns_and_tables() {
    let query =
        read("SELECT t.a, lower(a) AS x, nextval('s'), 'q'::regclass FROM t JOIN u USING (a)");
    let query = query.expect("a query");
    let sql = query.to_sql(&mut |name| match name {
        Visit::Column(column) => {
            Some(column.qualifier.iter().cloned().chain(["New".into()]).collect())
        }
        Visit::Relation(name) if *name.name == *"t" => Some(vec!["s".into(), "T2".into()]),
        Visit::Using(_) => Some(vec!["New".into()]),
        Visit::RelationText(_) => Some(vec!["z".into(), "S".into()]),
        _ => None,
    });
    assert_eq!(
        sql,
        "SELECT t.\"New\" AS a, lower(\"New\") AS x, nextval('z.\"S\"') AS nextval, 'z.\"S\"'::regclass AS regclass \
         FROM s.\"T2\" AS t JOIN u USING (\"New\")"
    );
}

#[test]
fn columns_have_the_names_that_the_server_gives_them() {
    let cases = [
        ("a", "a"),
        ("t.a", "a"),
        ("1", "?column?"),
        ("'x'::text", "text"),
        ("a::text", "a"),
        ("f(x)", "f"),
        ("CASE WHEN a THEN b ELSE c END", "c"),
        ("CASE WHEN a THEN b END", "case"),
        ("COALESCE(a)", "coalesce"),
        ("ARRAY[1]", "array"),
        ("(a).b", "b"),
        ("a[1]", "a"),
        ("EXISTS (SELECT 1)", "exists"),
        ("(SELECT b FROM t)", "b"),
        ("(SELECT 1)", "?column?"),
        ("a + b", "?column?"),
        ("current_date", "current_date"),
        ("ROW(1)", "row"),
        ("a COLLATE \"C\"", "a"),
        ("NULLIF(a, b)", "nullif"),
        ("1::int4", "int4"),
        ("1::integer", "int4"),
        ("xmlelement(name a)", "xmlelement"),
        ("a IS JSON", "?column?"),
        ("ARRAY(SELECT 1)", "array"),
    ];
    for (sql, name) in cases {
        let query = read(&format!("SELECT {sql}")).expect(sql);
        assert_eq!(query.targets().expect(sql)[0].column_name().as_deref(), Some(name), "{sql}");
    }
}

#[test]
fn trees_are_small_and_deep_ones_end() {
    assert!(size_of::<Expr>() <= 40);
    let deep = format!("SELECT {}1{}", "(1 + ".repeat(3000), ")".repeat(3000));
    let thread = std::thread::Builder::new().stack_size(crate::sql::STACK);
    let tree = thread.spawn(move || read(&deep)).expect("a thread").join().expect("no panic");
    assert!(tree.is_some_and(|query| query.to_string().contains('?')));
}

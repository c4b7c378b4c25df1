//! Printing a tree and reading it again makes the same tree.

use super::query;
use crate::sql::tree::{Expr, Query, Visit};

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

const EXPRESSIONS: &[&str] = &[
    "1",
    "-1",
    "- 1.5",
    "99999999999",
    "1e10",
    "NULL",
    "true",
    "'it''s'",
    r"E'a\nb\\'",
    "b'101'",
    "x'1F'",
    "a",
    "t.a",
    "s.t.a",
    "\"User\".\"select\"",
    "t",
    "$1",
    "a.b.c.d",
    "'x'::text",
    "x::int::text",
    "(-1)::int",
    "-1::int",
    "(a + b)::numeric(10, 2)",
    "CAST(a AS varchar(10))",
    "'1'::interval",
    "interval '1' day",
    "interval(3) '1'",
    "'1'::interval day to second(3)",
    "x::timestamptz(3)",
    "x::timestamp with time zone",
    "x::time(2) with time zone",
    "x::bit",
    "x::bit(3)",
    "x::bit varying(3)",
    "x::char",
    "x::char(3)",
    "x::bpchar",
    "x::pg_catalog.bpchar",
    "x::\"char\"",
    "x::int[]",
    "x::int[][]",
    "x::geometry(Point, 4326)",
    "x::public.geometry(Point, 4326)[]",
    "x::s.\"T\"",
    "x::float(3)",
    "x::dec",
    "x::jsonb",
    "x::json",
    "date '2020-01-01'",
    "x::national character varying(3)",
    "x::real",
    "'{}'::text[]",
    "now()",
    "pg_catalog.now()",
    "s.f(a, 1)",
    "f(VARIADIC a)",
    "f(a, x => 1)",
    "f(a, x := 1)",
    "count(*)",
    "count(DISTINCT a)",
    "array_agg(a ORDER BY b DESC NULLS LAST, c)",
    "sum(a) FILTER (WHERE b > 1)",
    "percentile_cont(0.5) WITHIN GROUP (ORDER BY x)",
    "row_number() OVER (PARTITION BY a ORDER BY b)",
    "sum(a) OVER w",
    "sum(a) OVER (w ORDER BY b)",
    "sum(a) OVER ()",
    "sum(a) OVER (ORDER BY b ROWS BETWEEN 1 PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE TIES)",
    "sum(a) OVER (RANGE UNBOUNDED PRECEDING)",
    "sum(a) OVER (ORDER BY b RANGE BETWEEN '1 day'::interval PRECEDING AND CURRENT ROW)",
    "sum(x) OVER (GROUPS CURRENT ROW EXCLUDE GROUP)",
    "extract(year from x)",
    "extract('year' from x)",
    "x at time zone 'utc'",
    "(x at time zone 'utc') at time zone z",
    "a at local",
    "(a || b) at time zone 'utc'",
    "x at time zone (a || b)",
    "position('a' in b)",
    "substring(a from 1 for 2)",
    "substring(a from 1)",
    "substring(a for 2)",
    "substring(a similar b escape c)",
    "overlay(a placing b from 1 for 2)",
    "overlay(a placing b from 1)",
    "trim(a)",
    "trim(both 'x' from a)",
    "trim(leading from a)",
    "trim(trailing 'x' from a)",
    "trim(a, b)",
    "normalize(a)",
    "normalize(a, nfkc)",
    "a is normalized",
    "a is not nfd normalized",
    "(a, b) overlaps (c, d)",
    "collation for (a)",
    "system_user",
    "left(a, 1)",
    "\"coalesce\"(a)",
    "\"cube\"(a)",
    "treat(a as text)",
    "current_date",
    "current_timestamp",
    "current_timestamp(3)",
    "localtime",
    "localtimestamp(2)",
    "current_time(1)",
    "current_user",
    "user",
    "session_user",
    "current_role",
    "current_catalog",
    "current_schema",
    "current_schema()",
    "a + b * c",
    "(a + b) * c",
    "a - (b - c)",
    "a - b - c",
    "a - -1",
    "-a",
    "-(-a)",
    "- (a + b)",
    "+a",
    "@ a",
    "@ -5",
    "a || b || c",
    "a || (b || c)",
    "a ^ b ^ c",
    "a ^ (b ^ c)",
    "a % b / c",
    "(a || b) + c",
    "a || b + c",
    "a -> 'b' ->> 'c'",
    "(a -> 'b') = 'c'",
    "a OPERATOR(pg_catalog.+) b * c",
    "(a * b) OPERATOR(pg_catalog.+) c",
    "OPERATOR(s.@) a",
    "a ? 'b'",
    "a @> '{}'",
    "a && b",
    "a ~ 'x'",
    "a ~~ b",
    "a !~~ b",
    "a = b",
    "(a = b) = c",
    "a <> b",
    "a != b",
    "a < b + 1",
    "a <= b AND c >= d",
    "a AND b AND c",
    "a AND (b AND c)",
    "a OR b AND c",
    "(a OR b) AND c",
    "NOT a",
    "NOT (a AND b)",
    "NOT a = b",
    "(NOT a) = b",
    "NOT NOT a",
    "a = (NOT b)",
    "a = ANY (b)",
    "a <> ALL (ARRAY[1, 2])",
    "a LIKE ANY (b)",
    "a + 1 = ANY (b)",
    "(a = ANY (b)) = c",
    "a IS NULL",
    "a = b IS NOT NULL",
    "(a IS NULL) IS NULL",
    "a IS TRUE",
    "a IS NOT UNKNOWN",
    "a > 1 IS NOT TRUE",
    "a IS DISTINCT FROM b",
    "a + 1 IS NOT DISTINCT FROM b || c",
    "(a IS NULL) = b",
    "a IN (1, 2)",
    "a NOT IN ('x')",
    "(a, b) IN ((1, 2), (3, 4))",
    "(a IN (1)) = b",
    "a BETWEEN 1 AND 2",
    "a NOT BETWEEN -1 AND b + 1",
    "a BETWEEN SYMMETRIC b + 1 AND c",
    "a NOT BETWEEN SYMMETRIC 1 AND 2 AND d",
    "a BETWEEN (b COLLATE \"C\") AND d",
    "a BETWEEN (b AND c) AND d",
    "a LIKE 'x%'",
    "a NOT LIKE b || '%'",
    "a ILIKE 'x' ESCAPE '!'",
    "a NOT ILIKE 'x'",
    "a SIMILAR TO 'x'",
    "a NOT SIMILAR TO 'x' ESCAPE '#'",
    "(a LIKE b) LIKE c",
    "a COLLATE \"C\"",
    "(a || b) COLLATE pg_catalog.\"C\" < c",
    "a COLLATE \"C\" || b",
    "-a COLLATE \"C\"",
    "CASE WHEN a THEN 1 ELSE 2 END",
    "CASE a WHEN 1 THEN b WHEN 2 THEN c END",
    "COALESCE(a, 1)",
    "GREATEST(a, b)",
    "LEAST(a, b)",
    "NULLIF(a, '')",
    "ROW(1, 2)",
    "(1, 2)",
    "ROW()",
    "ROW(a)",
    "ROW(t.*)",
    "ARRAY[1, 2]",
    "ARRAY[[1], [2]]",
    "ARRAY[]::int[]",
    "a[1]",
    "a[1][2:3]",
    "a[:]",
    "a[1:]",
    "a[b::int:c]",
    "t.a[1].b",
    "(a).b",
    "(a).*",
    "(t.a).b.c",
    "(f(x)).y",
    "(ARRAY[1, 2])[1]",
    "((a).b)[1]",
    "(a[1])[2]",
    "($1).a",
    "((SELECT b)).c",
    "(a || b)[1]",
    "(-1)[1]",
    "EXISTS (SELECT 1 FROM t)",
    "NOT EXISTS (SELECT 1)",
    "a IN (SELECT b FROM t)",
    "a NOT IN (SELECT b)",
    "a = ANY (SELECT 1)",
    "a <> ALL (SELECT 1)",
    "(SELECT 1)",
    "ARRAY(SELECT 1)",
    "a = ANY ((SELECT b)::int[])",
    "(a, b) = (SELECT 1, 2)",
    "a = (SELECT max(b) FROM t)",
    "(a IN (SELECT 1)) = b",
    "a || b IN (SELECT 1)",
    "GROUPING(a, b)",
    "nextval('s')",
    "nextval('s.\"S\"'::regclass)",
    "setval('s', 1, true)",
    "'t'::regclass",
    "nextval('s'::text)",
    "json_object('a': 1, 'b': 2)",
    "json_object('a' value b format json absent on null with unique returning jsonb)",
    "json_object(a, b)",
    "json_array(1, a null on null)",
    "json_array()",
    "json_array(SELECT 1 returning jsonb)",
    "json_objectagg(a: b absent on null) filter (where c) over (order by d)",
    "json_arrayagg(a order by b null on null returning text)",
    "json_exists(a, '$.x' passing b as c error on error)",
    "json_value(a, '$' returning int default 1 on empty null on error)",
    "json_query(a, '$' with unconditional wrapper keep quotes empty array on empty)",
    "json_query(a, '$' without wrapper omit quotes)",
    "json('{}' with unique keys)",
    "json_scalar(1)",
    "json_serialize(a returning bytea)",
    "a is json",
    "a is not json object with unique keys",
    "(a || b) is json array",
    "xmlconcat(a, b)",
    "xmlelement(name foo, xmlattributes(a, b as \"B\"), c, 'd')",
    "xmlelement(name \"a b\")",
    "xmlforest(a as b, c)",
    "xmlparse(document a preserve whitespace)",
    "xmlparse(content '<a/>')",
    "xmlpi(name php, 'x')",
    "xmlroot(a, version '1.0', standalone yes)",
    "xmlroot(a, version no value)",
    "xmlserialize(content a as text indent)",
    "a is document",
    "xmlexists('//a' passing b)",
    "a::text IS NOT DOCUMENT",
];

const QUERIES: &[&str] = &[
    "SELECT",
    "SELECT 1",
    "SELECT a AS b, c \"D\" FROM t",
    "SELECT *, t.* FROM s.t",
    "SELECT DISTINCT a FROM t",
    "SELECT DISTINCT ON (a, b) c FROM t",
    "TABLE t",
    "VALUES (1, 'a'), (2, 'b')",
    "VALUES (1) ORDER BY 1 LIMIT 1",
    "SELECT ALL a FROM ONLY t AS x (a, b)",
    "SELECT a FROM t x, s.u",
    "SELECT a FROM t JOIN u ON t.a = u.a",
    "SELECT * FROM t LEFT JOIN (u JOIN v USING (a)) ON true",
    "SELECT * FROM t NATURAL FULL JOIN u",
    "SELECT * FROM t CROSS JOIN u RIGHT JOIN v USING (a, b) AS w",
    "SELECT * FROM (t JOIN u USING (a)) AS x (p, q)",
    "SELECT * FROM t JOIN (SELECT 1) AS x ON true JOIN LATERAL (SELECT t.a) AS y ON true",
    "SELECT * FROM (VALUES (1)) AS v (a)",
    "SELECT * FROM (SELECT 1)",
    "SELECT * FROM generate_series(1, 2) AS g",
    "SELECT * FROM f(1) WITH ORDINALITY AS g (a, b)",
    "SELECT * FROM t, LATERAL f(t.a) x",
    "SELECT * FROM f() AS (a int, b text COLLATE \"C\")",
    "SELECT * FROM f() AS x (a int)",
    "SELECT * FROM ROWS FROM (f(1), g(2) AS (a int)) WITH ORDINALITY AS x",
    "SELECT * FROM current_date AS d",
    "SELECT * FROM CAST('1' AS int) AS d",
    "SELECT * FROM t TABLESAMPLE bernoulli (10) REPEATABLE (1)",
    "SELECT * FROM t AS x TABLESAMPLE s.m(1, 2)",
    "SELECT a, count(*) FROM t WHERE b GROUP BY a HAVING count(*) > 1",
    "SELECT 1 FROM t GROUP BY GROUPING SETS ((a, b), ROLLUP (a), CUBE (a, (b, c)), ())",
    "SELECT 1 FROM t GROUP BY DISTINCT a, ()",
    "SELECT sum(a) OVER w FROM t WINDOW w AS (PARTITION BY b), v AS (w ORDER BY c)",
    "SELECT a FROM t ORDER BY a USING <, b ASC NULLS FIRST LIMIT 10 OFFSET 5",
    "SELECT a FROM t LIMIT ALL",
    "SELECT a FROM t ORDER BY a FETCH FIRST 5 ROWS WITH TIES",
    "SELECT a FROM t OFFSET 2 FETCH FIRST ROW ONLY",
    "SELECT a FROM t FOR UPDATE OF t NOWAIT FOR SHARE SKIP LOCKED",
    "SELECT a FROM t FOR NO KEY UPDATE",
    "SELECT a FROM t FOR KEY SHARE",
    "SELECT 1 UNION SELECT 2 UNION ALL SELECT 3",
    "SELECT 1 UNION (SELECT 2 UNION ALL SELECT 3)",
    "SELECT 1 INTERSECT SELECT 2 EXCEPT SELECT 3",
    "(SELECT 1 EXCEPT SELECT 2) INTERSECT SELECT 3",
    "SELECT 1 EXCEPT SELECT 2 INTERSECT ALL SELECT 3",
    "(SELECT 1 LIMIT 1) UNION (SELECT 2 ORDER BY 1) ORDER BY 1 LIMIT 3",
    "(WITH a AS (SELECT 1) SELECT 1) UNION SELECT 2",
    "VALUES (1) UNION TABLE t",
    "WITH a AS (SELECT 1), b (x, y) AS MATERIALIZED (SELECT * FROM a) SELECT * FROM a, b, s.a",
    "WITH RECURSIVE a (n) AS NOT MATERIALIZED (SELECT 1 UNION ALL SELECT n + 1 FROM a) SELECT * FROM a",
    "WITH RECURSIVE a AS (SELECT 1) SEARCH DEPTH FIRST BY x, y SET o CYCLE x SET c USING p SELECT * FROM a",
    "WITH RECURSIVE a AS (SELECT 1) CYCLE x, y SET c TO 'Y' DEFAULT 'N' USING p SELECT * FROM a",
    "WITH RECURSIVE a AS (SELECT 1) SEARCH BREADTH FIRST BY x SET o SELECT 1",
    "WITH i AS (INSERT INTO t AS x (a, b[1], c.d) OVERRIDING SYSTEM VALUE VALUES (1, DEFAULT) ON CONFLICT (a, lower(b) COLLATE \"C\" text_ops) WHERE c DO UPDATE SET (a, b) = (SELECT 1, 2), c = excluded.c WHERE d RETURNING *) SELECT * FROM i",
    "WITH i AS (INSERT INTO t DEFAULT VALUES RETURNING WITH (OLD AS o, NEW AS n) o.a, n.b) SELECT 1",
    "WITH i AS (INSERT INTO t SELECT 1 ON CONFLICT ON CONSTRAINT c DO NOTHING) SELECT 1",
    "WITH u AS (UPDATE ONLY t SET a = 1, (b, c) = ROW(1, DEFAULT), d[1] = 2 FROM u JOIN v USING (a) WHERE t.a = u.a RETURNING t.a AS x) SELECT 1",
    "WITH d AS (DELETE FROM t AS x USING u WHERE x.a = u.a RETURNING 1) TABLE d",
    "WITH m AS (MERGE INTO t USING u AS s ON t.a = s.a WHEN MATCHED AND s.b THEN UPDATE SET a = 1 WHEN MATCHED THEN DELETE WHEN NOT MATCHED BY SOURCE THEN DO NOTHING WHEN NOT MATCHED THEN INSERT (a, b) OVERRIDING USER VALUE VALUES (1, 2) WHEN NOT MATCHED THEN INSERT DEFAULT VALUES RETURNING merge_action(), t.a) SELECT 1 FROM m",
    "SELECT * FROM json_table(a, '$[*]' AS p PASSING 1 AS x COLUMNS (id FOR ORDINALITY, b int PATH '$.b' DEFAULT 1 ON EMPTY, c text EXISTS PATH '$.c' ERROR ON ERROR, NESTED PATH '$.d' AS n COLUMNS (e jsonb FORMAT JSON WITH WRAPPER, f text OMIT QUOTES)) ERROR ON ERROR) AS jt",
    "SELECT * FROM xmltable(xmlnamespaces('u' AS x, DEFAULT 'd'), '/a/b' PASSING c COLUMNS id FOR ORDINALITY, a int PATH 'a' || 'b' DEFAULT 1 NOT NULL, b text) AS t (p)",
    "SELECT * FROM t, LATERAL xmltable('/a' PASSING (t.x || y) COLUMNS a int)",
    "SELECT a FROM t WHERE EXISTS (WITH x AS (SELECT 1) SELECT FROM x WHERE x.a = t.a)",
    "SELECT sum(a) + 1 AS \"order\" FROM \"T\" AS \"group\"",
    "DELETE FROM t",
    "UPDATE t SET a = DEFAULT",
];

#[test]
fn printed_expressions_are_the_same_when_read_again() {
    EXPRESSIONS.iter().for_each(|sql| check(&format!("SELECT {sql}")));
    EXPRESSIONS.iter().for_each(|sql| check(&format!("SELECT ({sql}) = ANY (x), NOT ({sql})")));
}

#[test]
fn printed_queries_are_the_same_when_read_again() {
    QUERIES.iter().for_each(|sql| check(sql));
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
    let names = query.unwrap();
    let names: Vec<String> = names.relations().iter().map(ToString::to_string).collect();
    assert_eq!(names, ["a", "c", "s.b", "d"]);
    let query = read("WITH RECURSIVE a AS (SELECT * FROM a) SELECT * FROM a").unwrap();
    assert!(query.relations().is_empty());
}

#[test]
fn replaced_names_keep_those_of_columns_and_tables() {
    let query =
        read("SELECT t.a, lower(a) AS x, nextval('s'), 'q'::regclass FROM t JOIN u USING (a)");
    let query = query.unwrap();
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

//! What migrations of Rails send.

use super::super::{SourceFile, derive, has_mark, is_candidate};
use crate::source::FileId;

fn derived(text: &str) -> SourceFile {
    let host = SourceFile::new("db/migrate/20240101000000_orders.rb", text.to_owned());
    assert!(is_candidate(&host.path) && has_mark(host.text.as_bytes()));
    derive(&[(FileId(0), &host)]).pop().expect("each host file has one")
}

fn statements(file: &SourceFile) -> Vec<String> {
    let embedded = file.embedded.as_ref().expect("it is derived");
    let script = crate::sql::parse(file, embedded.up);
    script.items.iter().map(|item| file.slice(item.span()).trim().to_owned()).collect()
}

fn class(body: &str) -> SourceFile {
    derived(&format!("class Orders < ActiveRecord::Migration[7.1]\n{body}\nend\n"))
}

fn up(body: &str) -> Vec<String> {
    statements(&class(&format!("  def up\n{body}\n  end")))
}

fn reasons(body: &str) -> Vec<String> {
    let file = class(&format!("  def up\n{body}\n  end"));
    let embedded = file.embedded.as_ref().expect("it is derived");
    let gaps = embedded.messages.iter().filter_map(|message| message.gap.as_ref());
    gaps.map(|gap| gap.reason.clone()).collect()
}

#[test]
fn literals_are_read_as_ruby_reads_them() {
    for (literal, sql) in [
        ("'select 1'", "select 1"),
        (r"'select \'a\\b\n\''", r"select 'a\b\n'"),
        (r#""select '\x41\u00e9\u{e9}\n\q'""#, "select 'Aéé\nq'"),
        ("\"select '#{name}'\"", "select '{{name}}'"),
        ("'select ' + '1'", "select 1"),
        ("'select ' \\\n '1'", "select 1"),
        ("\"select \" \"1\"", "select 1"),
        ("%q{select '#{x}'}", "select '#{x}'"),
        ("%{select 1}", "select 1"),
        ("%Q(select (1))", "select (1)"),
        ("(%q[select 1])", "select 1"),
        ("['select 1', 'select 2'].join(' union ')", "select 1 union select 2"),
        ("<<~SQL\n      select 1,\n        2\n    SQL\n", "select 1,\n  2"),
        ("<<-SQL\n      select 1\n    SQL\n", "select 1"),
        ("<<SQL\nselect 1\nSQL\n", "select 1"),
        ("(<<~'SQL')\n    select '\\a#{b}'\n  SQL\n", "select '\\a#{b}'"),
        ("<<~SQL.squish\n    select 1 -- no\n    from a\n  SQL\n", "select 1"),
        ("<<~\"SQL\".strip\n    select '#{a}'\n  SQL\n", "select '{{a}}'"),
    ] {
        assert_eq!(up(&format!("execute {literal}")), [sql], "{literal}");
        assert_eq!(up(&format!("connection.execute({literal})")).len(), 1, "{literal}");
    }
}

#[test]
fn the_indentation_of_a_squiggly_text_is_taken_away() {
    let body = "execute <<~SQL\n    select $$\n      a\n\n    b #{c}\n    $$\n  SQL";
    assert_eq!(up(body), ["select $$\n  a\n\nb {{c}}\n$$"]);
}

#[test]
fn loops_blocks_and_methods_are_followed_in_order() {
    for body in [
        "execute 'drop table a'; execute('drop table b')",
        "%w[a b].each do |t|\n execute \"drop table #{t}\"\n end",
        "[:a, :b].each { |t| execute 'drop table ' + t.to_s }",
        "safety_assured { execute 'drop table a' }\n safety_assured do\n execute 'drop table b'\n end",
        "suppress_messages { execute 'drop table a' }\n ActiveRecord::Base.connection.execute 'drop table b'",
        "say_with_time('x') { execute 'drop table a' }\n self.execute 'drop table b'",
        "execute <<~A\n drop table a\n A\n execute(<<~B)\n drop table b\n B",
        "t = 'a'\n execute \"drop table #{t}\"\n u = 'b'\n execute \"drop table #{u}\"",
        "begin\n execute 'drop table a'\n ensure\n execute 'drop table b'\n end",
        "execute 'drop table a' unless false\n execute 'drop table b' if true",
        "reversible do |dir|\n dir.up { execute 'drop table a' }\n dir.down { execute 'x' }\n end\n up_only { execute 'drop table b' }",
    ] {
        assert_eq!(up(body), ["drop table a", "drop table b"], "{body}");
    }
    let file = class(
        "  NAME = 'b'.freeze\n  def up\n    drop('a')\n    execute(text)\n  end\n  def drop(t)\n    execute \"drop table #{t}\"\n  end\n  def text = <<~SQL\n    drop table #{NAME}\n  SQL",
    );
    assert_eq!(statements(&file), ["drop table a", "drop table b"]);
}

#[test]
fn what_is_not_known_is_said() {
    for body in [
        "execute sql",
        "execute File.read('a.sql')",
        "execute 'drop table a' if Rails.env.production?",
        "execute 'drop table a' unless table_exists?(:a)",
        "names.each { |t| execute \"drop table #{t}\" }",
        "frobnicate :a",
        "connection.frobnicate",
        "revert OldOne",
        "case x\n when 1 then execute 'a'\n end",
        "execute 'a' % [1]",
        "User.find_each { |user| user.update!(a: 1) }",
        "User.where(a: 1).update_all(a: 2)",
        "begin\n raise 'x'\n rescue\n execute 'select 1'\n end",
    ] {
        assert_eq!(reasons(body).len(), 1, "{body}: {:?}", reasons(body));
    }
    for body in ["say 'x'", "User.reset_column_information", "puts 'a' if x?", "raise 'a'"] {
        assert!(reasons(body).is_empty(), "{body}: {:?}", reasons(body));
    }
}

#[test]
fn transactions_of_the_migration_itself_are_kept() {
    let file = class(
        "  disable_ddl_transaction!\n  def change\n transaction { execute 'select 1' }\n  end",
    );
    assert_eq!(statements(&file), ["BEGIN", "select 1", "COMMIT"]);
    let facts = &file.embedded.as_ref().expect("it is derived").facts;
    assert!(facts.without_transaction.is_some());
    assert_eq!(up("transaction { execute 'select 1' }"), ["select 1"]);
}

#[test]
fn what_rails_takes_back_by_itself_is_no_missing_down() {
    for (change, is_made) in [
        ("execute 'select 1'", false),
        ("up_only { execute 'select 1' }", true),
        ("remove_column :a, :b", false),
        ("remove_column :a, :b, :string", true),
        ("drop_table :a", false),
        ("change_column_default :a, :b, from: 1, to: 2", true),
    ] {
        let file = class(&format!("  def change\n {change}\n  end"));
        let facts = &file.embedded.as_ref().expect("it is derived").facts;
        assert_eq!(facts.has_unread_down, is_made, "{change}");
    }
}

#[test]
fn any_text_is_read() {
    for text in ["<<~SQL", "execute <<~A, <<~B\n x\n", "def up\n execute \"#{", "\u{0}", "%w["] {
        derived(&format!("class A < ActiveRecord::Migration[7.0]\n{text}"));
    }
    let deep = "[".repeat(5000) + &"if a\n".repeat(5000);
    derived(&format!("class A < ActiveRecord::Migration[7.0]\n def up\n {deep}"));
}

#[test]
fn calls_are_translated_as_rails_sends_them() {
    for (call, sql) in [
        (
            "add_column :orders, :state, :string, limit: 20, default: 'open', null: false",
            vec!["ALTER TABLE orders ADD state character varying(20) DEFAULT 'open' NOT NULL"],
        ),
        ("add_column 'a.b', :at, :datetime", vec!["ALTER TABLE a.b ADD at timestamp(6)"]),
        (
            "add_column :a, :at, :datetime, default: -> { 'now()' }",
            vec!["ALTER TABLE a ADD at timestamp(6) DEFAULT now()"],
        ),
        ("remove_column :a, :b, :string", vec!["ALTER TABLE a DROP COLUMN b"]),
        ("remove_columns :a, :b, :c", vec!["ALTER TABLE a DROP COLUMN b, DROP COLUMN c"]),
        (
            "change_column :a, :b, :integer, limit: 8, using: 'b::bigint'",
            vec!["ALTER TABLE a ALTER COLUMN b TYPE bigint USING b::bigint"],
        ),
        (
            "change_column_null :a, :b, false, 0",
            vec!["UPDATE a SET b=0 WHERE b IS NULL", "ALTER TABLE a ALTER COLUMN b SET NOT NULL"],
        ),
        (
            "change_column_default :a, :b, from: 1, to: nil",
            vec!["ALTER TABLE a ALTER COLUMN b DROP DEFAULT"],
        ),
        (
            "add_index :a, [:b, :c], unique: true, algorithm: :concurrently, where: 'd > 0'",
            vec!["CREATE UNIQUE INDEX CONCURRENTLY index_a_on_b_and_c ON a (b, c) WHERE d > 0"],
        ),
        (
            "add_index :a, 'lower(b)', name: :x, using: :btree",
            vec!["CREATE INDEX x ON a USING btree (lower(b))"],
        ),
        ("remove_index :a, name: 'x', algorithm: :concurrently", vec!["DROP INDEX CONCURRENTLY x"]),
        (
            "add_foreign_key :articles, :authors, on_delete: :cascade, validate: false",
            vec![
                "ALTER TABLE articles ADD CONSTRAINT fk_rails_e74ce85cbc FOREIGN KEY (author_id) REFERENCES authors (id) ON DELETE CASCADE NOT VALID",
            ],
        ),
        ("validate_check_constraint :a, name: 'b'", vec!["ALTER TABLE a VALIDATE CONSTRAINT b"]),
        (
            "add_check_constraint :users, 'email IS NOT NULL', validate: false",
            vec![
                "ALTER TABLE users ADD CONSTRAINT chk_rails_8d5dc0bde6 CHECK (email IS NOT NULL) NOT VALID",
            ],
        ),
        ("drop_table :a, if_exists: true", vec!["DROP TABLE IF EXISTS a"]),
        (
            "add_reference :articles, :author, foreign_key: true, null: false",
            vec![
                "ALTER TABLE articles ADD author_id bigint NOT NULL",
                "CREATE INDEX index_articles_on_author_id ON articles (author_id)",
                "ALTER TABLE articles ADD CONSTRAINT fk_rails_e74ce85cbc FOREIGN KEY (author_id) REFERENCES authors (id)",
            ],
        ),
        (
            "create_table :articles do |t|\n t.string :a, :b\n t.references :author, foreign_key: true\n t.integer :c, index: { unique: true }\n t.timestamps\n t.index [:a, :b]\n end",
            vec![
                "CREATE TABLE articles (\n    id bigserial NOT NULL PRIMARY KEY,\n    a character varying,\n    b character varying,\n    author_id bigint,\n    c integer,\n    created_at timestamp(6) NOT NULL,\n    updated_at timestamp(6) NOT NULL,\n    CONSTRAINT fk_rails_e74ce85cbc FOREIGN KEY (author_id) REFERENCES authors (id)\n)",
                "CREATE INDEX index_articles_on_author_id ON articles (author_id)",
                "CREATE UNIQUE INDEX index_articles_on_c ON articles (c)",
                "CREATE INDEX index_articles_on_a_and_b ON articles (a, b)",
            ],
        ),
        (
            "create_table(:a, id: :uuid, force: :cascade) { |t| t.decimal :b, precision: 8, scale: 2 }",
            vec![
                "DROP TABLE IF EXISTS a CASCADE",
                "CREATE TABLE a (\n    id uuid DEFAULT gen_random_uuid() NOT NULL PRIMARY KEY,\n    b decimal(8,2)\n)",
            ],
        ),
    ] {
        assert_eq!(up(call), sql, "{call}");
        assert!(reasons(call).is_empty(), "{call}: {:?}", reasons(call));
    }
}

#[test]
fn calls_that_are_not_translated_whole_are_not_translated() {
    for call in [
        "add_column :a, :b, :frob",
        "add_column :a, b, :string",
        "add_column :a, :b, :string, frob: 1",
        "remove_index :a, :b",
        "add_foreign_key :a, :news",
        "add_index :a, :b, opclass: :gin_trgm_ops",
        "add_reference :a, :b, polymorphic: true",
        "create_table :a do |t|\n t.frob :b\n end",
        "create_table :a do |t|\n t.string :b if c?\n end",
        "change_table :a do |t|\n t.string :b\n end",
        "rename_table :a, :b",
    ] {
        assert_eq!(reasons(call).len(), 1, "{call}: {:?}", reasons(call));
    }
}

/// Returns what a body sends, with a question mark for what was not analysed.
fn sent(body: &str) -> Vec<String> {
    let of = |statement: String| match statement.starts_with("--") {
        true => "?".to_owned(),
        false => statement,
    };
    up(body).into_iter().map(of).collect()
}

#[test]
fn what_may_not_be_reached_is_not_taken_as_certain() {
    for (body, expected) in [
        ("return if x\nexecute 'a'", &["?"][..]),
        ("return unless table_exists?(:a)\nexecute 'a'", &["?"]),
        ("if x\n return\nelse\n return\nend\nexecute 'a'", &[]),
        ("raise 'no' if x\nexecute 'a'", &["a"]),
        ("%w[a b].each do |t|\n next if x\n execute t\nend\nexecute 'c'", &["?", "c"]),
        ("%w[a b].each do |t|\n next if t == 'a'\n execute t\nend", &["b"]),
        ("%w[a b].each do |t|\n break if t == 'b'\n execute t\nend", &["a"]),
        ("for t in %w[a b]\n break if t == 'b'\n execute t\nend", &["a"]),
        (
            "begin\n execute 'a'\nrescue\n return\nensure\n execute 'c'\nend\nexecute 'b'",
            &["a", "c", "?"],
        ),
        ("case x\nwhen 1\n return\nwhen 2\n execute 'a'\nend\nexecute 'b'", &["?", "?"]),
        ("execute 'a' while x\nexecute 'b'", &["?", "b"]),
        ("begin\n execute 'a'\nend until x\nexecute 'b'", &["?", "b"]),
        ("execute('a') rescue nil\nexecute 'b'", &["a", "b"]),
        ("y rescue return\nexecute 'b'", &["?"]),
    ] {
        assert_eq!(sent(body), expected, "{body}");
    }
}

#[test]
fn a_value_that_was_changed_is_not_the_one_before() {
    for (steps, expected) in [
        ("c = ['a']\nc << 'b'", "a, b"),
        ("c = ['a']\nc.push('b')", "a, b"),
        ("c = ['a']\nd = c\nd << 'b'", "a, b"),
        ("c = ['a']\nc += ['b']", "a, b"),
        ("c = ['a']\nc.concat(['b'])", "?"),
        ("c = ['a']\nc.map! { |y| y }", "?"),
        ("c = ['a']\nc[0] = 'b'", "?"),
        ("c = ['a']\nc << 'b' if x", "?"),
        ("c = ['a']\n%w[b c].each { |y| c << y }", "?"),
        ("c = ['a']\nc, *d = x", "?"),
        ("c = ['a']\n(c, d), e = x", "?"),
        ("c = ['a']\nc ||= ['b']", "?"),
        ("c = ['a']\nif (c = x)\nend", "?"),
        ("c = x ? ['a'] : ['b']", "?"),
        ("c = true ? ['a'] : ['b']", "a"),
        ("c = [['a'], ['b']][1]", "b"),
        ("d = { 'k' => ['a'] }\nd['k'] = ['b']\nc = d['k']", "b"),
        ("d = { k: ['a'] }\nd[:k] << 'b'\nc = d[:k]", "?"),
    ] {
        let found = sent(&format!("{steps}\nexecute c.join(', ')"));
        assert_eq!(found.last().map(String::as_str), Some(expected), "{steps}: {found:?}");
    }
    assert_eq!(sent("s = +'a'\ns << ' b'\nexecute s"), ["?"]);
}

#[test]
fn no_call_is_lost_in_an_expression() {
    for body in [
        "x && execute('a')",
        "y = x && execute('a')",
        "y = x ? execute('a') : nil",
        "x ? execute('a') : nil",
        "retrying { execute 'a' }",
        "send(:execute, 'a')",
        "public_send(name, 'a')",
        "method(:execute).call('a')",
        "%w[a b].each(&method(:execute))",
        "Filler.new(self).run",
        "y = Filler.run(connection)",
        "x.each { |t| execute t }",
        "%w[a b].each_with_index { |t, i| execute t }",
        "%w[a b].each_slice(2) { |t| execute t.first }",
        "y = \"#{execute('a')}\"",
        "y = [*retrying(self)]",
        "y = !retrying(self)",
        "y = -retrying(self)",
        "while retrying(self)\nend",
        "case retrying(self)\nwhen 1\nend",
        "y = begin\n execute 'a'\nend",
        "y = if x then execute 'a' end",
        "y = (execute('a'); 1)",
        "super",
        "yield",
        "eval 'execute 1'",
        "loop do\n execute 'a'\n break\nend",
        "1.times { execute 'a' }",
        "ActiveRecord::Base.connection_pool.with_connection { |c| c.execute 'a' }",
    ] {
        let found = sent(body);
        assert!(!found.is_empty(), "{body}: {found:?}");
    }
}

//! What migrations of Rails send.

use super::super::{SourceFile, derive, has_mark, is_candidate};
use crate::source::FileId;

fn derived(text: &str) -> SourceFile {
    let host = SourceFile::new("db/migrate/20240101000000_orders.rb", text.to_owned());
    assert!(is_candidate(&host.path) && has_mark(host.text.as_bytes()));
    derive(&host, FileId(0))
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

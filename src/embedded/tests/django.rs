//! What Django's migrations know of other apps.

use super::*;

const HEAD: &str =
    "from django.db import migrations, models\nclass Migration(migrations.Migration):\n";

/// Returns the SQL of migrations, each given by its path, what it depends on, and its operations.
fn derived(files: &[(&str, &str, &str)]) -> Vec<String> {
    let hosts = files.iter().map(|(path, dependencies, operations)| {
        let text =
            format!("{HEAD}    dependencies = [{dependencies}]\n    operations = [{operations}]\n");
        SourceFile::from_bytes(*path, text.into_bytes())
    });
    let hosts: Vec<SourceFile> = hosts.collect();
    let hosts: Vec<(FileId, &SourceFile)> = (0..).map(FileId).zip(&hosts).collect();
    derive(&hosts).into_iter().map(|file| file.text.clone()).collect()
}

fn item(table: &str, kind: &str) -> String {
    format!(
        "migrations.CreateModel('Item', [('id', models.{kind}(primary_key=True))], options={{'db_table': '{table}'}})"
    )
}

const ORDER: &str =
    "migrations.CreateModel('Order', [('item', models.ForeignKey('stock.item', models.CASCADE))])";

#[test]
fn the_app_of_the_same_project_is_meant() {
    let (one, other) = (item("one", "UUIDField"), item("other", "IntegerField"));
    let needs = "('stock', '0001_a')";
    let found = derived(&[
        ("a/stock/migrations/0001_a.py", "", &one),
        ("b/stock/migrations/0001_a.py", "", &other),
        ("a/shop/migrations/0001_a.py", needs, ORDER),
        ("b/shop/migrations/0001_a.py", needs, ORDER),
        ("shop/migrations/0001_a.py", needs, ORDER),
    ]);
    assert!(found[2].contains("\"item_id\" uuid"), "{}", found[2]);
    assert!(found[2].contains("REFERENCES \"one\""), "{}", found[2]);
    assert!(found[3].contains("\"item_id\" integer"), "{}", found[3]);
    assert!(found[3].contains("REFERENCES \"other\""), "{}", found[3]);
    // It may be either.
    assert!(found[4].contains("REFERENCES {{table}}"), "{}", found[4]);
}

#[test]
fn no_table_is_made_up_for_a_model_that_is_not_there() {
    let found = derived(&[("shop/migrations/0001_a.py", "('stock', '0001_a')", ORDER)]);
    assert!(found[0].contains("\"item_id\" {{type}}"), "{}", found[0]);
    assert!(found[0].contains("REFERENCES {{table}}"), "{}", found[0]);
}

#[test]
fn a_model_whose_table_changes_is_not_known() {
    let made = item("one", "UUIDField");
    let moved = "migrations.AlterModelTable('item', 'two')";
    let found = derived(&[
        ("stock/migrations/0001_a.py", "", &made),
        ("stock/migrations/0002_b.py", "('stock', '0001_a')", moved),
        ("shop/migrations/0001_a.py", "('stock', '0001_a')", ORDER),
    ]);
    assert!(found[2].contains("REFERENCES {{table}}"), "{}", found[2]);
}

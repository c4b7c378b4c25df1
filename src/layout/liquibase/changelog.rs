//! Changelogs in XML, YAML and JSON: what they include, in which order.

use quick_xml::events::{BytesStart, Event};
use saphyr::{LoadableYamlNode, Yaml};
use serde_json::Value;

/// Something that a changelog names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A file: another changelog, or SQL.
    Include { path: String, is_relative: bool },
    /// All files of a folder.
    IncludeAll { path: String, is_relative: bool },
    /// A file of SQL that a changeset of the changelog runs.
    SqlFile { path: String, is_relative: bool, changeset: Changeset },
}

/// The changeset of a changelog that runs a file of SQL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Changeset {
    pub(super) author: String,
    pub(super) id: String,
    pub(super) dbms: Option<String>,
    pub(super) is_without_transaction: bool,
    pub(super) runs_again: bool,
    /// Whether the file is sent as it is, not cut into statements.
    pub(super) is_whole: bool,
    /// Whether the file takes the changeset back.
    pub(super) is_rollback: bool,
}

/// Reads a changelog; nothing for a file that is none.
pub(super) fn read(name: &str, text: &str) -> Option<Vec<Step>> {
    if !text.contains("databaseChangeLog") {
        return None;
    }
    match name.rsplit_once('.')?.1.to_ascii_lowercase().as_str() {
        "xml" => read_xml(text),
        "yaml" | "yml" => {
            let documents = Yaml::load_from_str(text).ok()?;
            read_list(&to_json(documents.first()?))
        }
        "json" => read_list(&serde_json::from_str(text).ok()?),
        _ => None,
    }
}

/// Returns a YAML node as JSON, so that both are read alike.
fn to_json(node: &Yaml) -> Value {
    if let Some(items) = node.as_sequence() {
        return Value::Array(items.iter().map(to_json).collect());
    }
    if let Some(pairs) = node.as_mapping() {
        let key = |node: &Yaml| node.as_str().unwrap_or_default().to_owned();
        return Value::Object(pairs.iter().map(|(k, v)| (key(k), to_json(v))).collect());
    }
    if let Some(value) = node.as_bool() {
        return Value::Bool(value);
    }
    if let Some(number) = node.as_integer() {
        return Value::String(number.to_string());
    }
    node.as_str().map_or(Value::Null, |text| Value::String(text.to_owned()))
}

/// Reads the list below `databaseChangeLog`.
fn read_list(changelog: &Value) -> Option<Vec<Step>> {
    let entries = changelog.get("databaseChangeLog")?.as_array()?;
    let mut steps = Vec::new();
    for entry in entries {
        if let Some(include) = entry.get("include") {
            let (path, is_relative) = place(include, "file");
            steps.push(Step::Include { path, is_relative });
        } else if let Some(include) = entry.get("includeAll") {
            let (path, is_relative) = place(include, "path");
            steps.push(Step::IncludeAll { path, is_relative });
        } else if let Some(changeset) = entry.get("changeSet") {
            read_changeset(changeset, &mut steps);
        }
    }
    Some(steps)
}

fn read_changeset(changeset: &Value, steps: &mut Vec<Step>) {
    let own = Changeset {
        author: text(changeset, "author"),
        id: text(changeset, "id"),
        dbms: Some(text(changeset, "dbms")).filter(|dbms| !dbms.is_empty()),
        is_without_transaction: is(changeset, "runInTransaction", false),
        runs_again: is(changeset, "runOnChange", true) || is(changeset, "runAlways", true),
        ..Changeset::default()
    };
    for (key, is_rollback) in [("changes", false), ("rollback", true)] {
        let changes = changeset.get(key).and_then(Value::as_array);
        for file in changes.into_iter().flatten().filter_map(|change| change.get("sqlFile")) {
            let (path, is_relative) = place(file, "path");
            let is_whole = is(file, "splitStatements", false);
            let changeset = Changeset { is_whole, is_rollback, ..own.clone() };
            steps.push(Step::SqlFile { path, is_relative, changeset });
        }
    }
}

fn place(value: &Value, key: &str) -> (String, bool) {
    (text(value, key), is(value, "relativeToChangelogFile", true))
}

fn text(value: &Value, key: &str) -> String {
    match value.get(key) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    }
}

/// Returns whether a key has that value, as a boolean or as its word.
fn is(value: &Value, key: &str, wanted: bool) -> bool {
    match value.get(key) {
        Some(Value::Bool(found)) => *found == wanted,
        Some(Value::String(found)) => found.eq_ignore_ascii_case(&wanted.to_string()),
        _ => false,
    }
}

fn read_xml(text: &str) -> Option<Vec<Step>> {
    let mut reader = quick_xml::Reader::from_str(text);
    let mut steps = Vec::new();
    let mut changeset = Changeset::default();
    let mut is_rollback = false;
    loop {
        match reader.read_event().ok()? {
            Event::Eof => return Some(steps),
            Event::Start(element) | Event::Empty(element) => {
                let attribute = |name: &str| attribute(&element, name);
                let is = |name: &str, wanted: &str| {
                    attribute(name).is_some_and(|value| value.eq_ignore_ascii_case(wanted))
                };
                let is_relative = is("relativeToChangelogFile", "true");
                match local_name(element.name().as_ref()) {
                    "include" => {
                        let path = attribute("file").unwrap_or_default();
                        steps.push(Step::Include { path, is_relative });
                    }
                    "includeAll" => {
                        let path = attribute("path").unwrap_or_default();
                        steps.push(Step::IncludeAll { path, is_relative });
                    }
                    "changeSet" => {
                        is_rollback = false;
                        changeset = Changeset {
                            author: attribute("author").unwrap_or_default(),
                            id: attribute("id").unwrap_or_default(),
                            dbms: attribute("dbms"),
                            is_without_transaction: is("runInTransaction", "false"),
                            runs_again: is("runOnChange", "true") || is("runAlways", "true"),
                            ..Changeset::default()
                        };
                    }
                    "rollback" => is_rollback = true,
                    "sqlFile" => {
                        let path = attribute("path").unwrap_or_default();
                        let is_whole = is("splitStatements", "false");
                        let changeset = Changeset { is_whole, is_rollback, ..changeset.clone() };
                        steps.push(Step::SqlFile { path, is_relative, changeset });
                    }
                    _ => {}
                }
            }
            Event::End(element) if local_name(element.name().as_ref()) == "rollback" => {
                is_rollback = false;
            }
            _ => {}
        }
    }
}

fn local_name(name: &str) -> &str {
    name.rsplit(':').next().unwrap_or(name)
}

fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let found = element.attributes().flatten().find(|found| found.key.as_ref() == name)?;
    Some(found.value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_kinds_of_changelog_say_the_same() {
        let xml = r#"<?xml version="1.0"?>
            <databaseChangeLog xmlns="http://www.liquibase.org/xml/ns/dbchangelog">
              <include file="a.sql" relativeToChangelogFile="true"/>
              <includeAll path="db/more"/>
              <changeSet id="7" author="me" runInTransaction="false">
                <sqlFile path="b.sql" splitStatements="false"/>
                <rollback><sqlFile path="c.sql"/></rollback>
              </changeSet>
            </databaseChangeLog>"#;
        let yaml = "databaseChangeLog:\n- include:\n    file: a.sql\n    relativeToChangelogFile: true\n\
            - includeAll:\n    path: db/more\n- changeSet:\n    id: 7\n    author: me\n    runInTransaction: false\n    \
            changes:\n    - sqlFile:\n        path: b.sql\n        splitStatements: false\n    \
            rollback:\n    - sqlFile:\n        path: c.sql\n";
        let json = r#"{"databaseChangeLog": [
            {"include": {"file": "a.sql", "relativeToChangelogFile": true}},
            {"includeAll": {"path": "db/more"}},
            {"changeSet": {"id": "7", "author": "me", "runInTransaction": false,
              "changes": [{"sqlFile": {"path": "b.sql", "splitStatements": "false"}}],
              "rollback": [{"sqlFile": {"path": "c.sql"}}]}}]}"#;
        let expected = read("m.xml", xml).expect("it is a changelog");
        assert_eq!(expected.len(), 4);
        assert_eq!(read("m.yaml", yaml).as_ref(), Some(&expected));
        assert_eq!(read("m.json", json).as_ref(), Some(&expected));
    }

    #[test]
    fn what_is_no_changelog_is_none() {
        for (name, text) in [
            ("a.yaml", "databaseChangeLog: [}"),
            ("a.yaml", "a: b"),
            ("a.xml", "<databaseChangeLog"),
            ("a.json", "databaseChangeLog"),
            ("a.txt", "databaseChangeLog"),
        ] {
            assert_eq!(read(name, text), None, "{text}");
        }
    }
}

//! What `create extension` brings.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::cast::BuiltinCast;
use super::function::{BuiltinFunction, functions_of};
use super::operator::{BuiltinOperator, operators_of};
use super::operator_class::{AccessMethod, Equality, OperatorClass};
use super::relation::BuiltinRelation;
use super::table::{Fact, Fields, Versions, holding, lines};
use super::types::{BuiltinType, find_type};
use crate::version::PgVersion;

/// An extension: one that comes with the server, or another that is widely used.
///
/// Types that it brings are spelled with `@` where a fact uses them, and without in
/// [`types`](Self::types). So are those of an extension that it requires.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extension {
    /// Its name.
    pub name: &'static str,
    /// Whether it may bring more than the facts say.
    ///
    /// Such extensions do not come with the server, or need what the server at hand did not have: what
    /// is here is certain, what is not here is unknown.
    pub is_opaque: bool,
    headers: Vec<Header>,
    types: Vec<BuiltinType>,
    functions: Vec<BuiltinFunction>,
    casts: Vec<BuiltinCast>,
    operators: Vec<BuiltinOperator>,
    operator_classes: Vec<OperatorClass>,
    equalities: Vec<Equality>,
    access_methods: Vec<AccessMethod>,
    relations: Vec<BuiltinRelation>,
    others: Vec<Other>,
}

/// What the control file says.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Header {
    flags: &'static str,
    schema: Option<&'static str>,
    requires: &'static str,
    versions: Versions,
}

/// Something else that an extension brings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Other {
    /// What it is: `language`, `foreign data wrapper`, `schema`, `text search dictionary`,
    /// `text search template`.
    pub kind: &'static str,
    /// Its name.
    pub name: &'static str,
    /// When it is there.
    pub versions: Versions,
}

impl Fact for Header {
    fn read(versions: Versions, fields: &mut Fields) -> Self {
        Self { flags: fields.take(), schema: fields.take_some(), requires: fields.take(), versions }
    }

    fn versions(&self) -> Versions {
        self.versions
    }
}

impl Fact for Other {
    fn read(versions: Versions, fields: &mut Fields) -> Self {
        Self { kind: fields.take(), name: fields.take(), versions }
    }

    fn versions(&self) -> Versions {
        self.versions
    }
}

impl Extension {
    /// Returns whether it can be installed on a version.
    pub fn is_available(&self, version: PgVersion) -> bool {
        self.header(version).is_some()
    }

    /// Returns whether its objects may be moved to another schema later.
    pub fn is_relocatable(&self, version: PgVersion) -> bool {
        self.header(version).is_some_and(|header| header.flags.contains('r'))
    }

    /// Returns whether it needs no superuser, but only the privilege to create in the database.
    pub fn is_trusted(&self, version: PgVersion) -> bool {
        self.header(version).is_some_and(|header| header.flags.contains('t'))
    }

    /// Returns the schema that it is always in; `None` if `create extension` chooses: with
    /// `schema`, or else the first of the `search_path`.
    pub fn schema(&self, version: PgVersion) -> Option<&'static str> {
        self.header(version)?.schema
    }

    /// Returns the extensions that it needs, and that `cascade` installs.
    pub fn requires(&self, version: PgVersion) -> impl Iterator<Item = &'static str> + use<> {
        let requires = self.header(version).map_or("", |header| header.requires);
        requires.split_ascii_whitespace()
    }

    /// Returns its types, arrays of them as well, without `@`.
    pub fn types(&self, version: PgVersion) -> impl Iterator<Item = &BuiltinType> {
        holding(&self.types, version)
    }

    /// Returns its type with a name.
    pub fn type_named(&self, name: &str, version: PgVersion) -> Option<&BuiltinType> {
        find_type(&self.types, name, version)
    }

    /// Returns its functions.
    pub fn functions(&self, version: PgVersion) -> impl Iterator<Item = &BuiltinFunction> {
        holding(&self.functions, version)
    }

    /// Returns its functions with a name.
    pub fn functions_named<'extension>(
        &'extension self,
        name: &str,
        version: PgVersion,
    ) -> impl Iterator<Item = &'extension BuiltinFunction> + use<'extension> {
        holding(functions_of(&self.functions, name), version)
    }

    /// Returns the casts that it makes.
    pub fn casts(&self, version: PgVersion) -> impl Iterator<Item = &BuiltinCast> {
        holding(&self.casts, version)
    }

    /// Returns its operators.
    pub fn operators(&self, version: PgVersion) -> impl Iterator<Item = &BuiltinOperator> {
        holding(&self.operators, version)
    }

    /// Returns its operators with a name.
    pub fn operators_named<'extension>(
        &'extension self,
        name: &str,
        version: PgVersion,
    ) -> impl Iterator<Item = &'extension BuiltinOperator> + use<'extension> {
        holding(operators_of(&self.operators, name), version)
    }

    /// Returns its operator classes, for types of its own and for others.
    pub fn operator_classes(&self, version: PgVersion) -> impl Iterator<Item = &OperatorClass> {
        holding(&self.operator_classes, version)
    }

    /// Returns its operator class for a type, spelled as the facts do (`@citext`, `text`), that is
    /// taken if none is named.
    pub fn default_operator_class(
        &self,
        spelling: &str,
        method: &str,
        version: PgVersion,
    ) -> Option<&OperatorClass> {
        self.operator_classes(version)
            .find(|class| class.is_default && class.input == spelling && class.method == method)
    }

    /// Returns the equality operators that it adds to btree operator families.
    pub fn equalities(&self, version: PgVersion) -> impl Iterator<Item = &Equality> {
        holding(&self.equalities, version)
    }

    /// Returns its access methods.
    pub fn access_methods(&self, version: PgVersion) -> impl Iterator<Item = &AccessMethod> {
        holding(&self.access_methods, version)
    }

    /// Returns its tables and views.
    pub fn relations(&self, version: PgVersion) -> impl Iterator<Item = &BuiltinRelation> {
        holding(&self.relations, version)
    }

    /// Returns what else it brings.
    pub fn others(&self, version: PgVersion) -> impl Iterator<Item = &Other> {
        holding(&self.others, version)
    }

    fn header(&self, version: PgVersion) -> Option<&Header> {
        holding(&self.headers, version).next()
    }

    fn add(&mut self, kind: &str, versions: Versions, fields: &mut Fields) {
        match kind {
            "extension" => self.headers.push(Header::read(versions, fields)),
            "types" => self.types.push(Fact::read(versions, fields)),
            "functions" => self.functions.push(Fact::read(versions, fields)),
            "casts" => self.casts.push(Fact::read(versions, fields)),
            "operators" => self.operators.push(Fact::read(versions, fields)),
            "operator_classes" => self.operator_classes.push(Fact::read(versions, fields)),
            "equalities" => self.equalities.push(Fact::read(versions, fields)),
            "access_methods" => self.access_methods.push(Fact::read(versions, fields)),
            "relations" => self.relations.push(Fact::read(versions, fields)),
            "others" => self.others.push(Fact::read(versions, fields)),
            _ => self.is_opaque = true,
        }
    }
}

static EXTENSIONS: LazyLock<BTreeMap<&'static str, Extension>> = LazyLock::new(|| {
    let mut extensions = BTreeMap::new();
    let shipped = lines(include_str!("data/extensions.tsv"));
    for (versions, mut fields) in shipped.chain(lines(include_str!("data/other_extensions.tsv"))) {
        let name = fields.take();
        let unknown = Extension { name, ..Extension::default() };
        let extension: &mut Extension = extensions.entry(name).or_insert(unknown);
        extension.add(fields.take(), versions, &mut fields);
    }
    extensions
});

/// Returns all extensions of which something is known, by name.
pub fn extensions() -> impl Iterator<Item = &'static Extension> {
    EXTENSIONS.values()
}

/// Returns what is known about an extension; `None` if nothing is, so that it may bring anything.
pub fn extension(name: &str) -> Option<&'static Extension> {
    EXTENSIONS.get(name)
}

#[cfg(test)]
mod tests {
    use super::super::table::pg;
    use super::*;

    #[test]
    fn facts_are_sorted_and_spelled() {
        for extension in EXTENSIONS.values() {
            let name = extension.name;
            assert!(extension.types.is_sorted_by_key(|fact| fact.spelling), "{name}");
            assert!(extension.functions.is_sorted_by_key(|fact| fact.name), "{name}");
            assert!(extension.operators.is_sorted_by_key(|fact| fact.name), "{name}");
            assert!(!extension.headers.is_empty(), "{name}");
            for class in &extension.operator_classes {
                assert!(class.versions.first >= 12 && !class.input.is_empty(), "{name}");
            }
        }
    }

    #[test]
    fn an_extension_says_what_it_brings() {
        let citext = extension("citext").unwrap();
        assert!(citext.is_available(pg(12)) && !citext.is_opaque);
        assert!(!citext.is_trusted(pg(12)) && citext.is_trusted(pg(13)));
        assert_eq!(citext.schema(pg(15)), None);
        assert_eq!(citext.type_named("citext", pg(15)).unwrap().category, 'S');
        assert!(citext.type_named("_citext", pg(15)).is_some());
        assert!(citext.default_operator_class("@citext", "btree", pg(15)).is_some());
        assert!(citext.casts(pg(15)).any(|cast| (cast.source, cast.target) == ("@citext", "text")));
        assert!(citext.equalities(pg(15)).any(|equality| equality.left == "@citext"));

        let uuid = extension("uuid-ossp").unwrap();
        assert_eq!(uuid.functions_named("uuid_generate_v4", pg(15)).count(), 1);
        let statements = extension("pg_stat_statements").unwrap();
        assert!(statements.relations(pg(15)).any(|found| found.name == "pg_stat_statements"));
        let distance = extension("earthdistance").unwrap();
        assert_eq!(distance.requires(pg(15)).collect::<Vec<_>>(), ["cube"]);
        let trigrams = extension("pg_trgm").unwrap();
        let is_class = |class: &OperatorClass| class.name == "gin_trgm_ops" && !class.is_default;
        assert!(trigrams.operator_classes(pg(15)).any(is_class));
        let btree_gist = extension("btree_gist").unwrap();
        assert!(btree_gist.default_operator_class("int4", "gist", pg(15)).is_some());
        assert!(extension("bloom").unwrap().access_methods(pg(15)).any(|am| am.name == "bloom"));
        assert!(!extension("adminpack").unwrap().is_available(pg(17)));
        assert_eq!(extension("nothing_like_it"), None);
    }

    #[test]
    fn extensions_that_servers_do_not_ship_are_opaque() {
        let vector = extension("vector").unwrap();
        assert!(vector.is_opaque && vector.is_available(pg(18)));
        assert!(vector.type_named("halfvec", pg(15)).is_some());
        assert!(vector.type_named("_vector", pg(15)).is_some());
        assert!(vector.access_methods(pg(15)).any(|method| method.name == "hnsw"));
        assert_eq!(extension("pg_cron").unwrap().schema(pg(15)), Some("pg_catalog"));
        assert!(extension("pg_cron").unwrap().others(pg(15)).any(|other| other.name == "cron"));
        assert!(extension("postgis").unwrap().type_named("geometry", pg(15)).is_some());
    }
}

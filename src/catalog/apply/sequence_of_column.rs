//! The sequence of a `serial` or identity column.

use crate::catalog::depend::{Part, Strength};
use crate::catalog::object::{Class, ObjectId, Relation, RelationKind};
use crate::catalog::{Catalog, Env, Sequence, made_name, naming};
use crate::sql::RelationName;

impl Catalog {
    /// Makes the sequence of a `serial` or identity column.
    #[expect(clippy::too_many_arguments, reason = "all of it decides what the sequence is")]
    pub(super) fn make_sequence(
        &mut self,
        table: ObjectId,
        column: u16,
        column_name: &str,
        chosen: Option<&RelationName>,
        data_type: &str,
        is_identity: bool,
        env: &Env,
    ) {
        let Some(of) = self.by_id(table) else { return };
        let (table_name, temporary, unlogged) = (of.name.clone(), of.temporary, of.unlogged);
        let name = match chosen {
            Some(name) => made_name(name, temporary, &env.path),
            None => table_name.sibling(naming::choose(
                &table_name.name,
                Some(column_name),
                "seq",
                |name| self.relation_names.contains_key(&table_name.sibling(name)),
            )),
        };
        let id = self.next_id(Class::Relation);
        let mut sequence = Relation::new(id, name, RelationKind::Sequence, env.origin);
        (sequence.temporary, sequence.unlogged) = (temporary, unlogged);
        sequence.extra_mut().sequence =
            Some(Sequence::new(data_type, Some((table, column)), is_identity));
        self.insert(sequence);
        self.depend((id, Part::Whole), (table, Part::Column(column)), Strength::Auto);
        if !is_identity {
            let default = (table, Part::Default(column));
            self.depend(default, (id, Part::Whole), Strength::Normal);
        }
    }
}

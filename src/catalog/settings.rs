//! What sequences and columns have beyond their definitions.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::object::ObjectId;

/// What a sequence is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sequence {
    /// The type of its values.
    pub data_type: Arc<str>,
    /// The table that owns it, and the number of the column.
    pub owned_by: Option<(ObjectId, u16)>,
    /// Whether it is the sequence of an identity column.
    pub is_identity: bool,
    /// Its other options, where a statement gives them: `increment by`, `minvalue`, `maxvalue`,
    /// `start with`, `cache`; `cycle` has no value.
    pub options: BTreeMap<Arc<str>, Arc<str>>,
}

impl Sequence {
    /// Makes a sequence without further options.
    pub(super) fn new(
        data_type: &str,
        owned_by: Option<(ObjectId, u16)>,
        is_identity: bool,
    ) -> Self {
        let options = BTreeMap::new();
        Self { data_type: data_type.into(), owned_by, is_identity, options }
    }

    /// Takes over the options of a statement, each as `name value`. One that makes the sequence counts
    /// from the limit that it is given; one that changes it leaves where it starts.
    pub(super) fn set_options(&mut self, given: &[String], is_new: bool) {
        if !is_new && !given.is_empty() && !self.options.contains_key("start with") {
            let down = self.options.get("increment by").is_some_and(|by| by.starts_with('-'));
            let limit = self.options.get(if down { "maxvalue" } else { "minvalue" }).cloned();
            let start = limit.unwrap_or_else(|| if down { "-1".into() } else { "1".into() });
            self.options.insert("start with".into(), start);
        }
        for option in given.iter().filter(|option| !option.starts_with("restart")) {
            match option.split_once(' ') {
                None => drop(self.options.insert(option.as_str().into(), "".into())),
                Some(("no", name)) => drop(self.options.remove(name)),
                Some(_) => {
                    if let Some((name, value)) = option.rsplit_once(' ') {
                        self.options.insert(name.into(), value.into());
                    }
                }
            }
        }
        for name in ["increment by", "cache"] {
            if self.options.get(name).is_some_and(|value| **value == *"1") {
                self.options.remove(name);
            }
        }
        if self.options.get("start with").is_some_and(|start| **start == *"1")
            && !self.options.contains_key("minvalue")
            && !self.options.get("increment by").is_some_and(|by| by.starts_with('-'))
        {
            self.options.remove("start with");
        }
    }

    /// Returns its other options as a statement spells them.
    pub fn spelled_options(&self) -> Vec<String> {
        let spelled = |(name, value): (&Arc<str>, &Arc<str>)| match &**value {
            "" => name.to_string(),
            value => format!("{name} {value}"),
        };
        self.options.iter().map(spelled).collect()
    }
}

/// What a column has beyond its definition, where a statement gives it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ColumnSettings {
    /// How the server stores large values, in lower case.
    pub storage: Option<Arc<str>>,
    /// How it compresses them, in lower case.
    pub compression: Option<Arc<str>>,
    /// How many values the planner samples.
    pub statistics: Option<i32>,
}

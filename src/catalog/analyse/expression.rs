//! The types of expressions, and what they need.

use std::sync::Arc;

use super::super::depend::Part;
use super::super::{TypeKind, builtin};
use super::Analyser;
use super::overload::Candidate;
use super::scope::{ItemColumn, Scope};
use super::types::{Key, Known, Value, builtin_type};
use crate::sql::tree::{
    Case, Cast, Expr, Operator, OperatorKind, Part as Piece, Step, Subquery, SubqueryKind, Syntax,
    Type, ValueFunction,
};
use crate::sql::{RelationName, TypeName};

impl Analyser<'_> {
    /// Returns the type of a value, and notes what it needs.
    pub(super) fn expr(&mut self, scope: &Scope, expression: &Expr) -> Value {
        match expression {
            Expr::Unknown => self.lose(),
            Expr::Column(column) => self.column(scope, column),
            Expr::Star(qualifier) => match &**qualifier {
                [table] => {
                    let item = self.item_named(scope, None, table);
                    item.map_or(Value::Unknown, |item| self.row(&item))
                }
                _ => self.lose(),
            },
            Expr::Null | Expr::String(_) => Value::Literal,
            Expr::Integer(_) | Expr::Grouping(_) => {
                if let Expr::Grouping(items) = expression {
                    self.each(scope, items);
                }
                builtin_type("int4")
            }
            Expr::Float(text) => match text.parse::<i64>() {
                Ok(_) => builtin_type("int8"),
                Err(_) => builtin_type("numeric"),
            },
            Expr::BitString(_) => builtin_type("bit"),
            Expr::Parameter(_) | Expr::Default => Value::Unknown,
            Expr::Cast(cast) => self.cast(scope, cast),
            Expr::Call(call) => self.call(scope, call).value.plain(),
            Expr::Named { value, .. } => self.expr(scope, value),
            Expr::Operator(operator) => self.operator(scope, operator),
            Expr::And(items) | Expr::Or(items) => {
                self.each(scope, items);
                builtin_type("bool")
            }
            Expr::Bool(_) => builtin_type("bool"),
            Expr::Not(value) | Expr::IsNull { value, .. } | Expr::Is { value, .. } => {
                self.expr(scope, value);
                builtin_type("bool")
            }
            Expr::Case(case) => self.case(scope, case),
            Expr::Coalesce(items) | Expr::Greatest(items) | Expr::Least(items) => {
                let values = self.all(scope, items);
                self.common(&values)
            }
            Expr::Row { items, .. } => {
                self.each(scope, items);
                builtin_type("record")
            }
            Expr::List(items) | Expr::GroupingSet { items, .. } => {
                self.each(scope, items);
                Value::Unknown
            }
            Expr::Array(items) => {
                let values = self.all(scope, items);
                let common = self.common(&values).settled();
                self.array_of(&common, true)
            }
            Expr::Indirection { value, steps } => {
                let (row, value) = self.row_of(scope, value);
                match (&row, steps.split_first()) {
                    (Some(row), Some((Step::Field(name), rest))) => {
                        let field = row.iter().find(|field| field.name == *name);
                        let value = field.map_or(Value::Unknown, |field| self.take(field));
                        self.steps(scope, value, rest)
                    }
                    _ => self.steps(scope, value, steps),
                }
            }
            Expr::Collate(collate) => self.expr(scope, &collate.value).settled(),
            Expr::Value { function, precision } => value_type(*function, *precision),
            Expr::Subquery(subquery) => self.subquery(scope, subquery),
            Expr::Syntax(syntax) => self.syntax(scope, syntax),
        }
    }

    /// Returns the fields of a row, where they are known, and its type.
    pub(super) fn row_of(
        &mut self,
        scope: &Scope,
        expression: &Expr,
    ) -> (Option<Vec<ItemColumn>>, Value) {
        let Expr::Call(call) = expression else {
            let value = self.expr(scope, expression);
            return (self.fields(&value), value);
        };
        let called = self.call(scope, call);
        let named = |(name, value)| ItemColumn { name, value, sources: Vec::new() };
        let fields = match called.outputs.len() {
            0 | 1 => self.fields(&called.value),
            _ => Some(called.outputs.into_iter().map(named).collect()),
        };
        (fields, called.value)
    }

    pub(super) fn all(&mut self, scope: &Scope, expressions: &[Expr]) -> Vec<Value> {
        expressions.iter().map(|expression| self.expr(scope, expression)).collect()
    }

    /// Brings values to one type, which is then the one of the literals.
    pub(super) fn common(&mut self, values: &[Value]) -> Value {
        let common = self.types.common(values);
        if values.contains(&Value::Literal) {
            self.literal_becomes(&common);
        }
        common
    }

    /// Notes that a constant of this type is made.
    pub(super) fn literal_becomes(&mut self, value: &Value) {
        if let Some(Key::Own(id) | Key::OwnArray(id)) = self.types.key(value) {
            self.needs.insert((id, Part::Whole));
        }
    }

    /// Returns a type that is named, and notes that it is needed.
    pub(super) fn needed_type(&mut self, of: &Type) -> Value {
        let value = self.types.named(&of.name);
        if let Some(id) = value.known().and_then(|known| known.id) {
            self.needs.insert((id, Part::Whole));
        }
        value
    }

    fn cast(&mut self, scope: &Scope, cast: &Cast) -> Value {
        if let Expr::String(text) = &cast.value
            && *cast.to.name.name == *"regclass"
            && cast.to.name.dimensions == 0
        {
            self.relation_text(text);
            return builtin_type("regclass");
        }
        let from = self.expr(scope, &cast.value);
        let to = self.types.named(&cast.to.name);
        let is_same = self.types.key(&from).is_some_and(|key| Some(key) == self.types.key(&to));
        if is_same { to } else { self.needed_type(&cast.to) }
    }

    /// Notes the relation that a string names.
    pub(super) fn relation_text(&mut self, text: &str) {
        let fold = |text: &str| -> Arc<str> {
            match text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
                Some(quoted) => quoted.replace("\"\"", "\"").into(),
                None => text.to_lowercase().into(),
            }
        };
        let name = match text.rsplit_once('.') {
            Some((schema, name)) => RelationName { schema: Some(fold(schema)), name: fold(name) },
            None => RelationName::unqualified(fold(text)),
        };
        if let Some(id) = self.types.catalog.find_if_exists(&name, self.types.env) {
            self.needs.insert((id, Part::Whole));
        }
    }

    fn case(&mut self, scope: &Scope, case: &Case) -> Value {
        let operand = case.operand.as_ref().map(|operand| self.expr(scope, operand));
        let mut results = vec![Value::Literal];
        for (condition, result) in &case.branches {
            let condition = self.expr(scope, condition);
            if let Some(operand) = &operand {
                self.compare(operand, &condition);
            }
            results.push(self.expr(scope, result));
        }
        if let Some(otherwise) = &case.otherwise {
            results[0] = self.expr(scope, otherwise);
        }
        self.common(&results)
    }

    /// Returns the type of an array of a type; one of arrays is an array with more dimensions.
    pub(super) fn array_of(&self, value: &Value, is_constructor: bool) -> Value {
        let Some(key) = self.types.key(value) else { return Value::Unknown };
        if is_constructor && self.types.element(key).is_some() {
            return value.clone();
        }
        let (Some(array), Some(known)) = (self.types.array(key), value.known()) else {
            return Value::Unknown;
        };
        let Value::Of(plain) = self.types.value(array) else { return Value::Unknown };
        let modifiers = known.name.modifiers.clone();
        let name = Arc::new(TypeName { modifiers, ..(*plain.name).clone() });
        Value::Of(Known { name, id: plain.id })
    }

    /// Returns the type of an element or a slice of a value.
    pub(super) fn subscripted(&self, value: &Value, is_element: bool) -> Value {
        let (Some(key), Some(known)) = (self.types.key(value), value.known()) else {
            return Value::Unknown;
        };
        let key = self.types.base(key);
        if key == Key::Builtin("jsonb") {
            return builtin_type("jsonb");
        }
        let Some(element) = self.types.element(key) else { return Value::Unknown };
        let target = if is_element { element } else { key };
        let Value::Of(plain) = self.types.value(target) else { return Value::Unknown };
        let modifiers = known.name.modifiers.clone();
        let name = Arc::new(TypeName { modifiers, ..(*plain.name).clone() });
        Value::Of(Known { name, id: plain.id })
    }

    fn operator(&mut self, scope: &Scope, operator: &Operator) -> Value {
        use OperatorKind::{
            All, Any, Between, BetweenSymmetric, Distinct, ILike, In, Like, NotBetween,
            NotBetweenSymmetric, NotDistinct, NullIf, Plain, Similar,
        };
        let left = operator.left.as_ref().map(|left| self.expr(scope, left));
        if let Some(Expr::List(items)) = &operator.right {
            for value in self.all(scope, items) {
                left.iter().for_each(|left| self.compare(left, &value));
            }
            return builtin_type("bool");
        }
        let right = operator.right.as_ref().map(|right| self.expr(scope, right));
        match operator.kind {
            Plain => {}
            NullIf => {
                let (Some(left), Some(right)) = (left, right) else { return Value::Unknown };
                return self.null_if(left, &right);
            }
            Any | All => {
                if let (Some(left), Some(right)) = (&left, &right) {
                    match right {
                        Value::Literal => self.literal_becomes(&self.array_of(left, false)),
                        right => self.compare(left, &self.subscripted(right, true)),
                    }
                }
                return builtin_type("bool");
            }
            Distinct | NotDistinct | In | Like | ILike | Similar | Between | NotBetween
            | BetweenSymmetric | NotBetweenSymmetric => {
                if let (Some(left), Some(right)) = (&left, &right) {
                    self.compare(left, right);
                }
                return builtin_type("bool");
            }
        }
        if let (Some(left), Some(right)) = (&left, &right) {
            self.compare(left, right);
        }
        self.operator_result(&operator.name, left.as_ref(), right.as_ref())
            .map_or(Value::Unknown, |(value, _)| value)
    }

    /// Notes the type that a literal gets where it is compared with a value.
    fn compare(&mut self, left: &Value, right: &Value) {
        for (literal, other) in [(left, right), (right, left)] {
            let Some(Key::Own(id) | Key::OwnArray(id)) = self.types.key(other) else { continue };
            let found = self.types.catalog.type_by_id(id);
            let is_domain = found.is_some_and(|found| matches!(found.kind, TypeKind::Domain(_)));
            if *literal == Value::Literal && !is_domain {
                self.needs.insert((id, Part::Whole));
            }
        }
    }

    fn null_if(&mut self, left: Value, right: &Value) -> Value {
        self.compare(&left, right);
        let found = self.operator_result("=", Some(&left), Some(right));
        let Some((_, Some(taken))) = found else { return Value::Unknown };
        match (self.types.key(&left), taken) {
            (Some(key), Key::Builtin(spelling)) if spelling.starts_with("any") => match key {
                Key::Literal => Value::Unknown,
                _ => left,
            },
            (Some(key), taken) if key == taken => left,
            (_, taken) => self.types.value(taken),
        }
    }

    /// Returns the type of what an operator results in, and the type that it takes on its left.
    fn operator_result(
        &self,
        name: &str,
        left: Option<&Value>,
        right: Option<&Value>,
    ) -> Option<(Value, Option<Key>)> {
        let version = self.types.env.version;
        let wanted = (left.is_some(), right.is_some());
        let mut all = Vec::new();
        let mut add = |operator: &builtin::BuiltinOperator| {
            if (operator.left.is_some(), operator.right.is_some()) != wanted {
                return;
            }
            let sides = operator.left.into_iter().chain(operator.right);
            let sides: Option<Vec<Key>> = sides.map(|side| self.types.key_of(side)).collect();
            if let Some(arguments) = sides {
                let result = self.types.spelled(operator.result);
                all.push(Candidate { arguments, result, outputs: Vec::new(), id: None });
            }
        };
        builtin::operators_named(name, version).for_each(&mut add);
        for extension in self.extensions() {
            extension.operators_named(name, version).for_each(&mut add);
        }
        let values = left.into_iter().chain(right);
        let inputs: Option<Vec<Key>> = values.map(|value| self.types.key(value)).collect();
        let Some(inputs) = inputs else {
            let first = all.first()?.result.clone();
            let same = all.iter().all(|candidate| candidate.result == first);
            let is_plain =
                !matches!(self.types.key(&first), Some(Key::Builtin(s)) if s.starts_with("any"));
            return (same && is_plain).then_some((first, None));
        };
        let chosen =
            self.exact_operator(&inputs, &all).or_else(|| self.types.choose(&inputs, all))?;
        let result = self.types.result(&chosen, &chosen.result, &inputs);
        Some((result, chosen.arguments.first().copied()))
    }

    /// Returns the operator that takes a literal for what the other side is.
    fn exact_operator(&self, inputs: &[Key], all: &[Candidate]) -> Option<Candidate> {
        let known = match inputs {
            [Key::Literal, known] | [known, Key::Literal] if *known != Key::Literal => *known,
            _ => return None,
        };
        let exact = |key: Key| all.iter().find(|c| c.arguments == [key, key]).cloned();
        exact(known).or_else(|| exact(self.types.base(known)))
    }

    /// Returns the facts about the extensions that are installed.
    pub(super) fn extensions(&self) -> impl Iterator<Item = &'static builtin::Extension> {
        let others = self.types.catalog.others();
        let installed = others.filter(|other| other.kind == crate::sql::ObjectKind::Extension);
        installed.filter_map(|other| builtin::extension(&other.name.name))
    }

    fn subquery(&mut self, scope: &Scope, subquery: &Subquery) -> Value {
        let test = subquery.test.as_ref().map(|test| self.expr(scope, test));
        let outputs = self.query(scope, &subquery.query);
        let first = outputs.columns.first().filter(|_| outputs.complete);
        let first = first.map_or(Value::Unknown, |column| column.value.clone().settled());
        match subquery.kind {
            SubqueryKind::Exists | SubqueryKind::Any | SubqueryKind::All => {
                test.iter().for_each(|test| self.compare(test, &first));
                builtin_type("bool")
            }
            SubqueryKind::Scalar => first,
            SubqueryKind::Array => self.array_of(&first, true),
        }
    }

    fn syntax(&mut self, scope: &Scope, syntax: &Syntax) -> Value {
        for part in &syntax.parts {
            match part {
                Piece::Word(_) | Piece::Name(_) => {}
                Piece::Expr(value) | Piece::Tight(value) => {
                    self.expr(scope, value);
                }
                Piece::Type(of) => {
                    self.needed_type(of);
                }
                Piece::Query(query) => {
                    self.query(scope, query);
                }
                Piece::OrderBy(sorts) => self.sorts(scope, sorts),
                Piece::Over(window) => self.window(scope, window),
            }
        }
        match syntax.name {
            "xmlelement" | "xmlforest" | "xmlconcat" | "xmlparse" | "xmlpi" | "xmlroot" => {
                builtin_type("xml")
            }
            _ => Value::Unknown,
        }
    }
}

fn value_type(function: ValueFunction, precision: Option<i32>) -> Value {
    use ValueFunction::{
        CurrentCatalog, CurrentDate, CurrentRole, CurrentSchema, CurrentTime, CurrentTimestamp,
        CurrentUser, LocalTime, LocalTimestamp, SessionUser, User,
    };
    let value = builtin_type(match function {
        CurrentDate => "date",
        CurrentTime => "timetz",
        CurrentTimestamp => "timestamptz",
        LocalTime => "time",
        LocalTimestamp => "timestamp",
        CurrentRole | CurrentUser | User | SessionUser | CurrentCatalog | CurrentSchema => "name",
    });
    match (value, precision) {
        (Value::Of(known), Some(precision)) => {
            let name = TypeName { modifiers: vec![precision], ..(*known.name).clone() };
            Value::Of(Known { name: Arc::new(name), id: None })
        }
        (value, _) => value,
    }
}

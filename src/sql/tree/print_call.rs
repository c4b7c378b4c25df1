//! Prints calls and operators.

use super::print::{Printer, function_sql, level};
use super::{Bound, Call, Direction, Expr, Operator, OperatorKind, Sort, Visit, Window};

impl Call {
    pub(super) fn level(&self) -> u8 {
        match (&*self.name.name, self.arguments.len()) {
            ("timezone", 1 | 2) if self.special => level::AT,
            ("is_normalized", 1 | 2) if self.special => level::IS,
            ("overlaps", 4) if self.special => level::COMPARISON,
            _ => level::ATOM,
        }
    }
}

impl<'a> Printer<'a, '_> {
    pub(super) fn call(&mut self, call: &'a Call) {
        let replacement = self.replacement(Visit::Call(call));
        if call.special && self.special_call(call) {
            return;
        }
        let name = match &replacement {
            Some(parts) => function_sql(parts),
            None => function_sql(call.name.schema.iter().chain([&call.name.name])),
        };
        self.push(&name);
        self.push("(");
        self.push(if call.distinct { "DISTINCT " } else { "" });
        self.push(if call.star { "*" } else { "" });
        let last = call.arguments.len().wrapping_sub(1);
        let relation_text = call.relation_text();
        for (at, argument) in call.arguments.iter().enumerate() {
            self.push(if at > 0 { ", " } else { "" });
            self.push(if call.variadic && at == last { "VARIADIC " } else { "" });
            match relation_text.filter(|_| at == 0) {
                Some(text) => {
                    let text = self.replaced_text(Visit::RelationText(text), text);
                    self.string(&text);
                }
                None => self.expr(argument, level::ANY),
            }
        }
        let Some(aggregate) = &call.aggregate else {
            self.push(")");
            return;
        };
        if aggregate.within_group {
            self.order_by(") WITHIN GROUP (ORDER BY ", &aggregate.order_by);
        } else {
            self.order_by(" ORDER BY ", &aggregate.order_by);
        }
        self.push(")");
        if let Some(filter) = &aggregate.filter {
            self.push(" FILTER (WHERE ");
            self.expr(filter, level::ANY);
            self.push(")");
        }
        if let Some(over) = &aggregate.over {
            self.push(" ");
            self.over(over);
        }
    }

    /// Prints a call in the syntax of its own; returns whether it has one.
    fn special_call(&mut self, call: &'a Call) -> bool {
        let arguments: Vec<&'a Expr> = call.spelled_arguments().collect();
        let words: &[&str] = match (&*call.name.name, arguments.len()) {
            ("timezone", 2) => &["", " AT TIME ZONE ", ""],
            ("timezone", 1) => &["", " AT LOCAL"],
            ("overlaps", 4) => &["(", ", ", ") OVERLAPS (", ", ", ")"],
            ("overlay", 3) => &["OVERLAY(", " PLACING ", " FROM ", ")"],
            ("overlay", 4) => &["OVERLAY(", " PLACING ", " FROM ", " FOR ", ")"],
            ("position", 2) => &["POSITION(", " IN ", ")"],
            ("substring", 2) => &["SUBSTRING(", " FROM ", ")"],
            ("substring", 3) => &["SUBSTRING(", " FROM ", " FOR ", ")"],
            ("btrim", 1) => &["TRIM(BOTH FROM ", ")"],
            ("ltrim", 1) => &["TRIM(LEADING FROM ", ")"],
            ("rtrim", 1) => &["TRIM(TRAILING FROM ", ")"],
            ("btrim", 2) => &["TRIM(BOTH ", " FROM ", ")"],
            ("ltrim", 2) => &["TRIM(LEADING ", " FROM ", ")"],
            ("rtrim", 2) => &["TRIM(TRAILING ", " FROM ", ")"],
            ("normalize", 1) => &["NORMALIZE(", ")"],
            ("is_normalized", 1) => &["", " IS NORMALIZED"],
            ("xmlexists", 2) => &["XMLEXISTS(", " PASSING ", ")"],
            ("pg_collation_for", 1) => &["COLLATION FOR (", ")"],
            ("system_user", 0) => &["SYSTEM_USER"],
            ("extract" | "normalize" | "is_normalized", 2) => return self.keyword_call(call),
            _ => return false,
        };
        let least = match &*call.name.name {
            "timezone" => level::AT,
            "is_normalized" => level::IN,
            "position" => level::SIGN,
            "xmlexists" => level::ATOM,
            _ => level::ANY,
        };
        self.push(words[0]);
        for (at, (argument, word)) in arguments.into_iter().zip(&words[1..]).enumerate() {
            let is_zone = &*call.name.name == "timezone" && at == 1;
            self.expr(argument, least + u8::from(is_zone));
            self.push(word);
        }
        true
    }

    /// Prints the calls of which one argument is a keyword.
    fn keyword_call(&mut self, call: &'a Call) -> bool {
        let [first, second] = &call.arguments[..] else { return false };
        let word = |argument: &'a Expr| match argument {
            Expr::String(word) => Some(word),
            _ => None,
        };
        match (&*call.name.name, word(first), word(second)) {
            ("extract", Some(field), _) => {
                // A field that is no plain word stays a string, as it may.
                let is_plain = field.bytes().all(|b| b.is_ascii_lowercase());
                self.push("EXTRACT(");
                let text = self.replaced_text(Visit::Text(field), field);
                match is_plain {
                    true => self.push(&text),
                    false => self.string(&text),
                }
                self.push(" FROM ");
                self.expr(second, level::ANY);
                self.push(")");
            }
            ("normalize", _, Some(form)) => {
                self.push("NORMALIZE(");
                self.expr(first, level::ANY);
                let form = self.replaced_text(Visit::Text(form), form);
                self.push(&format!(", {form})"));
            }
            ("is_normalized", _, Some(form)) => {
                self.expr(first, level::IN);
                let form = self.replaced_text(Visit::Text(form), form);
                self.push(&format!(" IS {form} NORMALIZED"));
            }
            _ => return false,
        }
        true
    }

    pub(super) fn operator(&mut self, operator: &'a Operator) {
        use OperatorKind::{
            All, Any, Between, BetweenSymmetric, Distinct, ILike, In, Like, NotBetween,
            NotBetweenSymmetric, NotDistinct, NullIf, Plain, Similar,
        };
        let own = operator.level();
        let is_negated = operator.name.starts_with('!') || *operator.name == *"<>";
        let pair = match &operator.right {
            Some(Expr::List(items)) => Some(&items[..]),
            _ => None,
        };
        if operator.kind == NullIf {
            self.push("NULLIF(");
        } else if let Some(left) = &operator.left {
            self.expr(
                left,
                match operator.kind {
                    Plain if own == level::COMPARISON => own + 1,
                    Plain => own,
                    Any | All => level::SUM,
                    Distinct | NotDistinct => level::IN,
                    _ => level::OTHER,
                },
            );
        } else {
            self.operator_name(operator.schema.as_ref(), &operator.name);
            let is_sign = own == level::SIGN;
            self.push(if is_sign { "" } else { " " });
            operator.right.iter().for_each(|right| self.expr(right, own + 1));
            return;
        }
        let not = if is_negated { " NOT" } else { "" };
        let keyword = match operator.kind {
            Plain | Any | All => " ",
            Distinct => " IS DISTINCT FROM ",
            NotDistinct => " IS NOT DISTINCT FROM ",
            NullIf => {
                operator.left.iter().for_each(|left| self.expr(left, level::ANY));
                ", "
            }
            In => " IN ",
            Like => " LIKE ",
            ILike => " ILIKE ",
            Similar => " SIMILAR TO ",
            Between => " BETWEEN ",
            NotBetween => " NOT BETWEEN ",
            BetweenSymmetric => " BETWEEN SYMMETRIC ",
            NotBetweenSymmetric => " NOT BETWEEN SYMMETRIC ",
        };
        if matches!(operator.kind, In | Like | ILike | Similar) {
            self.push(not);
        }
        self.push(keyword);
        match operator.kind {
            Plain | Any | All => self.operator_name(operator.schema.as_ref(), &operator.name),
            // The name is shown, but its place has a keyword.
            Like | ILike | Similar => {
                self.replacement(Visit::Operator(operator.schema.as_ref(), &operator.name));
            }
            _ => {}
        }
        let Some(right) = &operator.right else { return };
        match operator.kind {
            Plain => {
                self.push(" ");
                self.expr(right, own + 1);
            }
            Any | All => {
                self.push(if operator.kind == Any { " ANY (" } else { " ALL (" });
                self.expr(right, level::ANY);
                self.push(")");
            }
            NullIf => {
                self.expr(right, level::ANY);
                self.push(")");
            }
            Distinct | NotDistinct => self.expr(right, level::IN),
            In => self.expr(right, level::ANY),
            Like | ILike | Similar => self.pattern(right),
            Between | NotBetween | BetweenSymmetric | NotBetweenSymmetric => {
                for (at, bound) in pair.into_iter().flatten().enumerate() {
                    self.push(if at > 0 { " AND " } else { "" });
                    self.expr(bound, if at > 0 { level::OTHER } else { level::SIGN });
                }
            }
        }
    }

    /// Prints the pattern of `LIKE` and its like; the grammar makes a call of `ESCAPE`.
    fn pattern(&mut self, pattern: &'a Expr) {
        let escape = match pattern {
            Expr::Call(call) if call.name.schema.as_deref() == Some("pg_catalog") => {
                let name = &*call.name.name;
                matches!(name, "like_escape" | "similar_to_escape").then_some(call)
            }
            _ => None,
        };
        match escape.map(|call| (call, &call.arguments[..])) {
            Some((call, [pattern])) if *call.name.name == *"similar_to_escape" => {
                self.replacement(Visit::Call(call));
                self.expr(pattern, level::OTHER);
            }
            Some((call, [pattern, escape])) => {
                self.replacement(Visit::Call(call));
                self.expr(pattern, level::OTHER);
                self.push(" ESCAPE ");
                self.expr(escape, level::OTHER);
            }
            _ => self.expr(pattern, level::OTHER),
        }
    }

    /// Prints `ORDER BY`, if there is one.
    pub(super) fn order_by(&mut self, keyword: &str, sorts: &'a [Sort]) {
        if sorts.is_empty() {
            return;
        }
        self.push(keyword);
        self.list(sorts, |printer, sort| {
            printer.expr(&sort.value, level::ANY);
            match &sort.direction {
                Direction::Default => {}
                Direction::Ascending => printer.push(" ASC"),
                Direction::Descending => printer.push(" DESC"),
                Direction::Using(name) => {
                    printer.push(" USING ");
                    printer.operator_name(name.schema.as_ref(), &name.name);
                }
            }
            printer.push(match sort.nulls_first {
                None => "",
                Some(true) => " NULLS FIRST",
                Some(false) => " NULLS LAST",
            });
        });
    }

    pub(super) fn over(&mut self, window: &'a Window) {
        self.push("OVER ");
        match &window.name {
            Some(name) => self.identifier(name),
            None => self.window(window),
        }
    }

    pub(super) fn window(&mut self, window: &'a Window) {
        let start = self.out.len() + 1;
        self.push("(");
        if let Some(base) = &window.base {
            self.identifier(base);
        }
        if !window.partition_by.is_empty() {
            self.space_from(start);
            self.push("PARTITION BY ");
            self.exprs(&window.partition_by);
        }
        if !window.order_by.is_empty() {
            self.space_from(start);
            self.order_by("ORDER BY ", &window.order_by);
        }
        if let Some(frame) = &window.frame {
            self.space_from(start);
            self.push(frame.unit);
            self.push(if frame.end.is_some() { " BETWEEN " } else { " " });
            self.bound(&frame.start);
            if let Some(end) = &frame.end {
                self.push(" AND ");
                self.bound(end);
            }
            if let Some(exclude) = frame.exclude {
                self.push(" EXCLUDE ");
                self.push(exclude);
            }
        }
        self.push(")");
    }

    fn space_from(&mut self, start: usize) {
        if self.out.len() > start {
            self.push(" ");
        }
    }

    fn bound(&mut self, bound: &'a Bound) {
        match bound {
            Bound::UnboundedPreceding => self.push("UNBOUNDED PRECEDING"),
            Bound::CurrentRow => self.push("CURRENT ROW"),
            Bound::UnboundedFollowing => self.push("UNBOUNDED FOLLOWING"),
            Bound::Preceding(offset) => {
                self.expr(offset, level::CAST);
                self.push(" PRECEDING");
            }
            Bound::Following(offset) => {
                self.expr(offset, level::CAST);
                self.push(" FOLLOWING");
            }
        }
    }
}

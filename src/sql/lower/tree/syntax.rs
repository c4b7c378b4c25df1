//! JSON and XML, whose functions have a syntax of their own.

use pg_query::protobuf::{
    JsonAggConstructor, JsonBehavior, JsonBehaviorType, JsonEncoding, JsonExprOp, JsonFormat,
    JsonFormatType, JsonFuncExpr, JsonKeyValue, JsonOutput, JsonQuotes, JsonTable, JsonTableColumn,
    JsonTableColumnType, JsonTablePathSpec, JsonValueExpr, JsonValueType, JsonWrapper,
    RangeTableFunc, RangeTableFuncCol, XmlExpr, XmlExprOp, XmlOptionType,
};
use pg_query::{Node, NodeEnum};

use super::{Lowering, target, target_alias};
use crate::sql::tree::{ColumnType, Expr, Part, Syntax};

use Part::{Name, Tight, Word};

type Parts = Vec<Part>;

impl Lowering {
    /// Lowers what has a syntax of its own; anything else is unknown.
    pub(super) fn syntax(&mut self, node: &NodeEnum) -> Expr {
        let mut parts = Parts::new();
        let Some(name) = self.syntax_parts(node, &mut parts) else { return Expr::Unknown };
        Expr::Syntax(Box::new(Syntax { name, parts: parts.into() }))
    }

    fn syntax_parts(&mut self, node: &NodeEnum, out: &mut Parts) -> Option<&'static str> {
        match node {
            NodeEnum::XmlExpr(xml) => return self.xml(xml, out),
            NodeEnum::XmlSerialize(serialize) => {
                out.extend([Word("XMLSERIALIZE("), Word(xml_option(serialize.xmloption()))]);
                out.push(Part::Expr(self.required(serialize.expr.as_deref())));
                out.push(Word("AS"));
                out.push(Part::Type(self.type_of(serialize.type_name.as_ref())));
                out.extend(serialize.indent.then_some(Word("INDENT")));
                out.push(Word(")"));
                return Some("xmlserialize");
            }
            NodeEnum::MergeSupportFunc(_) => {
                out.push(Word("MERGE_ACTION()"));
                return Some("merge_action");
            }
            NodeEnum::CurrentOfExpr(current) => {
                out.extend([Word("CURRENT OF"), Name(current.cursor_name.as_str().into())]);
                return Some("");
            }
            NodeEnum::JsonIsPredicate(test) => {
                out.push(Tight(self.required(test.expr.as_deref())));
                self.json_format(test.format.as_ref(), out);
                out.push(Word(match test.item_type() {
                    JsonValueType::Undefined | JsonValueType::JsTypeAny => "IS JSON",
                    JsonValueType::JsTypeObject => "IS JSON OBJECT",
                    JsonValueType::JsTypeArray => "IS JSON ARRAY",
                    JsonValueType::JsTypeScalar => "IS JSON SCALAR",
                }));
                out.extend(test.unique_keys.then_some(Word("WITH UNIQUE KEYS")));
                return Some("");
            }
            NodeEnum::JsonObjectConstructor(object) => {
                out.push(Word("JSON_OBJECT("));
                self.separated(&object.exprs, out, Self::json_node);
                out.extend(object.absent_on_null.then_some(Word("ABSENT ON NULL")));
                out.extend(object.unique.then_some(Word("WITH UNIQUE KEYS")));
                self.json_output(object.output.as_ref(), out);
            }
            NodeEnum::JsonArrayConstructor(array) => {
                out.push(Word("JSON_ARRAY("));
                self.separated(&array.exprs, out, Self::json_node);
                out.extend((!array.absent_on_null).then_some(Word("NULL ON NULL")));
                self.json_output(array.output.as_ref(), out);
            }
            NodeEnum::JsonArrayQueryConstructor(array) => {
                out.push(Word("JSON_ARRAY("));
                out.push(Part::Query(Box::new(self.query(array.query.as_ref()?))));
                self.json_format(array.format.as_ref(), out);
                self.json_output(array.output.as_ref(), out);
            }
            NodeEnum::JsonObjectAgg(object) => {
                out.push(Word("JSON_OBJECTAGG("));
                self.json_key_value(object.arg.as_ref()?, out);
                out.extend(object.absent_on_null.then_some(Word("ABSENT ON NULL")));
                out.extend(object.unique.then_some(Word("WITH UNIQUE KEYS")));
                self.json_aggregate(object.constructor.as_ref()?, out);
                return Some("json_objectagg");
            }
            NodeEnum::JsonArrayAgg(array) => {
                let constructor = array.constructor.as_ref()?;
                out.push(Word("JSON_ARRAYAGG("));
                self.json_value(array.arg.as_deref(), out);
                if !constructor.agg_order.is_empty() {
                    out.push(Part::OrderBy(self.sorts(&constructor.agg_order)));
                }
                out.extend((!array.absent_on_null).then_some(Word("NULL ON NULL")));
                self.json_aggregate(constructor, out);
                return Some("json_arrayagg");
            }
            NodeEnum::JsonFuncExpr(function) => return self.json_function(function, out),
            NodeEnum::JsonParseExpr(parse) => {
                out.push(Word("JSON("));
                self.json_value(parse.expr.as_deref(), out);
                out.extend(parse.unique_keys.then_some(Word("WITH UNIQUE KEYS")));
                self.json_output(parse.output.as_ref(), out);
            }
            NodeEnum::JsonScalarExpr(scalar) => {
                out.push(Word("JSON_SCALAR("));
                out.push(Part::Expr(self.required(scalar.expr.as_deref())));
                self.json_output(scalar.output.as_ref(), out);
            }
            NodeEnum::JsonSerializeExpr(serialize) => {
                out.push(Word("JSON_SERIALIZE("));
                self.json_value(serialize.expr.as_deref(), out);
                self.json_output(serialize.output.as_ref(), out);
            }
            _ => return None,
        }
        out.push(Word(")"));
        let name = match out.first() {
            Some(Word("JSON_OBJECT(")) => "json_object",
            Some(Word("JSON_ARRAY(")) => "json_array",
            Some(Word("JSON(")) => "json",
            Some(Word("JSON_SCALAR(")) => "json_scalar",
            _ => "json_serialize",
        };
        Some(name)
    }

    fn separated(
        &mut self,
        nodes: &[Node],
        out: &mut Parts,
        lower: fn(&mut Self, &Node, &mut Parts),
    ) {
        for (at, node) in nodes.iter().enumerate() {
            if at > 0 {
                out.push(Word(","));
            }
            lower(self, node, out);
        }
    }

    fn json_node(&mut self, node: &Node, out: &mut Parts) {
        match &node.node {
            Some(NodeEnum::JsonKeyValue(pair)) => self.json_key_value(pair, out),
            Some(NodeEnum::JsonValueExpr(value)) => self.json_value(Some(value), out),
            Some(NodeEnum::JsonArgument(argument)) => {
                self.json_value(argument.val.as_deref(), out);
                out.extend([Word("AS"), Name(argument.name.as_str().into())]);
            }
            _ => out.push(Part::Expr(self.expr(node))),
        }
    }

    fn json_key_value(&mut self, pair: &JsonKeyValue, out: &mut Parts) {
        out.push(Part::Expr(self.required(pair.key.as_deref())));
        out.push(Word(":"));
        self.json_value(pair.value.as_deref(), out);
    }

    fn json_value(&mut self, value: Option<&JsonValueExpr>, out: &mut Parts) {
        let Some(value) = value else { return };
        out.push(Part::Expr(self.required(value.raw_expr.as_deref())));
        self.json_format(value.format.as_ref(), out);
    }

    #[expect(clippy::unused_self, reason = "stands among its like")]
    fn json_format(&self, format: Option<&JsonFormat>, out: &mut Parts) {
        let Some(format) = format else { return };
        if matches!(
            format.format_type(),
            JsonFormatType::Undefined | JsonFormatType::JsFormatDefault
        ) {
            return;
        }
        out.push(Word(match format.encoding() {
            JsonEncoding::Undefined | JsonEncoding::JsEncDefault => "FORMAT JSON",
            JsonEncoding::JsEncUtf8 => "FORMAT JSON ENCODING utf8",
            JsonEncoding::JsEncUtf16 => "FORMAT JSON ENCODING utf16",
            JsonEncoding::JsEncUtf32 => "FORMAT JSON ENCODING utf32",
        }));
    }

    fn json_output(&mut self, output: Option<&JsonOutput>, out: &mut Parts) {
        let Some(output) = output else { return };
        out.extend([Word("RETURNING"), Part::Type(self.type_of(output.type_name.as_ref()))]);
        self.json_format(output.returning.as_ref().and_then(|r| r.format.as_ref()), out);
    }

    fn json_aggregate(&mut self, constructor: &JsonAggConstructor, out: &mut Parts) {
        self.json_output(constructor.output.as_ref(), out);
        out.push(Word(")"));
        if let Some(filter) = &constructor.agg_filter {
            out.extend([Word("FILTER (WHERE"), Part::Expr(self.expr(filter)), Word(")")]);
        }
        if let Some(over) = &constructor.over {
            out.push(Part::Over(Box::new(self.window(over))));
        }
    }

    fn json_function(&mut self, function: &JsonFuncExpr, out: &mut Parts) -> Option<&'static str> {
        let (word, name) = match function.op() {
            JsonExprOp::JsonExistsOp => ("JSON_EXISTS(", "json_exists"),
            JsonExprOp::JsonQueryOp => ("JSON_QUERY(", "json_query"),
            JsonExprOp::JsonValueOp => ("JSON_VALUE(", "json_value"),
            JsonExprOp::Undefined | JsonExprOp::JsonTableOp => return None,
        };
        out.push(Word(word));
        self.json_value(function.context_item.as_deref(), out);
        out.extend([Word(","), Part::Expr(self.required(function.pathspec.as_deref()))]);
        self.json_passing(&function.passing, out);
        self.json_output(function.output.as_ref(), out);
        wrapper_and_quotes(function.wrapper(), function.quotes(), out);
        self.json_behavior(function.on_empty.as_deref(), "ON EMPTY", out);
        self.json_behavior(function.on_error.as_deref(), "ON ERROR", out);
        out.push(Word(")"));
        Some(name)
    }

    fn json_passing(&mut self, passing: &[Node], out: &mut Parts) {
        if !passing.is_empty() {
            out.push(Word("PASSING"));
            self.separated(passing, out, Self::json_node);
        }
    }

    fn json_behavior(
        &mut self,
        behavior: Option<&JsonBehavior>,
        on: &'static str,
        out: &mut Parts,
    ) {
        let Some(behavior) = behavior else { return };
        out.push(Word(match behavior.btype() {
            JsonBehaviorType::Undefined | JsonBehaviorType::JsonBehaviorNull => "NULL",
            JsonBehaviorType::JsonBehaviorError => "ERROR",
            JsonBehaviorType::JsonBehaviorEmpty => "EMPTY",
            JsonBehaviorType::JsonBehaviorTrue => "TRUE",
            JsonBehaviorType::JsonBehaviorFalse => "FALSE",
            JsonBehaviorType::JsonBehaviorUnknown => "UNKNOWN",
            JsonBehaviorType::JsonBehaviorEmptyArray => "EMPTY ARRAY",
            JsonBehaviorType::JsonBehaviorEmptyObject => "EMPTY OBJECT",
            JsonBehaviorType::JsonBehaviorDefault => "DEFAULT",
        }));
        if let Some(value) = &behavior.expr {
            out.push(Part::Expr(self.expr(value)));
        }
        out.push(Word(on));
    }

    pub(super) fn json_table(&mut self, table: &JsonTable) -> (Syntax, Box<[ColumnType]>) {
        let (mut out, mut columns) = (vec![Word("JSON_TABLE(")], Vec::new());
        self.json_value(table.context_item.as_deref(), &mut out);
        out.push(Word(","));
        self.json_path(table.pathspec.as_deref(), &mut out);
        self.json_passing(&table.passing, &mut out);
        self.json_columns(&table.columns, &mut out, &mut columns);
        self.json_behavior(table.on_error.as_deref(), "ON ERROR", &mut out);
        out.push(Word(")"));
        (Syntax { name: "json_table", parts: out.into() }, columns.into())
    }

    fn json_path(&mut self, path: Option<&JsonTablePathSpec>, out: &mut Parts) {
        let Some(path) = path else { return };
        out.push(Part::Expr(self.required(path.string.as_deref())));
        if !path.name.is_empty() {
            out.extend([Word("AS"), Name(path.name.as_str().into())]);
        }
    }

    fn json_columns(&mut self, nodes: &[Node], out: &mut Parts, columns: &mut Vec<ColumnType>) {
        out.push(Word("COLUMNS ("));
        for (at, node) in nodes.iter().enumerate() {
            if at > 0 {
                out.push(Word(","));
            }
            if let Some(NodeEnum::JsonTableColumn(column)) = &node.node {
                let lowered = self.deeper(|deeper| deeper.json_column(column, out, columns));
                lowered.unwrap_or_default();
            }
        }
        out.push(Word(")"));
    }

    fn json_column(
        &mut self,
        column: &JsonTableColumn,
        out: &mut Parts,
        columns: &mut Vec<ColumnType>,
    ) {
        if column.coltype() == JsonTableColumnType::JtcNested {
            out.push(Word("NESTED PATH"));
            self.json_path(column.pathspec.as_deref(), out);
            self.json_columns(&column.columns, out, columns);
            return;
        }
        out.push(Name(column.name.as_str().into()));
        let of = match column.coltype() {
            JsonTableColumnType::JtcForOrdinality => None,
            _ => Some(self.type_of(column.type_name.as_ref())),
        };
        match &of {
            None => out.push(Word("FOR ORDINALITY")),
            Some(of) => out.push(Part::Type(of.clone())),
        }
        columns.push(ColumnType { name: column.name.as_str().into(), of, collation: None });
        if column.coltype() == JsonTableColumnType::JtcExists {
            out.push(Word("EXISTS"));
        }
        self.json_format(column.format.as_ref(), out);
        if column.pathspec.is_some() {
            out.push(Word("PATH"));
            self.json_path(column.pathspec.as_deref(), out);
        }
        // The grammar gives `EXISTS` a wrapper that cannot be written.
        if column.coltype() != JsonTableColumnType::JtcExists {
            wrapper_and_quotes(column.wrapper(), column.quotes(), out);
        }
        self.json_behavior(column.on_empty.as_deref(), "ON EMPTY", out);
        self.json_behavior(column.on_error.as_deref(), "ON ERROR", out);
    }

    fn xml(&mut self, xml: &XmlExpr, out: &mut Parts) -> Option<&'static str> {
        let name = match xml.op() {
            XmlExprOp::IsXmlconcat => {
                out.push(Word("XMLCONCAT("));
                self.separated(&xml.args, out, Self::json_node);
                "xmlconcat"
            }
            XmlExprOp::IsXmlelement => {
                out.extend([Word("XMLELEMENT(NAME"), Name(xml.name.as_str().into())]);
                if !xml.named_args.is_empty() {
                    out.push(Word(", XMLATTRIBUTES("));
                    self.separated(&xml.named_args, out, Self::xml_named);
                    out.push(Word(")"));
                }
                if !xml.args.is_empty() {
                    out.push(Word(","));
                    self.separated(&xml.args, out, Self::json_node);
                }
                "xmlelement"
            }
            XmlExprOp::IsXmlforest => {
                out.push(Word("XMLFOREST("));
                self.separated(&xml.named_args, out, Self::xml_named);
                "xmlforest"
            }
            XmlExprOp::IsXmlparse => {
                out.extend([Word("XMLPARSE("), Word(xml_option(xml.xmloption()))]);
                out.push(Part::Expr(self.required(xml.args.first())));
                let preserves = self.optional(xml.args.get(1)) == Some(Expr::Bool(true));
                out.extend(preserves.then_some(Word("PRESERVE WHITESPACE")));
                "xmlparse"
            }
            XmlExprOp::IsXmlpi => {
                out.extend([Word("XMLPI(NAME"), Name(xml.name.as_str().into())]);
                if let Some(content) = xml.args.first() {
                    out.extend([Word(","), Part::Expr(self.expr(content))]);
                }
                "xmlpi"
            }
            XmlExprOp::IsXmlroot => {
                out.extend([Word("XMLROOT("), Part::Expr(self.required(xml.args.first()))]);
                out.push(Word(", VERSION"));
                out.push(match self.required(xml.args.get(1)) {
                    Expr::Null => Word("NO VALUE"),
                    version => Part::Expr(version),
                });
                // The numbers are those of `XmlStandaloneType` in the server's `xml.h`.
                match self.required(xml.args.get(2)) {
                    Expr::Integer(0) => out.push(Word(", STANDALONE YES")),
                    Expr::Integer(1) => out.push(Word(", STANDALONE NO")),
                    Expr::Integer(2) => out.push(Word(", STANDALONE NO VALUE")),
                    _ => {}
                }
                "xmlroot"
            }
            XmlExprOp::IsDocument => {
                out.extend([Tight(self.required(xml.args.first())), Word("IS DOCUMENT")]);
                return Some("");
            }
            XmlExprOp::Undefined | XmlExprOp::IsXmlserialize => return None,
        };
        out.push(Word(")"));
        Some(name)
    }

    fn xml_named(&mut self, node: &Node, out: &mut Parts) {
        let Some(target) = target(node) else { return };
        out.push(Part::Expr(self.required(target.val.as_deref())));
        if let Some(name) = target_alias(target) {
            out.extend([Word("AS"), Name(name)]);
        }
    }

    pub(super) fn xml_table(&mut self, table: &RangeTableFunc) -> (Syntax, Box<[ColumnType]>) {
        let (mut out, mut columns) = (vec![Word("XMLTABLE(")], Vec::new());
        if !table.namespaces.is_empty() {
            out.push(Word("XMLNAMESPACES("));
            self.separated(&table.namespaces, &mut out, |lowering, node, out| {
                let is_default = target(node).is_some_and(|target| target.name.is_empty());
                out.extend(is_default.then_some(Word("DEFAULT")));
                match target(node).filter(|_| is_default).and_then(|t| t.val.as_deref()) {
                    Some(value) => out.push(Tight(lowering.expr(value))),
                    None => lowering.xml_named(node, out),
                }
            });
            out.push(Word("),"));
        }
        out.push(Tight(self.required(table.rowexpr.as_deref())));
        out.extend([Word("PASSING"), Tight(self.required(table.docexpr.as_deref()))]);
        out.push(Word("COLUMNS"));
        for (at, node) in table.columns.iter().enumerate() {
            if at > 0 {
                out.push(Word(","));
            }
            if let Some(NodeEnum::RangeTableFuncCol(column)) = &node.node {
                columns.push(self.xml_column(column, &mut out));
            }
        }
        out.push(Word(")"));
        (Syntax { name: "xmltable", parts: out.into() }, columns.into())
    }

    fn xml_column(&mut self, column: &RangeTableFuncCol, out: &mut Parts) -> ColumnType {
        out.push(Name(column.colname.as_str().into()));
        let of = (!column.for_ordinality).then(|| self.type_of(column.type_name.as_ref()));
        match &of {
            None => out.push(Word("FOR ORDINALITY")),
            Some(of) => out.push(Part::Type(of.clone())),
        }
        if let Some(path) = &column.colexpr {
            out.extend([Word("PATH"), Tight(self.expr(path))]);
        }
        if let Some(default) = &column.coldefexpr {
            out.extend([Word("DEFAULT"), Tight(self.expr(default))]);
        }
        out.extend(column.is_not_null.then_some(Word("NOT NULL")));
        ColumnType { name: column.colname.as_str().into(), of, collation: None }
    }
}

fn xml_option(option: XmlOptionType) -> &'static str {
    match option {
        XmlOptionType::XmloptionDocument => "DOCUMENT",
        XmlOptionType::XmloptionContent | XmlOptionType::Undefined => "CONTENT",
    }
}

fn wrapper_and_quotes(wrapper: JsonWrapper, quotes: JsonQuotes, out: &mut Parts) {
    let wrapper = match wrapper {
        JsonWrapper::Undefined | JsonWrapper::JswUnspec => None,
        JsonWrapper::JswNone => Some("WITHOUT WRAPPER"),
        JsonWrapper::JswConditional => Some("WITH CONDITIONAL WRAPPER"),
        JsonWrapper::JswUnconditional => Some("WITH UNCONDITIONAL WRAPPER"),
    };
    let quotes = match quotes {
        JsonQuotes::Undefined | JsonQuotes::JsQuotesUnspec => None,
        JsonQuotes::JsQuotesKeep => Some("KEEP QUOTES"),
        JsonQuotes::JsQuotesOmit => Some("OMIT QUOTES"),
    };
    out.extend(wrapper.into_iter().chain(quotes).map(Word));
}

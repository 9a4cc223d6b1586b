//! Filters: conditions on records, all of which must hold.
//!
//! REST writes them `filter[field][op]=value`, GraphQL `{field: {op: value}}`.

use super::field::Field;
use super::operand::{Expected, Operand};
use crate::modules::RecordSchema;
use embed_base::{Code, Error, Result};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

const MOST_CONDITIONS: usize = 20;
const MOST_ALTERNATIVES: usize = 50;
/// The most bytes of one value.
const LONGEST_VALUE: usize = 1000;

/// How a field is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Op {
    /// Equal.
    Eq,
    /// Not equal, also where the type differs or the field is missing.
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    /// Equal to one of several.
    In,
    /// A string with this part, or an array with this element.
    Contains,
}

impl Op {
    pub const ALL: [Self; 8] =
        [Self::Eq, Self::Ne, Self::Lt, Self::Le, Self::Gt, Self::Ge, Self::In, Self::Contains];

    /// Its name in queries.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Eq => "eq",
            Self::Ne => "ne",
            Self::Lt => "lt",
            Self::Le => "le",
            Self::Gt => "gt",
            Self::Ge => "ge",
            Self::In => "in",
            Self::Contains => "contains",
        }
    }
}

/// At most 20 conditions, all of which must hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter(BTreeMap<(Field, Op), Vec<Operand>>);

impl Filter {
    /// The conditions. Those of [`Op::In`] have any number of operands, the others one.
    pub(super) fn conditions(&self) -> impl Iterator<Item = (&Field, Op, &[Operand])> {
        self.0.iter().map(|((field, op), operands)| (field, *op, operands.as_slice()))
    }

    /// Adds the condition of a query parameter: `brackets` is what follows `filter` in its name (`[field][op]`).
    pub(super) fn add_parameter(&mut self, brackets: &str, value: &str, schema: &RecordSchema) -> Result<()> {
        let inner = brackets.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let Some((field, op)) = inner.and_then(|inner| inner.split_once("][")) else {
            return Err(invalid("expected filter[field][op]=value, such as filter[rating][ge]=4".to_owned()));
        };
        self.add(field, op, schema, |expected, op| match op {
            Op::In => value.split(',').map(|value| expected.text(value)).collect(),
            _ => Ok(vec![expected.text(value)?]),
        })
    }

    pub(super) fn from_json(filter: &Value, schema: &RecordSchema) -> Result<Self> {
        let shape = || invalid("expected {field: {op: value}}, such as {rating: {ge: 4}}".to_owned());
        let mut read = Self::default();
        for (field, comparisons) in filter.as_object().ok_or_else(shape)? {
            for (op, value) in comparisons.as_object().ok_or_else(shape)? {
                read.add(field, op, schema, |expected, op| match (op, value) {
                    (Op::In, Value::Array(values)) => {
                        values.iter().map(|value| expected.json(value)).collect()
                    }
                    (Op::In, _) => Err("expected an array of values".to_owned()),
                    _ => Ok(vec![expected.json(value)?]),
                })?;
            }
        }
        Ok(read)
    }

    /// The JSON that [`Filter::from_json`] reads, always in the same order.
    pub(super) fn to_json(&self) -> Value {
        let mut fields: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
        for (field, op, operands) in self.conditions() {
            let mut values = operands.iter().map(Operand::to_json);
            let value = if op == Op::In { values.collect() } else { values.next().unwrap_or_default() };
            fields.entry(field.to_string()).or_default().insert(op.as_str().to_owned(), value);
        }
        fields.into_iter().map(|(field, comparisons)| (field, Value::Object(comparisons))).collect()
    }

    fn add(
        &mut self,
        field: &str,
        op: &str,
        schema: &RecordSchema,
        read: impl FnOnce(&Expected, Op) -> Result<Vec<Operand>, String>,
    ) -> Result<()> {
        let field = Field::parse(field, schema).map_err(invalid)?;
        let Some(op) = Op::ALL.into_iter().find(|candidate| candidate.as_str() == op) else {
            let names = Op::ALL.map(Op::as_str).join(", ");
            let shown: String = op.chars().take(20).collect();
            return Err(invalid(format!(
                "`{}` is not a comparison; expected one of {names}",
                shown.escape_debug()
            )));
        };
        if op == Op::Contains && !matches!(field, Field::Data(_)) {
            return Err(invalid(format!("{field} is neither a string nor an array, so it contains nothing")));
        }
        let expected = Expected::of(&field, schema, op == Op::Contains);
        let operands = read(&expected, op)
            .map_err(|reason| invalid(format!("the value for {field} is wrong: {reason}")))?;
        if operands.len() > MOST_ALTERNATIVES {
            return Err(invalid(format!("`in` takes at most {MOST_ALTERNATIVES} values")));
        }
        if operands.iter().any(|operand| matches!(operand, Operand::Text(text) if text.len() > LONGEST_VALUE))
        {
            return Err(invalid(format!("a value may have at most {LONGEST_VALUE} bytes")));
        }
        let word = op.as_str();
        if self.0.insert((field.clone(), op), operands).is_some() {
            return Err(invalid(format!("{field} has `{word}` twice")));
        }
        if self.0.len() > MOST_CONDITIONS {
            return Err(invalid(format!("there may be at most {MOST_CONDITIONS} conditions")));
        }
        Ok(())
    }
}

fn invalid(reason: String) -> Error {
    Error::new(Code::InvalidFilter, format!("The filter is invalid: {reason}."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn schema() -> RecordSchema {
        RecordSchema::of(json!({
            "properties": {
                "name": { "type": "string" },
                "rating": { "type": "integer" },
                "note": { "type": ["string", "null"] },
                "tags": { "type": "array", "items": { "type": "string" } },
                "place": { "additionalProperties": false, "properties": { "city": { "type": "string" } } },
            },
        }))
    }

    fn parse(name: &str, value: &str) -> Result<Filter> {
        let mut filter = Filter::default();
        filter.add_parameter(name, value, &schema()).map(|()| filter)
    }

    fn operand(name: &str, value: &str) -> Operand {
        let filter = parse(name, value).unwrap();
        filter.conditions().next().unwrap().2[0].clone()
    }

    #[test]
    fn a_value_has_the_type_that_the_schema_says() {
        assert_eq!(operand("[name][eq]", "7"), Operand::Text("7".into()));
        assert_eq!(operand("[name][eq]", "null"), Operand::Text("null".into()));
        assert_eq!(operand("[rating][ge]", "7"), Operand::Number(7.into()));
        assert_eq!(operand("[note][eq]", "null"), Operand::Null);
        assert_eq!(operand("[note][eq]", "7"), Operand::Text("7".into()));
        assert_eq!(operand("[tags][contains]", "7"), Operand::Text("7".into()));
        let refused = parse("[rating][eq]", "many").unwrap_err();
        assert_eq!(refused.code(), Code::InvalidFilter);
        assert!(refused.detail().contains("the value for rating is wrong: expected a number"), "{refused}");
    }

    #[test]
    fn without_a_type_a_value_is_parsed_as_json_or_else_as_a_string() {
        assert_eq!(operand("[free][eq]", "7"), Operand::Number(7.into()));
        assert_eq!(operand("[free][eq]", "true"), Operand::Bool(true));
        assert_eq!(operand("[free][eq]", "null"), Operand::Null);
        assert_eq!(operand("[free][eq]", "truely"), Operand::Text("truely".into()));
        assert_eq!(operand("[free][eq]", "07"), Operand::Text("07".into()));
        assert_eq!(operand("[free][eq]", "\"7\""), Operand::Text("\"7\"".into()));
    }

    #[test]
    fn several_values_are_separated_by_commas() {
        let filter = parse("[name][in]", "a,b,").unwrap();
        let texts = ["a", "b", ""].map(|text| Operand::Text(text.into()));
        assert_eq!(filter.conditions().next().unwrap().2, texts);
    }

    #[test]
    fn an_invalid_filter_is_refused_with_what_was_expected() {
        for (name, value, sentence) in [
            ("", "1", "expected filter[field][op]=value"),
            ("[a]", "1", "expected filter[field][op]=value"),
            ("[a][eq", "1", "expected filter[field][op]=value"),
            ("[a][like]", "1", "`like` is not a comparison; expected one of eq, ne"),
            ("[][eq]", "1", "is not a field; expected id"),
            ("[a..b][eq]", "1", "is not a field"),
            ("[a\"b][eq]", "1", "is not a field"),
            ("[a][eq][eq]", "1", "is not a comparison"),
            ("[place.street][eq]", "1", "no field `place.street`; its schema has city"),
            ("[id][eq]", "7", "expected a record's id"),
            ("[createdAt][gt]", "yesterday", "expected a time such as"),
            ("[createdAt][gt]", "+12026-01-01T00:00:00Z", "expected a time such as"),
            ("[version][eq]", "1.5", "expected a whole number"),
            ("[id][contains]", "7", "contains nothing"),
            ("[free][eq]", "a\0b", "expected a string"),
        ] {
            let refused = parse(name, value).unwrap_err();
            assert_eq!(refused.code(), Code::InvalidFilter);
            assert!(refused.detail().contains(sentence), "{name}: {refused}");
        }
        let many = vec!["1"; 51].join(",");
        assert!(parse("[free][in]", &many).unwrap_err().detail().contains("at most 50"));
        assert!(parse("[free][eq]", &"x".repeat(1001)).unwrap_err().detail().contains("at most 1000"));
    }

    fn any_filter() -> impl Strategy<Value = Value> {
        let scalar = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "[^\0]{0,8}".prop_map(Value::from),
        ];
        let comparison = prop_oneof![
            (prop::sample::select(vec!["eq", "ne", "lt", "le", "gt", "ge", "contains"]), scalar.clone()),
            (Just("in"), prop::collection::vec(scalar, 0..4).prop_map(Value::from)),
        ];
        let comparisons = prop::collection::btree_map("eq|x", comparison, 1..2)
            .prop_map(|one| one.into_values().map(|(op, value)| (op.to_owned(), value)).collect::<Value>());
        prop::collection::btree_map(r"free(\.[a-zé0-9 ]{1,5}){0,3}", comparisons, 0..5)
            .prop_map(|fields| fields.into_iter().collect())
    }

    proptest! {
        #[test]
        fn a_filter_that_is_written_down_reads_back_to_itself(filter in any_filter()) {
            let read = Filter::from_json(&filter, &schema()).unwrap();
            prop_assert_eq!(read.to_json(), filter);
            prop_assert_eq!(Filter::from_json(&read.to_json(), &schema()).unwrap(), read);
        }

        #[test]
        fn no_parameter_panics(name in r#"[\[\]a-z."\\é\x00]{0,30}"#, value in any::<String>()) {
            let _ = parse(&name, &value);
        }

        #[test]
        fn no_condition_panics(field in any::<String>(), op in "eq|ne|lt|le|gt|ge|in|contains", value in any::<String>()) {
            let _ = parse(&format!("[{field}][{op}]"), &value);
        }

        #[test]
        fn no_json_panics(filter in crate::strict_json::tests::any_json()) {
            let _ = Filter::from_json(&filter, &schema());
        }
    }
}

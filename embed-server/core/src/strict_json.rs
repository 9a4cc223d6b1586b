//! JSON that every parser reads the same way (RFC 7493): no duplicate name in an object, no number beyond a double,
//! no more than 64 levels, and no U+0000, which PostgreSQL cannot store.

use embed_base::{Code, Error, Result};
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt;

/// The deepest nesting of arrays and objects.
pub const DEEPEST: usize = 64;

const NUL: &str = "U+0000 cannot be stored; leave it out";
const TOO_DEEP: &str = "arrays and objects are nested more than 64 levels deep";

/// Parses a body; 400 `invalid_json` with line and column where it breaks a rule above.
pub fn parse(bytes: &[u8]) -> Result<Value> {
    read(bytes).map_err(|error| invalid(error.to_string()).caused_by(error))
}

/// Parses JSON; the error names the rule that it breaks, with line and column.
pub fn read(bytes: &[u8]) -> serde_json::Result<Value> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = Strict { room: DEEPEST }.deserialize(&mut json)?;
    json.end().map(|()| value)
}

/// Checks a value that was parsed by other means, such as GraphQL's, by the same rules.
pub fn check(value: &Value) -> Result<()> {
    check_within(value, DEEPEST).map_err(invalid)
}

fn check_within(value: &Value, room: usize) -> Result<(), &'static str> {
    let room_inside = || room.checked_sub(1).ok_or(TOO_DEEP);
    match value {
        Value::String(text) if text.contains('\0') => Err(NUL),
        Value::Array(items) => {
            let room = room_inside()?;
            items.iter().try_for_each(|item| check_within(item, room))
        }
        Value::Object(members) => {
            let room = room_inside()?;
            members.iter().try_for_each(|(name, member)| {
                if name.contains('\0') { Err(NUL) } else { check_within(member, room) }
            })
        }
        _ => Ok(()),
    }
}

fn invalid(reason: impl fmt::Display) -> Error {
    Error::new(Code::InvalidJson, format!("The JSON is invalid: {reason}."))
}

/// Parses one value with at most this many more levels.
#[derive(Clone, Copy)]
struct Strict {
    room: usize,
}

impl Strict {
    fn inside<E: serde::de::Error>(self) -> Result<Self, E> {
        let room = self.room.checked_sub(1).ok_or_else(|| E::custom(TOO_DEEP))?;
        Ok(Self { room })
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("the number is out of range"))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Value, E> {
        self.visit_string(text.to_owned())
    }

    fn visit_string<E: serde::de::Error>(self, text: String) -> Result<Value, E> {
        if text.contains('\0') { Err(E::custom(NUL)) } else { Ok(Value::String(text)) }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inside = self.inside()?;
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(inside)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inside = self.inside()?;
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if name.contains('\0') {
                return Err(A::Error::custom(NUL));
            }
            if object.contains_key(&name) {
                let shown: String = name.chars().take(100).collect();
                return Err(A::Error::custom(format_args!(
                    "the name `{}` occurs twice",
                    shown.escape_debug()
                )));
            }
            let value = members.next_value_seed(inside)?;
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use axum::http::StatusCode;
    use proptest::prelude::*;

    /// Any JSON that a record can hold.
    pub fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "[^\0]{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map("[a-c]{0,2}", inner, 0..5)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    fn refusal(text: impl AsRef<[u8]>) -> String {
        let error = parse(text.as_ref()).unwrap_err();
        assert_eq!((error.status(), error.code()), (StatusCode::BAD_REQUEST, Code::InvalidJson));
        error.detail().to_owned()
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        assert!(refusal("{\n \"a\": 1,\n \"a\": 2}").contains("the name `a` occurs twice at line 3 column"));
        assert!(refusal(r#"{"a": 1, "\u0061": 2}"#).contains("`a` occurs twice"));
        assert!(refusal("[1e999]").contains("number out of range at line 1"));
        assert!(refusal(b"\"\xff\"").contains("line 1 column"));
        assert!(refusal(r#"["\u0000"]"#).contains("U+0000 cannot be stored"));
        assert!(refusal(r#"{"\u0000": 1}"#).contains("U+0000 cannot be stored"));
        assert!(refusal(r#""\ud800""#).contains("line 1"));
        assert!(refusal("{} {}").contains("trailing characters at line 1 column 4"));
        for text in ["", "{", "nul", "\u{feff}{}", "NaN", "{'a': 1}", "[1,]", "// no\n1"] {
            refusal(text);
        }
    }

    #[test]
    fn sixty_four_levels_are_deep_enough() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        let deepest = parse(nested(DEEPEST).as_bytes()).unwrap();
        check(&deepest).unwrap();
        assert!(refusal(nested(DEEPEST + 1)).contains("64 levels deep"));
        assert!(refusal("[".repeat(200_000)).contains("64 levels deep"));
        assert!(check(&Value::Array(vec![deepest])).is_err());
    }

    proptest! {
        #[test]
        fn it_agrees_with_serde_json_where_no_name_stands_twice(value in any_json()) {
            let text = value.to_string();
            prop_assert_eq!(parse(text.as_bytes()).unwrap(), serde_json::from_str::<Value>(&text).unwrap());
            check(&value).unwrap();
        }

        #[test]
        fn it_accepts_nothing_that_serde_json_refuses(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            if let Ok(value) = parse(&bytes) {
                prop_assert_eq!(value, serde_json::from_slice::<Value>(&bytes).unwrap());
            }
        }

        #[test]
        fn it_accepts_nothing_like_json_that_serde_json_refuses(text in r#"[\[\]{}",:0-9eE.+\-\\untrfals ]{0,40}"#) {
            if let Ok(value) = parse(text.as_bytes()) {
                prop_assert_eq!(value, serde_json::from_str::<Value>(&text).unwrap());
            }
        }
    }
}

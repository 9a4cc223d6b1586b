//! Where a page ends, so that the next one begins there, whatever was added or removed since.
//!
//! A cursor is base64url of `[digest, …key, id]`. It holds no secret: a forged one only begins a page elsewhere.
//! `digest` stands for collection, filter and order, so that a cursor is only valid for its own list.

use super::field::Field;
use super::filter::Filter;
use super::operand::time;
use super::order::{CHARACTERS, Position, Sort, SortKey};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use embed_base::crypto::sha256_hex;
use embed_base::db::json::rank;
use embed_base::{Code, Error, Result};
use serde_json::{Value, json};
use uuid::Uuid;

/// The number of hex digits of a list's digest.
const DIGITS: usize = 16;
/// Longer than any cursor of this server: 200 characters of at most six bytes in JSON, and the rest.
const LONGEST: usize = 4000;

/// A short digest of a list's collection, filter and order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListDigest(String);

impl ListDigest {
    pub fn of(module: Uuid, collection: &str, filter: &Filter, sort: &Sort) -> Self {
        let content = json!([module, collection, filter.to_json(), sort.to_string()]);
        let mut digest = sha256_hex(content.to_string().as_bytes());
        digest.truncate(DIGITS);
        Self(digest)
    }
}

/// The cursor of a position in a list.
pub fn write(list: &ListDigest, position: &Position) -> String {
    let ListDigest(list) = list;
    let id = position.id;
    let content = match &position.key {
        SortKey::Id => json!([list, id]),
        SortKey::Time(time) => json!([list, time.to_rfc3339(), id]),
        SortKey::Version(version) => json!([list, version, id]),
        SortKey::Value { rank, number, text } => json!([list, rank, number, text, id]),
    };
    BASE64_URL_SAFE_NO_PAD.encode(content.to_string())
}

/// The position of a cursor; 400 `invalid_cursor` where it is not from this list.
pub fn read(cursor: &str, list: &ListDigest, sort: &Sort) -> Result<Position> {
    let decoded = if cursor.len() <= LONGEST { BASE64_URL_SAFE_NO_PAD.decode(cursor).ok() } else { None };
    let content = decoded.and_then(|bytes| serde_json::from_slice::<Vec<Value>>(&bytes).ok());
    let Some((Value::String(digest), rest)) = content.as_ref().and_then(|content| content.split_first())
    else {
        return Err(invalid("This is not a cursor; use the value of `nextCursor` unchanged."));
    };
    if *digest != list.0 {
        return Err(invalid(
            "This cursor belongs to another list: collection, filter and sort must be the same as for the page that it came from.",
        ));
    }
    position(rest, sort)
        .ok_or_else(|| invalid("This is not a cursor; use the value of `nextCursor` unchanged."))
}

fn position(content: &[Value], sort: &Sort) -> Option<Position> {
    let (key, id) = match (&sort.field, content) {
        (Field::Id, [id]) => (SortKey::Id, id),
        (Field::CreatedAt | Field::UpdatedAt, [at, id]) => (SortKey::Time(time(at.as_str()?)?), id),
        (Field::Version, [version, id]) => (SortKey::Version(version.as_i64()?), id),
        (Field::Data(_), [rank, number, text, id]) => {
            let (rank, number, text) = (rank.as_i64()?, number.as_str()?, text.as_str()?);
            let is_key = (rank::MISSING..=rank::OBJECT).contains(&rank)
                && serde_json::from_str::<serde_json::Number>(number)
                    .is_ok_and(|read| read.to_string() == number)
                && text.chars().count() <= CHARACTERS
                && !text.contains('\0');
            (is_key.then(|| SortKey::Value { rank, number: number.to_owned(), text: text.to_owned() })?, id)
        }
        _ => return None,
    };
    Some(Position { key, id: Uuid::try_parse(id.as_str()?).ok()? })
}

fn invalid(detail: &str) -> Error {
    Error::new(Code::InvalidCursor, detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::RecordSchema;
    use crate::records::Record;
    use crate::strict_json::tests::any_json;
    use chrono::DateTime;
    use proptest::prelude::*;

    fn sort(text: &str) -> Sort {
        Sort::parse(text, &RecordSchema::of(json!({}))).unwrap()
    }

    fn list(sort: &Sort) -> ListDigest {
        ListDigest::of(Uuid::nil(), "entries", &Filter::default(), sort)
    }

    fn any_sort() -> impl Strategy<Value = Sort> {
        "-?(id|createdAt|updatedAt|version|a|a\\.b)".prop_map(|text| sort(&text))
    }

    fn record(value: Value, micros: i64, version: i64, id: u128) -> Record {
        let time = DateTime::from_timestamp_micros(micros).unwrap();
        let Value::Object(data) = json!({ "a": value }) else { panic!("this is an object") };
        Record {
            id: Uuid::from_u128(id),
            collection: "entries".into(),
            data,
            version,
            created_at: time,
            updated_at: time,
        }
    }

    proptest! {
        #[test]
        fn a_cursor_reads_back_to_its_position(
            value in any_json(), sort in any_sort(), micros in 0..4_000_000_000_000_000_i64, version in 1..i64::MAX, id: u128,
        ) {
            let position = sort.position(&record(value, micros, version, id));
            let cursor = write(&list(&sort), &position);
            prop_assert_eq!(read(&cursor, &list(&sort), &sort).unwrap(), position);
            prop_assert!(cursor.len() <= LONGEST);
        }

        #[test]
        fn a_cursor_is_refused_for_another_list(value in any_json(), ours in any_sort(), theirs in any_sort()) {
            prop_assume!(ours != theirs);
            let cursor = write(&list(&ours), &ours.position(&record(value, 0, 1, 1)));
            prop_assert_eq!(read(&cursor, &list(&theirs), &theirs).unwrap_err().code(), Code::InvalidCursor);
        }

        #[test]
        fn garbage_is_refused_without_panic(text in any::<String>(), sort in any_sort()) {
            prop_assert_eq!(read(&text, &list(&sort), &sort).unwrap_err().code(), Code::InvalidCursor);
        }

        #[test]
        fn an_invalid_position_is_refused_with_the_right_digest(content in prop::collection::vec(any_json(), 0..5), sort in any_sort()) {
            let mut whole = vec![json!(list(&sort).0)];
            whole.extend(content);
            let text = BASE64_URL_SAFE_NO_PAD.encode(Value::from(whole).to_string());
            prop_assert!(read(&text, &list(&sort), &sort).is_err());
        }
    }

    #[test]
    fn a_cursor_whose_text_was_changed_is_refused() {
        let sort = sort("a");
        let ListDigest(digest) = list(&sort);
        let id = Uuid::nil();
        for content in [
            json!([digest, 9, "0", "", id]),
            json!([digest, 3, "1e999", "", id]),
            json!([digest, 3, "0 or 1", "", id]),
            json!([digest, 4, "0", "a\0b", id]),
            json!([digest, 4, "0", "x".repeat(201), id]),
            json!([digest, 4, "0", "x", "7"]),
            json!(["0123456789abcdef", 4, "0", "x", id]),
        ] {
            let cursor = BASE64_URL_SAFE_NO_PAD.encode(content.to_string());
            assert_eq!(
                read(&cursor, &list(&sort), &sort).unwrap_err().code(),
                Code::InvalidCursor,
                "{content}"
            );
        }
    }
}

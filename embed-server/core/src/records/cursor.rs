//! Where a page ended, so that the next goes on from there, whatever has been added or removed meanwhile.
//!
//! A cursor is base64url of `[question, …key, id]`. It holds no secret, and nothing can be done with a forged one but to
//! begin a page elsewhere; `question` stands for collection, filter and order, so that a cursor is of use for
//! its own list only.

use super::field::Field;
use super::filter::Filter;
use super::operand::time;
use super::order::{CHARACTERS, Key, Position, Sort};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use embed_base::crypto::sha256_hex;
use embed_base::db::json::rank;
use embed_base::{Code, Error, Result};
use serde_json::{Value, json};
use uuid::Uuid;

/// Hex digits that stand for the question.
const QUESTION: usize = 16;
/// Longer than any cursor that this server makes: 200 characters of at most six bytes in JSON, and the rest.
const LONGEST: usize = 4000;

/// What a list was asked: the collection, the filter and the order, as one short text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question(String);

impl Question {
    /// The text for a list.
    pub fn of(module: Uuid, collection: &str, filter: &Filter, sort: &Sort) -> Self {
        let asked = json!([module, collection, filter.to_json(), sort.to_string()]);
        let mut digest = sha256_hex(asked.to_string().as_bytes());
        digest.truncate(QUESTION);
        Self(digest)
    }
}

/// The cursor for a place in a list.
pub fn write(question: &Question, position: &Position) -> String {
    let Question(question) = question;
    let id = position.id;
    let content = match &position.key {
        Key::Id => json!([question, id]),
        Key::Time(time) => json!([question, time.to_rfc3339(), id]),
        Key::Version(version) => json!([question, version, id]),
        Key::Value { rank, number, text } => json!([question, rank, number, text, id]),
    };
    BASE64_URL_SAFE_NO_PAD.encode(content.to_string())
}

/// The place that a cursor names; 400 `invalid_cursor` when it is none of this list's.
pub fn read(cursor: &str, question: &Question, sort: &Sort) -> Result<Position> {
    let decoded = if cursor.len() <= LONGEST { BASE64_URL_SAFE_NO_PAD.decode(cursor).ok() } else { None };
    let content = decoded.and_then(|bytes| serde_json::from_slice::<Vec<Value>>(&bytes).ok());
    let Some((Value::String(asked), rest)) = content.as_ref().and_then(|content| content.split_first())
    else {
        return Err(invalid("This is no cursor; take it from `nextCursor` as it stands there."));
    };
    if *asked != question.0 {
        return Err(invalid(
            "This cursor is another list's: collection, filter and sort must be those of the page that it was on.",
        ));
    }
    position(rest, sort)
        .ok_or_else(|| invalid("This is no cursor; take it from `nextCursor` as it stands there."))
}

fn position(content: &[Value], sort: &Sort) -> Option<Position> {
    let (key, id) = match (&sort.field, content) {
        (Field::Id, [id]) => (Key::Id, id),
        (Field::CreatedAt | Field::UpdatedAt, [at, id]) => (Key::Time(time(at.as_str()?)?), id),
        (Field::Version, [version, id]) => (Key::Version(version.as_i64()?), id),
        (Field::Data(_), [rank, number, text, id]) => {
            let (rank, number, text) = (rank.as_i64()?, number.as_str()?, text.as_str()?);
            let is_key = (rank::MISSING..=rank::OBJECT).contains(&rank)
                && serde_json::from_str::<serde_json::Number>(number)
                    .is_ok_and(|read| read.to_string() == number)
                && text.chars().count() <= CHARACTERS
                && !text.contains('\0');
            (is_key.then(|| Key::Value { rank, number: number.to_owned(), text: text.to_owned() })?, id)
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
    use super::super::strict_json::tests::any_json;
    use super::*;
    use crate::modules::RecordSchema;
    use crate::records::Record;
    use chrono::DateTime;
    use proptest::prelude::*;

    fn sort(text: &str) -> Sort {
        Sort::parse(text, &RecordSchema::of(json!({}))).unwrap()
    }

    fn question(sort: &Sort) -> Question {
        Question::of(Uuid::nil(), "entries", &Filter::default(), sort)
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
        fn a_cursor_reads_back_to_its_place(
            value in any_json(), sort in any_sort(), micros in 0..4_000_000_000_000_000_i64, version in 1..i64::MAX, id: u128,
        ) {
            let position = sort.position(&record(value, micros, version, id));
            let cursor = write(&question(&sort), &position);
            prop_assert_eq!(read(&cursor, &question(&sort), &sort).unwrap(), position);
            prop_assert!(cursor.len() <= LONGEST);
        }

        #[test]
        fn a_cursor_is_worth_nothing_for_another_list(value in any_json(), ours in any_sort(), theirs in any_sort()) {
            prop_assume!(ours != theirs);
            let cursor = write(&question(&ours), &ours.position(&record(value, 0, 1, 1)));
            prop_assert_eq!(read(&cursor, &question(&theirs), &theirs).unwrap_err().code(), Code::InvalidCursor);
        }

        #[test]
        fn garbage_is_refused_without_panic(text in any::<String>(), sort in any_sort()) {
            prop_assert_eq!(read(&text, &question(&sort), &sort).unwrap_err().code(), Code::InvalidCursor);
        }

        #[test]
        fn what_is_no_place_is_refused_under_the_right_question(content in prop::collection::vec(any_json(), 0..5), sort in any_sort()) {
            let mut whole = vec![json!(question(&sort).0)];
            whole.extend(content);
            let text = BASE64_URL_SAFE_NO_PAD.encode(Value::from(whole).to_string());
            prop_assert!(read(&text, &question(&sort), &sort).is_err());
        }
    }

    #[test]
    fn a_cursor_whose_text_was_changed_is_refused() {
        let sort = sort("a");
        let Question(asked) = question(&sort);
        let id = Uuid::nil();
        for content in [
            json!([asked, 9, "0", "", id]),
            json!([asked, 3, "1e999", "", id]),
            json!([asked, 3, "0 or 1", "", id]),
            json!([asked, 4, "0", "a\0b", id]),
            json!([asked, 4, "0", "x".repeat(201), id]),
            json!([asked, 4, "0", "x", "7"]),
            json!(["0123456789abcdef", 4, "0", "x", id]),
        ] {
            let cursor = BASE64_URL_SAFE_NO_PAD.encode(content.to_string());
            assert_eq!(
                read(&cursor, &question(&sort), &sort).unwrap_err().code(),
                Code::InvalidCursor,
                "{content}"
            );
        }
    }
}

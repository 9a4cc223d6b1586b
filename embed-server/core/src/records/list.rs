//! Lists of records: the parameters and the page.

use super::Record;
use super::access::{Collection, Read};
use super::cursor::{self, ListDigest};
use super::filter::Filter;
use super::order::{Position, Sort};
use crate::modules::RecordSchema;
use embed_base::http::{QUERY_NOT_UTF8, percent_decoded};
use embed_base::{Code, Error, Result};
use schemars::JsonSchema;
use serde::Serialize;

/// The default number of records on a page.
pub const PAGE: u32 = 50;
/// The most records on a page.
pub const LARGEST_PAGE: u32 = 200;

/// The parameters of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct List {
    pub filter: Filter,
    pub sort: Sort,
    /// The most records on the page.
    pub limit: u32,
    /// The cursor that the page begins after.
    pub cursor: Option<String>,
}

impl Default for List {
    fn default() -> Self {
        Self { filter: Filter::default(), sort: Sort::default(), limit: PAGE, cursor: None }
    }
}

/// A page of records.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "Page")]
pub struct RecordPage {
    /// The records.
    pub data: Vec<Record>,
    /// The cursor of the next page; null on the last one.
    pub next_cursor: Option<String>,
}

impl List {
    /// Parses the query of a URL: `filter[field][op]=value`, `sort`, `limit` and `cursor`.
    pub fn parse(query: &str, schema: &RecordSchema) -> Result<Self> {
        if percent_decoded(query).is_none() {
            return Err(invalid(QUERY_NOT_UTF8.to_owned()));
        }
        let mut list = Self::default();
        let (mut sort, mut limit) = (None, None);
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let taken = match &*name {
                "sort" => sort.replace(Sort::parse(&value, schema)?).is_some(),
                "limit" => limit.replace(page_size(value.parse().ok())?).is_some(),
                "cursor" => list.cursor.replace(value.into_owned()).is_some(),
                name if name.starts_with("filter") => {
                    list.filter.add_parameter(&name["filter".len()..], &value, schema)?;
                    false
                }
                name => return Err(unknown(name)),
            };
            if taken {
                return Err(invalid(format!("`{name}` is given twice; once is enough.")));
            }
        }
        list.sort = sort.unwrap_or_default();
        list.limit = limit.unwrap_or(PAGE);
        Ok(list)
    }

    /// The cursor after a record of this list.
    pub fn cursor_at(&self, collection: &Collection<Read>, record: &Record) -> String {
        cursor::write(&self.digest(collection), &self.sort.position(record))
    }

    /// The digest that cursors of this list hold.
    pub(super) fn digest(&self, collection: &Collection<Read>) -> ListDigest {
        ListDigest::of(collection.module(), collection.name(), &self.filter, &self.sort)
    }

    /// The position that the page begins after.
    pub(super) fn start_after(&self, digest: &ListDigest) -> Result<Option<Position>> {
        let read = |cursor: &String| cursor::read(cursor, digest, &self.sort);
        self.cursor.as_ref().map(read).transpose()
    }
}

/// Checks the number of records for a page.
pub fn page_size(size: Option<u32>) -> Result<u32> {
    size.filter(|size| (1..=LARGEST_PAGE).contains(size)).ok_or_else(|| {
        invalid(format!("A page has 1 to {LARGEST_PAGE} records, as a whole number; {PAGE} by default."))
    })
}

fn unknown(name: &str) -> Error {
    let shown: String = name.chars().take(50).collect();
    invalid(format!(
        "There is no parameter `{}`; expected filter[field][op], sort, limit or cursor.",
        shown.escape_debug()
    ))
}

fn invalid(detail: String) -> Error {
    Error::new(Code::InvalidParameter, detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn parse(query: &str) -> Result<List> {
        List::parse(query, &RecordSchema::of(json!({})))
    }

    #[test]
    fn without_a_query_the_fifty_newest_are_meant() {
        let list = parse("").unwrap();
        assert_eq!(list, List::default());
        assert_eq!((list.sort.to_string().as_str(), list.limit), ("-createdAt", 50));
    }

    #[test]
    fn brackets_may_be_encoded() {
        let plain = parse("filter[a.b][ge]=4&sort=-a.b&limit=7&cursor=x").unwrap();
        assert_eq!(parse("filter%5Ba.b%5D%5Bge%5D=4&sort=-a%2Eb&limit=7&cursor=x").unwrap(), plain);
    }

    #[test]
    fn an_unknown_or_repeated_parameter_is_refused() {
        for (query, code, sentence) in [
            (
                "page=2",
                Code::InvalidParameter,
                "There is no parameter `page`; expected filter[field][op], sort, limit or cursor.",
            ),
            ("limit=0", Code::InvalidParameter, "1 to 200"),
            ("limit=201", Code::InvalidParameter, "1 to 200"),
            ("limit=ten", Code::InvalidParameter, "1 to 200"),
            ("limit=1&limit=1", Code::InvalidParameter, "`limit` is given twice"),
            ("sort=a&sort=b", Code::InvalidParameter, "`sort` is given twice"),
            ("sort=", Code::InvalidSort, "`` is not a field"),
            ("sort=a%22", Code::InvalidSort, "is not a field"),
            ("filter[a][eq]=1&filter[a][eq]=2", Code::InvalidFilter, "a has `eq` twice"),
            ("filters[a][eq]=1", Code::InvalidFilter, "expected filter[field][op]=value"),
        ] {
            let error = parse(query).unwrap_err();
            assert_eq!(error.code(), code, "{query}");
            assert!(error.detail().contains(sentence), "{query}: {error}");
        }
    }

    proptest! {
        #[test]
        fn no_query_panics(query in any::<String>()) {
            let _ = parse(&query);
        }

        #[test]
        fn no_query_of_the_right_words_panics(query in r"((filter|sort|limit|cursor)(\[[a-z.%]{0,3}\]){0,3}=[-a-z0-9%,]{0,5}&){0,4}") {
            let _ = parse(&query);
        }
    }
}

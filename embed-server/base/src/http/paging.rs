//! Lists in pages: `?limit=` and `?cursor=`, and `{"data": […], "nextCursor": …}`.

use super::Parameters;
use crate::error::{Error, Result};
use aide::OperationInput;
use aide::generate::GenContext;
use aide::openapi::Operation;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::marker::PhantomData;
use uuid::Uuid;

/// How many items a page has, unless the caller wants another number.
const DEFAULT_LIMIT: u8 = 50;
/// How many it has at most.
const LARGEST_LIMIT: u8 = 200;
/// The most bytes of a page's items as JSON; one item is answered with whatever its size.
pub const LARGEST_PAGE: usize = 1024 * 1024;

/// Something that is listed in the order of its ids, which are made in the order of time.
pub trait Listed {
    /// The list's name: a cursor of one list is not valid in another.
    const LIST: &'static str;

    /// The id by which the list is ordered.
    fn id(&self) -> Uuid;
}

/// The page of a list of `T` that a request asks for.
#[derive(Clone, Copy, Debug)]
pub struct Paging<T> {
    limit: u8,
    last_seen: Option<Uuid>,
    list: PhantomData<fn() -> T>,
}

/// A part of a list.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "{T}Page")]
pub struct Paged<T> {
    /// The items.
    pub data: Vec<T>,
    /// The `cursor` of the next page; null on the last one.
    pub next_cursor: Option<String>,
}

impl<T: Listed + Serialize> Paging<T> {
    /// The page of the items that were read: at most as many as asked for, and no more than [`LARGEST_PAGE`] of them.
    pub fn page(&self, mut data: Vec<T>) -> Paged<T> {
        let mut bytes = 0;
        let fits = |item: &&T| {
            bytes += json_bytes(*item);
            bytes <= LARGEST_PAGE
        };
        let fitting = data.iter().take(usize::from(self.limit)).take_while(fits).count().max(1);
        let more = data.len() > fitting;
        data.truncate(fitting);
        let next_cursor = data.last().filter(|_| more).map(|last| encode_cursor::<T>(last.id()));
        Paged { data, next_cursor }
    }
}

/// The bytes of a value as JSON.
pub fn json_bytes(value: &impl Serialize) -> usize {
    struct Counter(usize);

    impl std::io::Write for Counter {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    let mut counter = Counter(0);
    // What cannot be written stops the response itself.
    let _ = serde_json::to_writer(&mut counter, value);
    counter.0
}

impl<T: Listed> Paging<T> {
    /// Reads `limit` and `cursor` of a query.
    pub fn new(limit: Option<u8>, cursor: Option<&str>) -> Result<Self> {
        let limit = limit.unwrap_or(DEFAULT_LIMIT);
        if !(1..=LARGEST_LIMIT).contains(&limit) {
            return Err(Error::invalid(format!("`limit` is {limit}; expected 1 to {LARGEST_LIMIT}.")));
        }
        let invalid = || {
            let detail =
                "`cursor` is not one that this list has answered with; leave it out to begin at the start.";
            Error::invalid(detail)
        };
        let last_seen = cursor.map(|cursor| decode_cursor::<T>(cursor).ok_or_else(invalid)).transpose()?;
        Ok(Self { limit, last_seen, list: PhantomData })
    }

    /// The id after which the page begins, where a list begins with the oldest.
    pub fn after(&self) -> Uuid {
        self.last_seen.unwrap_or(Uuid::nil())
    }

    /// The id before which the page begins, where a list begins with the newest.
    pub fn before(&self) -> Uuid {
        self.last_seen.unwrap_or(Uuid::max())
    }

    /// How many items to read: one more than the page has, which shows whether another page follows.
    pub fn reads(&self) -> i64 {
        i64::from(self.limit) + 1
    }
}

/// Makes a cursor, opaque to callers: the list's name and the last id of the page.
fn encode_cursor<T: Listed>(id: Uuid) -> String {
    let list = crc32fast::hash(T::LIST.as_bytes()).to_be_bytes();
    BASE64_URL_SAFE_NO_PAD.encode([list.as_slice(), id.as_bytes()].concat())
}

fn decode_cursor<T: Listed>(cursor: &str) -> Option<Uuid> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(cursor).ok()?;
    let (list, id) = bytes.split_first_chunk::<4>()?;
    (*list == crc32fast::hash(T::LIST.as_bytes()).to_be_bytes()).then(|| Uuid::from_slice(id).ok())?
}

/// The query.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PagingParameters {
    /// The most items on the page; 50 by default.
    #[schemars(range(min = 1, max = 200))]
    limit: Option<u8>,
    /// The `nextCursor` of the page before.
    cursor: Option<String>,
}

impl<S: Send + Sync, T: Listed> FromRequestParts<S> for Paging<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let Parameters(PagingParameters { limit, cursor }) =
            Parameters::from_request_parts(parts, state).await?;
        Self::new(limit, cursor.as_deref())
    }
}

impl<T: Listed> OperationInput for Paging<T> {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        Parameters::<PagingParameters>::operation_input(ctx, operation);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Request;
    use proptest::prelude::*;

    #[derive(Debug, Serialize)]
    struct Apple(Uuid, String);
    struct Pear;

    impl Listed for Apple {
        const LIST: &'static str = "apples";

        fn id(&self) -> Uuid {
            self.0
        }
    }

    impl Listed for Pear {
        const LIST: &'static str = "pears";

        fn id(&self) -> Uuid {
            Uuid::nil()
        }
    }

    async fn ask(query: &str) -> Result<Paging<Apple>> {
        let (mut parts, ()) = Request::get(format!("/apples?{query}")).body(()).unwrap().into_parts();
        Paging::from_request_parts(&mut parts, &()).await
    }

    #[tokio::test]
    async fn a_page_is_followed_until_nothing_follows() {
        let paging = ask("limit=2").await.unwrap();
        let apples: Vec<_> = (1..=3).map(|number| Apple(Uuid::from_u128(number), String::new())).collect();
        assert_eq!((paging.after(), paging.before(), paging.reads()), (Uuid::nil(), Uuid::max(), 3));
        let page = paging.page(apples);
        assert_eq!(page.data.len(), 2);
        let next = ask(&format!("cursor={}", page.next_cursor.unwrap())).await.unwrap();
        assert_eq!(next.after(), Uuid::from_u128(2));
        assert_eq!(next.page(vec![Apple(Uuid::from_u128(3), String::new())]).next_cursor, None);
    }

    #[tokio::test]
    async fn a_page_is_cut_where_its_items_are_large() {
        let apples = |bytes: usize| -> Vec<_> {
            (1..=3).map(|number| Apple(Uuid::from_u128(number), "x".repeat(bytes))).collect()
        };
        let paging = ask("limit=3").await.unwrap();
        for (bytes, items) in [(LARGEST_PAGE / 4, 3), (LARGEST_PAGE * 2 / 5, 2), (LARGEST_PAGE, 1)] {
            let page = paging.page(apples(bytes));
            assert_eq!((page.data.len(), page.next_cursor.is_some()), (items, items < 3));
        }
        assert!(paging.page(Vec::new()).next_cursor.is_none());
    }

    #[tokio::test]
    async fn what_is_no_limit_or_cursor_is_refused() {
        let pear = format!("cursor={}", encode_cursor::<Pear>(Uuid::from_u128(1)));
        for (query, sentence) in [
            ("limit=0", "`limit` is 0; expected 1 to 200."),
            ("limit=201", "`limit` is 201; expected 1 to 200."),
            ("limit=-1", "invalid digit"),
            ("limit=ten", "invalid digit"),
            ("limit=1&limit=2", "duplicate field `limit`"),
            ("offset=3", "unknown field `offset`, expected `limit` or `cursor`"),
            ("cursor=", "`cursor` is not one that this list has answered with"),
            (&pear, "`cursor` is not one that this list has answered with"),
        ] {
            let error = ask(query).await.unwrap_err();
            assert!(error.detail().contains(sentence), "{query}: {error}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_no_cursor_is_refused_without_panic(text in "[A-Za-z0-9_-]{0,30}") {
            prop_assert!(decode_cursor::<Apple>(&text).is_none_or(|id| encode_cursor::<Apple>(id) == text));
        }
    }
}

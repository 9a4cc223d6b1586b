//! The types of GraphQL responses.

use super::{Access, graphql_error};
use crate::records::{Record, RecordPage};
use async_graphql::connection::PageInfo;
use async_graphql::{
    Context, ID, InputValueError, InputValueResult, Object, Scalar, ScalarType, SimpleObject, Value,
};
use chrono::{DateTime, SecondsFormat, Utc};
use embed_base::http::json_bytes;

/// A record of a collection.
pub(super) struct RecordNode(pub Record);

#[Object(name = "Record")]
impl RecordNode {
    /// The record's id; later records have greater ids.
    async fn id(&self) -> ID {
        self.0.id.into()
    }

    /// The collection that it is in.
    async fn collection(&self) -> &str {
        &self.0.collection
    }

    /// The data, as the collection's schema requires.
    async fn data(&self, context: &Context<'_>) -> async_graphql::Result<serde_json::Value> {
        let data = serde_json::Value::from(self.0.data.clone());
        let access = context.data::<Access>()?;
        access.take_answered(json_bytes(&data)).map_err(|error| graphql_error(&error, &access.request_id))?;
        Ok(data)
    }

    /// 1 for a new record, and one more after each change.
    async fn version(&self) -> i64 {
        self.0.version
    }

    /// When it was created.
    async fn created_at(&self) -> Time {
        Time(self.0.created_at)
    }

    /// When it last changed.
    async fn updated_at(&self) -> Time {
        Time(self.0.updated_at)
    }
}

/// A time in UTC, as RFC 3339 writes it.
pub(super) struct Time(DateTime<Utc>);

#[Scalar(name = "DateTime", specified_by_url = "https://www.rfc-editor.org/rfc/rfc3339")]
impl ScalarType for Time {
    fn parse(value: Value) -> InputValueResult<Self> {
        match &value {
            Value::String(text) => Ok(Self(text.parse()?)),
            _ => Err(InputValueError::expected_type(value)),
        }
    }

    fn to_value(&self) -> Value {
        self.0.to_rfc3339_opts(SecondsFormat::AutoSi, true).into()
    }
}

/// A page of records.
#[derive(SimpleObject)]
pub(super) struct RecordConnection {
    /// The records, each with its cursor.
    edges: Vec<RecordEdge>,
    /// The records.
    nodes: Vec<RecordNode>,
    /// The position of the page in the list.
    page_info: PageInfo,
}

/// A record with its position in a list.
#[derive(SimpleObject)]
pub(super) struct RecordEdge {
    /// The cursor for `after`.
    cursor: String,
    /// The record.
    node: RecordNode,
}

/// A record that was deleted.
#[derive(SimpleObject)]
pub(super) struct DeletedRecord {
    /// Its id.
    pub id: ID,
}

impl RecordConnection {
    pub(super) fn of(page: RecordPage, cursor: impl Fn(&Record) -> String) -> Self {
        let edges: Vec<_> = page
            .data
            .iter()
            .map(|record| RecordEdge { cursor: cursor(record), node: RecordNode(record.clone()) })
            .collect();
        let page_info = PageInfo {
            // Lists are only read forwards.
            has_previous_page: false,
            has_next_page: page.next_cursor.is_some(),
            start_cursor: edges.first().map(|edge| edge.cursor.clone()),
            end_cursor: edges.last().map(|edge| edge.cursor.clone()),
        };
        Self { edges, nodes: page.data.into_iter().map(RecordNode).collect(), page_info }
    }
}

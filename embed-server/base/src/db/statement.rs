//! Statements whose text is not one literal. Everything from a stranger is an argument, and nothing outside this folder
//! can assert that a text is safe: [`sql!`](crate::sql) joins pieces that no request has written, and a [`Statement`] is
//! built where the pieces depend on the request.

use super::Tx;
use chrono::{DateTime, Utc};
use futures_util::{Stream, TryStreamExt};
use sqlx::AssertSqlSafe;
use std::borrow::Cow;
use uuid::Uuid;

/// The text and arguments of a statement, for one engine.
#[derive(Debug)]
pub struct Statement {
    pub(super) engine: Engine,
    text: String,
    arguments: Vec<Argument>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Engine {
    Sqlite,
    Postgres,
}

/// The value of a placeholder `$n`.
#[derive(Clone, Debug, PartialEq)]
pub enum Argument {
    Id(Uuid),
    Integer(i64),
    /// A text without U+0000, which PostgreSQL cannot store.
    Text(String),
    Time(DateTime<Utc>),
}

impl Statement {
    /// An empty statement for the engine of a transaction.
    pub fn new(tx: &Tx) -> Self {
        let engine = match tx {
            Tx::Sqlite(_) => Engine::Sqlite,
            Tx::Postgres(_) => Engine::Postgres,
        };
        Self { engine, text: String::new(), arguments: Vec::new() }
    }

    /// Appends text that this program has written.
    pub fn push(&mut self, text: impl Into<Fragment>) {
        self.text.push_str(&text.into().0);
    }

    /// Takes an argument; what stands for it in the text.
    pub fn place(&mut self, argument: Argument) -> Fragment {
        self.arguments.push(argument);
        Fragment::made(format!("${}", self.arguments.len()))
    }

    /// The finished text, and the arguments in the order of their placeholders.
    pub fn into_parts(self) -> (SqlText, Vec<Argument>) {
        (AssertSqlSafe(self.text), self.arguments)
    }
}

/// A piece of SQL that no request has written: a literal, or what a function of this folder makes.
#[derive(Clone, Debug)]
pub struct Fragment(Cow<'static, str>);

impl Fragment {
    pub(super) fn made(text: String) -> Self {
        Self(Cow::Owned(text))
    }

    /// The pieces with a text between each two.
    pub fn joined(pieces: &[Self], between: &'static str) -> Self {
        let texts: Vec<_> = pieces.iter().map(|Self(text)| &**text).collect();
        Self::made(texts.join(between))
    }
}

impl From<&'static str> for Fragment {
    fn from(text: &'static str) -> Self {
        Self(Cow::Borrowed(text))
    }
}

impl From<&Fragment> for Fragment {
    fn from(fragment: &Fragment) -> Self {
        fragment.clone()
    }
}

impl From<i64> for Fragment {
    fn from(number: i64) -> Self {
        Self::made(number.to_string())
    }
}

impl<const N: usize> From<[&'static str; N]> for Fragment {
    fn from(texts: [&'static str; N]) -> Self {
        Self::made(texts.concat())
    }
}

/// The text of a statement, which sqlx takes.
pub type SqlText = AssertSqlSafe<String>;

/// What [`sql!`](crate::sql) calls.
pub fn join(fragments: &[Fragment]) -> SqlText {
    AssertSqlSafe(fragments.iter().map(|Fragment(text)| &**text).collect())
}

/// Joins fragments and literals to the text of a statement.
///
/// ```ignore
/// let text = sql!("SELECT COUNT(*) FROM module_views WHERE ", sites::OF_ORGANIZATION);
/// ```
#[macro_export]
macro_rules! sql {
    ($($piece:expr),+ $(,)?) => {
        $crate::db::join(&[$($crate::db::Fragment::from($piece)),+])
    };
}

/// Joins fragments, literals and numbers to a fragment.
#[macro_export]
macro_rules! fragment {
    ($($piece:expr),+ $(,)?) => {
        $crate::db::Fragment::joined(&[$($crate::db::Fragment::from($piece)),+], "")
    };
}

/// The list after `VALUES` for this many rows and columns: `($1, $2), ($3, $4)`.
pub fn places(rows: usize, columns: usize) -> Fragment {
    let row = |row: usize| format!("({})", numbered(row * columns + 1, columns));
    Fragment::made((0..rows).map(row).collect::<Vec<_>>().join(", "))
}

/// The list after `IN` for this many values, the first of which is `$first`: `($3, $4)`.
pub fn one_of(first: usize, values: usize) -> Fragment {
    Fragment::made(format!("({})", numbered(first, values)))
}

fn numbered(first: usize, count: usize) -> String {
    (first..first + count).map(|place| format!("${place}")).collect::<Vec<_>>().join(", ")
}

/// A query of an engine with its arguments, for the macros below.
#[doc(hidden)]
#[macro_export]
macro_rules! bound {
    ($text:expr, $arguments:expr) => {
        $arguments.into_iter().fold(sqlx::query_as($text), |query, argument| match argument {
            $crate::db::Argument::Id(id) => query.bind(id),
            $crate::db::Argument::Integer(integer) => query.bind(integer),
            $crate::db::Argument::Text(text) => query.bind(text),
            $crate::db::Argument::Time(time) => query.bind(time),
        })
    };
}

/// Fetches all rows of a [`Statement`] from either engine.
#[macro_export]
macro_rules! fetch_all {
    ($tx:expr, $statement:expr) => {{
        let (text, arguments) = $statement.into_parts();
        $crate::db::on!($tx, |conn| { $crate::bound!(text, arguments).fetch_all(conn).await })
    }};
}

/// Fetches the rows of a [`Statement`] from either engine, one by one, as long as `$takes` takes them.
#[macro_export]
macro_rules! fetch_while {
    ($tx:expr, $statement:expr, $takes:expr) => {{
        let (text, arguments) = $statement.into_parts();
        $crate::db::on!($tx, |conn| {
            $crate::db::take_while($crate::bound!(text, arguments).fetch(conn), $takes).await
        })
    }};
}

/// Reads rows until one is not taken.
pub async fn take_while<Row>(
    mut rows: impl Stream<Item = sqlx::Result<Row>> + Unpin,
    mut takes: impl FnMut(Row) -> bool,
) -> sqlx::Result<()> {
    while let Some(row) = rows.try_next().await? {
        if !takes(row) {
            break;
        }
    }
    Ok(())
}

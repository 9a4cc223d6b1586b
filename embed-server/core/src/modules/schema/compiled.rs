//! Compiled schemas: compiled beside the request threads, once for all versions that have the same schema, and kept within
//! a bound of memory.

use super::pattern::{self, LARGEST, LARGEST_CACHE, Size};
use super::{FieldError, weight, work};
use embed_base::files::Digest;
use embed_base::work::Work;
use embed_base::{Code, Error, Result};
use jsonschema::error::ValidationErrorKind;
use jsonschema::{PatternOptions, ValidationError, Validator};
use moka::future::Cache;
use serde_json::Value;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// The most bytes of compiled schemas, as estimated.
const MOST_BYTES: u64 = 64 * 1024 * 1024;
/// What a value of a schema takes once it is compiled, in bytes.
const BYTES_OF_A_VALUE: u64 = 500;
/// The engine keeps a pattern forwards, backwards, and with what makes it fast.
const COPIES_OF_A_PATTERN: u64 = 4;
/// The most errors that are reported for one record.
pub(super) const MOST_ERRORS: usize = 50;
/// The most work of a check whose errors are listed: the library makes them all, hundreds of bytes for each branch of each
/// item, before it answers with the first.
const MOST_WORK_LISTED: u64 = 200_000;
/// The most work of a check on the thread that the request arrived on.
const LITTLE_WORK: u64 = 50_000;

/// The bounds of schemas, as `docs/limits.md` lists them.
pub(in crate::modules) fn bounds() -> Vec<(&'static str, usize)> {
    vec![
        ("values of a schema, with references written out", weight::MOST as usize),
        ("nesting of a schema, with references written out", weight::DEEPEST),
        ("chain of references", weight::LONGEST_CHAIN),
        ("patterns of a schema", pattern::MOST),
        ("bytes of a pattern", pattern::LONGEST),
        ("KiB of a pattern with its repetitions written out", LARGEST / 1024),
        ("KiB of a schema's patterns with their repetitions written out", pattern::LARGEST_TOGETHER / 1024),
        ("MiB of compiled schemas in memory", (MOST_BYTES / (1024 * 1024)) as usize),
        (
            "work of checking a record: its values times what the schema says of each, texts times the size of patterns",
            work::MOST as usize,
        ),
        ("work of a check whose errors are listed", MOST_WORK_LISTED as usize),
        ("errors that are listed for a record", MOST_ERRORS),
    ]
}

/// The compiled schemas of a server. Cheap to clone; clones share one cache.
#[derive(Clone)]
pub(in crate::modules) struct Compiler {
    compiled: Cache<Digest, Arc<Compiled>>,
    work: Work,
}

impl Compiler {
    pub fn new(work: &Work) -> Self {
        let weight = |_: &Digest, compiled: &Arc<Compiled>| u32::try_from(compiled.bytes).unwrap_or(u32::MAX);
        Self {
            compiled: Cache::builder().max_capacity(MOST_BYTES).weigher(weight).build(),
            work: work.clone(),
        }
    }

    /// The fields of `data` that violate a schema, and the data. Errors are sorted; if there are too many, the last entry
    /// says so.
    pub(super) async fn violations(
        &self,
        source: &Arc<Value>,
        digest: &Digest,
        data: Value,
    ) -> Result<(Value, Vec<FieldError>)> {
        let compile = async {
            let source = source.clone();
            let compiled = self.work.run(move || Compiled::new(source)).await?;
            compiled.map(Arc::new).map_err(unusable)
        };
        let compiled = match self.compiled.get(digest).await {
            Some(compiled) => compiled,
            None => Box::pin(self.compiled.try_get_with(digest.clone(), compile))
                .await
                .map_err(|error| Error::shared(&error))?,
        };
        if compiled.at_most(&data) <= LITTLE_WORK {
            let found = compiled.violations(&data);
            return Ok((data, found));
        }
        self.work.run(move || (compiled.violations(&data), data)).await.map(|(found, data)| (data, found))
    }
}

impl fmt::Debug for Compiler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compiler").field("compiled", &self.compiled.entry_count()).finish_non_exhaustive()
    }
}

/// A schema that was accepted by a server with other bounds.
fn unusable(reason: String) -> Error {
    let detail = format!(
        "This server cannot use the collection's schema: {reason} Publish a version with another one."
    );
    Error::new(Code::InvalidManifest, detail)
}

/// A compiled schema.
pub(super) struct Compiled {
    source: Arc<Value>,
    validator: Validator,
    patterns: HashMap<String, Size>,
    /// The number of its values, with references written out.
    weight: u64,
    /// The memory that it takes.
    bytes: u64,
}

impl Compiled {
    /// Compiles a schema; the error says what is wrong with it and where.
    pub fn new(source: Arc<Value>) -> Result<Self, String> {
        let weight = weight::check(&source)?;
        let patterns = pattern::sizes(&source)?;
        let validator = jsonschema::options()
            .offline()
            .should_validate_formats(true)
            .with_pattern_options(
                PatternOptions::regex().size_limit(4 * LARGEST).dfa_size_limit(LARGEST_CACHE),
            )
            .build(&source)
            .map_err(|error| {
                let place = error.instance_path().to_string();
                if place.is_empty() { error.to_string() } else { format!("at {place}: {error}") }
            })?;
        let in_patterns: u64 = patterns.values().map(|size| (size.bytes + LARGEST_CACHE) as u64).sum();
        let bytes = weight * BYTES_OF_A_VALUE + in_patterns * COPIES_OF_A_PATTERN;
        Ok(Self { source, validator, patterns, weight, bytes })
    }

    pub fn weight(&self) -> u64 {
        self.weight
    }

    /// More than the work of checking this data can be, found quickly.
    fn at_most(&self, data: &Value) -> u64 {
        let states: u64 = self.patterns.values().map(|size| size.states as u64).sum();
        work::size(data).saturating_mul(self.weight.saturating_add(states * 16))
    }

    pub fn violations(&self, data: &Value) -> Vec<FieldError> {
        let Some(work) = work::count(&self.source, data, &self.patterns) else {
            return vec![whole(
                "Checking the data against the schema would take too long; send less data in one record.",
            )];
        };
        if self.validator.is_valid(data) {
            return Vec::new();
        }
        if work > MOST_WORK_LISTED {
            return vec![whole(
                "The data violates the schema, and is too large to say where; check its parts.",
            )];
        }
        let mut errors = self.validator.iter_errors(data);
        let mut found: Vec<_> =
            errors.by_ref().take(MOST_ERRORS + 1).flat_map(|error| described(&error)).collect();
        found.sort();
        found.dedup();
        if found.len() > MOST_ERRORS || errors.next().is_some() {
            found.truncate(MOST_ERRORS);
            found.push(whole("There are more errors than these; fix these first."));
        }
        found
    }
}

fn whole(detail: &str) -> FieldError {
    FieldError { field: String::new(), detail: detail.to_owned() }
}

/// The error, once for each field that it is about. It does not repeat the values, which may be long.
fn described(error: &ValidationError<'_>) -> Vec<FieldError> {
    let place = error.instance_path().to_string();
    let below = |name: &str| format!("{place}/{}", name.replace('~', "~0").replace('/', "~1"));
    let at = |field: String, detail: &str| FieldError { field, detail: detail.to_owned() };
    match error.kind() {
        ValidationErrorKind::Required { property } => {
            vec![at(below(property.as_str().unwrap_or_default()), "This field is required.")]
        }
        ValidationErrorKind::AdditionalProperties { unexpected }
        | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
            let unknown = |name: &String| at(below(name), "The schema does not allow this field.");
            unexpected.iter().map(unknown).collect()
        }
        _ => vec![FieldError { field: place, detail: format!("{}.", error.masked_with("The value")) }],
    }
}

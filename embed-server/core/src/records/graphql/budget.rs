//! The work that a GraphQL request asks for, counted before the library sees its document.
//!
//! async-graphql 7.2.1 checks the depth and the directives of a document by walking each spread of a fragment anew, before
//! it checks anything else (`check_recursive_depth` and `check_max_directives` in `schema.rs`). Fragments that spread the
//! next one twice double that walk at each step: 1.2 KB of them take hours on the thread that they arrived on. Its limit of
//! complexity is only checked afterwards. So fragments are written out here in numbers, each once, and what is too much is
//! refused. Its validation also compares the fields of each set with all that its fragments have, used or not, so each
//! fragment counts for itself too.

use super::tokens;
use async_graphql::parser::types::{Directive, ExecutableDocument, Selection, SelectionSet};
use async_graphql::{Name, Positioned, Request, ServerError, Value};
use std::collections::HashMap;
use std::convert::Infallible;

/// The most fields and fragments of all operations, with their fragments written out. The standard query for the schema
/// has 340.
const MOST_SELECTIONS: usize = 2_000;
/// The deepest nesting of selections, with fragments written out.
pub(super) const DEEPEST_SELECTIONS: usize = 32;
/// The most values in all arguments, with fragments and variables written out: the largest record is 131 000.
const MOST_VALUES: usize = 150_000;
/// The most operations of a document, of which one is executed.
const MOST_OPERATIONS: usize = 20;
/// The most fragments of a document.
const MOST_FRAGMENTS: usize = 100;
/// The most variables that an operation declares.
const MOST_VARIABLES: usize = 100;
/// The most aliases of a document, with fragments written out.
const MOST_ALIASES: usize = 500;
/// The most directives of a document, with fragments written out.
const MOST_DIRECTIVES: usize = 100;

/// The bounds of a document, as `docs/limits.md` lists them.
pub(super) fn bounds() -> Vec<(&'static str, usize)> {
    vec![
        ("tokens of a document", tokens::MOST_TOKENS),
        ("nesting of brackets", tokens::DEEPEST_NESTING),
        ("characters of a name in a document", tokens::LONGEST_NAME),
        ("fields of all operations and fragments, with fragments written out", MOST_SELECTIONS),
        ("aliases, with fragments written out", MOST_ALIASES),
        ("directives, with fragments written out", MOST_DIRECTIVES),
        ("values in arguments, with fragments and variables written out", MOST_VALUES),
        ("nesting of selections, with fragments written out", DEEPEST_SELECTIONS),
        ("operations of a document", MOST_OPERATIONS),
        ("fragments of a document", MOST_FRAGMENTS),
        ("variables of an operation", MOST_VARIABLES),
    ]
}

/// What is known of a document that is not too much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Checked {
    /// Whether it asks for the schema anywhere.
    pub describes_schema: bool,
    /// Whether it asks for nothing else.
    pub only_schema: bool,
}

/// Parses a request's document, and refuses it where carrying it out would be too much work.
pub(super) fn check(request: &mut Request) -> Result<Checked, ServerError> {
    tokens::check(&request.query).map_err(refused)?;
    let variables = request.variables.iter().map(|(name, value)| (name.clone(), values(value))).collect();
    let document = request.parsed_query()?;
    let mut budget =
        Budget { document, variables, fragments: HashMap::new(), chain: Vec::new(), describes_schema: false };
    budget.check().map_err(refused)?;
    let only_schema = asks_only_for_schema(document);
    Ok(Checked { describes_schema: budget.describes_schema, only_schema })
}

fn refused(sentence: String) -> ServerError {
    ServerError::new(sentence, None)
}

/// The number of values in a value, itself included.
fn values(value: &Value) -> usize {
    match value {
        Value::List(items) => 1 + items.iter().map(values).sum::<usize>(),
        Value::Object(members) => 1 + members.values().map(values).sum::<usize>(),
        _ => 1,
    }
}

/// Whether every operation asks for nothing but the schema.
fn asks_only_for_schema(document: &ExecutableDocument) -> bool {
    document.operations.iter().all(|(_, operation)| {
        operation.node.selection_set.node.items.iter().all(|selection| {
            matches!(&selection.node, Selection::Field(field) if field.node.name.node.starts_with("__"))
        })
    })
}

/// What a part of a document amounts to, with its fragments written out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Amount {
    selections: usize,
    aliases: usize,
    directives: usize,
    values: usize,
    depth: usize,
}

impl Amount {
    fn add(&mut self, other: Self) {
        self.selections = self.selections.saturating_add(other.selections);
        self.aliases = self.aliases.saturating_add(other.aliases);
        self.directives = self.directives.saturating_add(other.directives);
        self.values = self.values.saturating_add(other.values);
        self.depth = self.depth.max(other.depth);
    }

    fn check(&self) -> Result<(), String> {
        for (amount, most, what) in [
            (self.selections, MOST_SELECTIONS, "fields"),
            (self.aliases, MOST_ALIASES, "aliases"),
            (self.directives, MOST_DIRECTIVES, "directives"),
            (self.values, MOST_VALUES, "values in its arguments"),
        ] {
            if amount > most {
                return Err(format!(
                    "With its fragments and variables written out the query has more than {most} {what}; split it into several requests."
                ));
            }
        }
        if self.depth > DEEPEST_SELECTIONS {
            return Err(format!(
                "With its fragments written out the query is nested more than {DEEPEST_SELECTIONS} levels deep."
            ));
        }
        Ok(())
    }
}

struct Budget<'d> {
    document: &'d ExecutableDocument,
    /// The number of values in each variable.
    variables: HashMap<Name, usize>,
    /// What each fragment amounts to.
    fragments: HashMap<&'d str, Amount>,
    /// The fragments that are being followed.
    chain: Vec<&'d str>,
    describes_schema: bool,
}

impl<'d> Budget<'d> {
    fn check(&mut self) -> Result<(), String> {
        let document = self.document;
        let operations = document.operations.iter().count();
        if operations > MOST_OPERATIONS {
            return Err(format!(
                "The query has more than {MOST_OPERATIONS} operations; send the one to execute."
            ));
        }
        if document.fragments.len() > MOST_FRAGMENTS {
            return Err(format!("The query has more than {MOST_FRAGMENTS} fragments."));
        }
        let mut all = Amount::default();
        for (_, operation) in document.operations.iter() {
            let declared = &operation.node.variable_definitions;
            if declared.len() > MOST_VARIABLES {
                return Err(format!("An operation declares more than {MOST_VARIABLES} variables."));
            }
            for variable in declared {
                all.directives += variable.node.directives.len();
                all.values += variable.node.default_value().map_or(0, values);
            }
            all.add(self.directives(&operation.node.directives));
            all.add(self.set(&operation.node.selection_set)?);
        }
        for (name, fragment) in &document.fragments {
            all.add(self.directives(&fragment.node.directives));
            all.add(self.fragment(name)?);
        }
        all.check()
    }

    fn set(&mut self, set: &'d Positioned<SelectionSet>) -> Result<Amount, String> {
        let mut whole = Amount::default();
        for selection in &set.node.items {
            let mut one = match &selection.node {
                Selection::Field(field) => {
                    let field = &field.node;
                    self.describes_schema |= matches!(field.name.node.as_str(), "__schema" | "__type");
                    let mut inside = self.set(&field.selection_set)?;
                    inside.aliases = inside.aliases.saturating_add(usize::from(field.alias.is_some()));
                    for (_, value) in &field.arguments {
                        let written_out =
                            self.values(|variable| value.node.clone().into_const_with(variable));
                        inside.values = inside.values.saturating_add(written_out);
                    }
                    inside
                }
                Selection::InlineFragment(inline) => self.set(&inline.node.selection_set)?,
                Selection::FragmentSpread(spread) => self.fragment(&spread.node.fragment_name.node)?,
            };
            one.add(self.directives(selection.node.directives()));
            one.selections = one.selections.saturating_add(1);
            one.depth += 1;
            whole.add(one);
        }
        Ok(whole)
    }

    /// What a fragment amounts to; nothing where there is none of this name, which the library says.
    fn fragment(&mut self, name: &'d str) -> Result<Amount, String> {
        if let Some(&known) = self.fragments.get(name) {
            return Ok(known);
        }
        let Some(fragment) = self.document.fragments.get(name) else { return Ok(Amount::default()) };
        if self.chain.contains(&name) {
            return Err(format!("The fragment {name} spreads itself."));
        }
        self.chain.push(name);
        let amount = self.set(&fragment.node.selection_set)?;
        self.chain.pop();
        self.fragments.insert(name, amount);
        Ok(amount)
    }

    fn directives(&self, directives: &[Positioned<Directive>]) -> Amount {
        let arguments = directives.iter().flat_map(|directive| &directive.node.arguments);
        let values =
            arguments.map(|(_, value)| self.values(|variable| value.node.clone().into_const_with(variable)));
        let values = values.fold(0, usize::saturating_add);
        Amount { directives: directives.len(), values, ..Amount::default() }
    }

    /// The number of values in an argument, with its variables written out. `resolve` replaces the variables of the argument,
    /// whose type the library does not export.
    fn values(&self, resolve: impl FnOnce(Variable<'_>) -> Result<Value, Infallible>) -> usize {
        let mut in_variables = 0_usize;
        let mut variable = |name: Name| {
            in_variables = in_variables.saturating_add(self.variables.get(&name).copied().unwrap_or(0));
            Ok(Value::Null)
        };
        let Ok(constant) = resolve(&mut variable);
        values(&constant).saturating_add(in_variables)
    }
}

/// Resolves a variable by its name.
type Variable<'v> = &'v mut dyn FnMut(Name) -> Result<Value, Infallible>;

#[cfg(test)]
mod tests {
    use super::*;
    use async_graphql::Variables;
    use serde_json::json;

    fn refusal(query: &str, variables: serde_json::Value) -> String {
        let mut request = Request::new(query).variables(Variables::from_json(variables));
        check(&mut request).unwrap_err().message
    }

    fn accepted(query: &str) -> Checked {
        check(&mut Request::new(query)).unwrap()
    }

    /// Fragments of which each spreads the next one so often.
    fn doubling(levels: usize, each: usize) -> String {
        let fragment = |level: usize| {
            format!("fragment f{level} on Query {{ {} }} ", format!("...f{} ", level + 1).repeat(each))
        };
        let fragments: String = (0..levels).map(fragment).collect();
        format!("query {{ ...f0 }} {fragments} fragment f{levels} on Query {{ __typename }}")
    }

    #[test]
    fn fragments_are_counted_as_often_as_they_are_spread() {
        for (levels, each) in [(28, 2), (28, 3), (11, 2), (6, 4)] {
            let refused = refusal(&doubling(levels, each), json!({}));
            assert!(refused.contains("more than 2000 fields"), "{levels}, {each}: {refused}");
        }
        accepted(&doubling(7, 2));
        // Those that no operation spreads count too.
        let unused = doubling(28, 2).replace("query { ...f0 }", "{ __typename }");
        assert!(refusal(&unused, json!({})).contains("more than 2000 fields"));
    }

    #[test]
    fn what_is_too_much_is_refused_by_its_kind() {
        let many = |one: &str, count: usize| -> String {
            (0..count).map(|number| one.replace('#', &number.to_string())).collect()
        };
        for (query, sentence) in [
            (format!("{{ {} }}", many("__typename ", 2_001)), "more than 2000 fields"),
            (format!("{{ {} }}", many("a#: __typename ", 501)), "more than 500 aliases"),
            (format!("{{ a {} }}", many("@a ", 101)), "more than 100 directives"),
            (format!("query {} {{ a }}", many("@a ", 101)), "more than 100 directives"),
            (format!("{{ ... {} {{ a }} }}", many("@a ", 101)), "more than 100 directives"),
            (many("query q# { a } ", 21), "more than 20 operations"),
            (format!("{{ a }} {}", many("fragment f# on Query { a } ", 101)), "more than 100 fragments"),
            (format!("query({}) {{ a }}", many("$v#: Int ", 101)), "more than 100 variables"),
            (
                format!("{}a{}", "{a".repeat(33), "}".repeat(33)).replace("aa}", "a}"),
                "more than 32 levels deep",
            ),
            (
                "{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }".to_owned(),
                "spreads itself",
            ),
            ("{ a } fragment a on Query { ...a }".to_owned(), "spreads itself"),
        ] {
            let refused = refusal(&query, json!({}));
            assert!(refused.contains(sentence), "{query}: {refused}");
        }
    }

    #[test]
    fn a_variable_counts_as_often_as_it_is_used() {
        let query = |uses: usize| {
            let each = |number| format!("a{number}: records(filter: [$list, {{a: $list}}]) ");
            format!("query($list: JSON) {{ {} }}", (0..uses).map(each).collect::<String>())
        };
        let variables = json!({ "list": vec![0; 10_000] });
        assert!(refusal(&query(8), variables.clone()).contains("more than 150000 values"));
        let mut request = Request::new(query(7)).variables(Variables::from_json(variables));
        check(&mut request).unwrap();
        let skipped = format!("query($list: JSON) {{ {} }}", "a @skip(if: $list) ".repeat(16));
        assert!(refusal(&skipped, json!({ "list": vec![0; 10_000] })).contains("more than 150000 values"));
    }

    #[test]
    fn a_document_that_asks_for_the_schema_is_known() {
        let checked = |describes_schema, only_schema| Checked { describes_schema, only_schema };
        assert_eq!(accepted("{ __schema { types { name } } }"), checked(true, true));
        assert_eq!(
            accepted("{ ...a } fragment a on Query { __type(name: \"Query\") { name } }"),
            checked(true, false)
        );
        assert_eq!(accepted("{ records { nodes { id } } }"), checked(false, false));
        assert_eq!(accepted("{ __typename }"), checked(false, true));
    }
}

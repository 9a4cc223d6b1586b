//! The size of a GraphQL document, counted before it is parsed.
//!
//! The count is never below that of the parser, which takes `1-1` and `00` for two numbers each.

/// The most bytes of a document; variables are not part of it.
pub(super) const LONGEST_QUERY: usize = 64 * 1024;
/// The most tokens of a document. The standard query for the schema has 250, the largest request of 19 changes some 2000.
pub(super) const MOST_TOKENS: usize = 10_000;
/// The deepest nesting of brackets of every kind, by which the parser recurses.
pub(super) const DEEPEST_NESTING: usize = 64;
/// The most bytes of a name: errors repeat names, and compare them with known ones.
pub(super) const LONGEST_NAME: usize = 100;

/// Refuses a document that is too large to be parsed; the error says in which way.
pub(super) fn check(query: &str) -> Result<(), String> {
    if query.len() > LONGEST_QUERY {
        let most = LONGEST_QUERY / 1024;
        return Err(format!(
            "The query has more than {most} KiB; send what is long in `variables`, which are not counted."
        ));
    }
    let (mut tokens, mut depth) = (0, 0_usize);
    let mut rest = query;
    while let Some(first) = rest.chars().next() {
        let (length, count) = match first {
            ' ' | '\t' | '\r' | '\n' | ',' | '\u{feff}' => (first.len_utf8(), 0),
            '#' => (rest.find(['\r', '\n']).unwrap_or(rest.len()), 0),
            '"' => (string(rest).ok_or("The query is no GraphQL: a string in it is not closed.")?, 1),
            '_' | 'a'..='z' | 'A'..='Z' => (name(rest)?, 1),
            '(' | '[' | '{' => {
                depth += 1;
                (1, 1)
            }
            ')' | ']' | '}' => {
                depth = depth.saturating_sub(1);
                (1, 1)
            }
            other => (other.len_utf8(), 1),
        };
        tokens += count;
        if tokens > MOST_TOKENS {
            return Err(format!(
                "The query has more than {MOST_TOKENS} tokens; split it, or send its values in `variables`."
            ));
        }
        if depth > DEEPEST_NESTING {
            return Err(format!("Brackets in the query are nested more than {DEEPEST_NESTING} levels deep."));
        }
        rest = &rest[length..];
    }
    Ok(())
}

/// The bytes of the name that the text begins with.
fn name(text: &str) -> Result<usize, String> {
    let end = text.find(|next: char| next != '_' && !next.is_ascii_alphanumeric()).unwrap_or(text.len());
    if end > LONGEST_NAME {
        return Err(format!("A name in the query has more than {LONGEST_NAME} characters."));
    }
    Ok(end)
}

/// The bytes of the string that the text begins with; `None` where it has no end.
fn string(text: &str) -> Option<usize> {
    let (quote, content) = match text.strip_prefix("\"\"\"") {
        Some(content) => ("\"\"\"", content),
        None => ("\"", &text[1..]),
    };
    let mut place = 0;
    loop {
        let found = content[place..].find(['"', '\\', '\r', '\n'])?;
        place += found;
        match content.as_bytes()[place] {
            b'"' if content[place..].starts_with(quote) => return Some(2 * quote.len() + place),
            b'\\' if quote.len() == 1 => place += 1 + content[place + 1..].chars().next()?.len_utf8(),
            b'\\' if content[place..].starts_with("\\\"\"\"") => place += 4,
            b'\r' | b'\n' if quote.len() == 1 => return None,
            _ => place += 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_graphql::Value;
    use async_graphql::parser::parse_query;
    use async_graphql::parser::types::{Selection, SelectionSet};
    use proptest::prelude::*;

    #[test]
    fn what_is_too_large_is_refused_by_its_kind() {
        for (query, sentence) in [
            (" ".repeat(LONGEST_QUERY + 1), "more than 64 KiB"),
            ("a ".repeat(MOST_TOKENS + 1), "more than 10000 tokens"),
            ("0".repeat(MOST_TOKENS + 1), "more than 10000 tokens"),
            ("[".repeat(DEEPEST_NESTING + 1), "more than 64 levels deep"),
            ("x".repeat(LONGEST_NAME + 1), "A name in the query has more than 100 characters"),
            ("{ a(b: \"".to_owned(), "a string in it is not closed"),
            ("{ a(b: \"\"\"x\" \" \"\")".to_owned(), "a string in it is not closed"),
        ] {
            let refused = check(&query).unwrap_err();
            assert!(refused.contains(sentence), "{refused}");
        }
    }

    #[test]
    fn brackets_in_strings_and_comments_are_not_nested() {
        let brackets = "[".repeat(100);
        for query in [
            format!("{{ a(b: \"{brackets}\") }}"),
            format!("{{ a(b: \"\\\"{brackets}\") }}"),
            format!("{{ a(b: \"\"\"\n\"{brackets}\\\"\"\" \"\"\") }}"),
            format!("# {brackets}\n{{ a }}"),
        ] {
            check(&query).unwrap();
            parse_query(&query).unwrap();
        }
    }

    /// The nodes of a parsed document, each of which has at least one token.
    fn nodes(set: &SelectionSet) -> usize {
        fn values(value: &Value) -> usize {
            match value {
                Value::List(items) => 1 + items.iter().map(values).sum::<usize>(),
                Value::Object(members) => 1 + members.values().map(|value| 1 + values(value)).sum::<usize>(),
                _ => 1,
            }
        }
        let each = set.items.iter().map(|selection| match &selection.node {
            Selection::Field(field) => {
                let arguments = field.node.arguments.iter();
                let values = arguments.map(|(_, value)| values(&value.node.clone().into_const().unwrap()));
                1 + values.sum::<usize>() + nodes(&field.node.selection_set.node)
            }
            Selection::InlineFragment(inline) => 1 + nodes(&inline.node.selection_set.node),
            Selection::FragmentSpread(_) => 1,
        });
        each.sum()
    }

    /// Counts as `check` does.
    fn counted(query: &str) -> usize {
        (0..).find(|fewer| check(&format!("{}{query}", "a ".repeat(MOST_TOKENS - fewer))).is_ok()).unwrap()
    }

    proptest! {
        #[test]
        fn the_parser_finds_no_more_than_was_counted(inner in r#"[ab01\-. "\\\[\]{}:#\n,]{0,30}"#) {
            let query = format!("{{ a(b: [{inner}]) {{ c }} }}");
            if let Ok(document) = parse_query(&query) {
                let found: usize = document.operations.iter().map(|(_, one)| nodes(&one.node.selection_set.node)).sum();
                prop_assert!(check(&query).is_ok());
                prop_assert!(found <= counted(&query), "{found} in {query}");
            }
        }

        #[test]
        fn no_text_panics(query in any::<String>(), quoted in r#"["\\ \né]{0,20}"#) {
            let _ = (check(&query), check(&quoted));
        }
    }
}

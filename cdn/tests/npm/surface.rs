//! Names read from the sources of the SDK and from the types. All lists are sorted.

use std::fs;
use std::path::Path;

use oxc_allocator::Allocator;
use oxc_ast::ast::{Declaration, PropertyKey, Statement, TSLiteral, TSSignature, TSType};
use oxc_parser::Parser;
use oxc_span::SourceType;

/// A file of the repository.
pub fn repository(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)).unwrap()
}

/// The names in a table of `config.rs`, which are the first of each pair.
pub fn fields(source: &str, table: &str) -> Vec<String> {
    let rows = between(source, table, "];").lines();
    let names = rows.filter_map(|row| Some(row.trim().strip_prefix("(\"")?.split_once('"')?.0.to_owned()));
    sorted(names.collect())
}

/// The words between two marks.
pub fn words(source: &str, start: &str, end: &str) -> Vec<String> {
    sorted(between(source, start, end).split_whitespace().map(str::to_owned).collect())
}

/// The quoted texts from a mark to the next closing bracket.
pub fn literals(source: &str, start: &str) -> Vec<String> {
    let list = between(source, start, if start.ends_with('[') { "]" } else { ")" }).replace('\'', "\"");
    sorted(list.split('"').skip(1).step_by(2).map(str::to_owned).collect())
}

fn between<'a>(source: &'a str, start: &str, end: &str) -> &'a str {
    let (_, rest) = source.split_once(start).unwrap_or_else(|| panic!("{start} is gone"));
    rest.split_once(end).unwrap().0
}

/// `zIndex` for `z-index`.
pub fn camel_case(attribute: &str) -> String {
    let mut words = attribute.split('-');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| name + &word[..1].to_uppercase() + &word[1..])
}

/// The members of an interface in `index.d.ts`, an overloaded one once.
pub fn interface(name: &str) -> Vec<String> {
    let members = declarations(|declaration| match declaration {
        Declaration::TSInterfaceDeclaration(interface) if interface.id.name == name => {
            Some(interface.body.body.iter().filter_map(member).collect::<Vec<_>>())
        }
        _ => None,
    });
    let mut members = sorted(members);
    members.dedup();
    members
}

/// The texts of a union in `index.d.ts`.
pub fn union(name: &str) -> Vec<String> {
    sorted(declarations(|declaration| match declaration {
        Declaration::TSTypeAliasDeclaration(alias) if alias.id.name == name => {
            let TSType::TSUnionType(union) = &alias.type_annotation else { return None };
            let text = |ty: &TSType| match ty {
                TSType::TSLiteralType(literal) => match &literal.literal {
                    TSLiteral::StringLiteral(text) => Some(text.value.to_string()),
                    _ => None,
                },
                _ => None,
            };
            Some(union.types.iter().filter_map(text).collect())
        }
        _ => None,
    }))
}

fn declarations(find: impl Fn(&Declaration) -> Option<Vec<String>>) -> Vec<String> {
    let allocator = Allocator::default();
    let source = repository("cdn/npm/index.d.ts");
    let parsed = Parser::new(&allocator, &source, SourceType::d_ts()).parse();
    assert!(parsed.diagnostics.is_empty(), "{:?}", parsed.diagnostics);
    let exported = parsed.program.body.iter().filter_map(|statement| match statement {
        Statement::ExportDeclaration(export) => Some(&export.declaration),
        _ => None,
    });
    exported.into_iter().find_map(find).expect("index.d.ts declares it")
}

fn member(signature: &TSSignature) -> Option<String> {
    let key = match signature {
        TSSignature::TSPropertySignature(property) => &property.key,
        TSSignature::TSMethodSignature(method) => &method.key,
        _ => return None,
    };
    match key {
        PropertyKey::StaticIdentifier(name) => Some(name.name.to_string()),
        _ => None,
    }
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort();
    names
}

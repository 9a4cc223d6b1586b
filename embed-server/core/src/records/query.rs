//! Lists of records in SQL.

use super::access::CollectionScope;
use super::field::Field;
use super::filter::Op;
use super::list::List;
use super::operand::Operand;
use super::order::{CHARACTERS, Position, Sort, SortKey};
use embed_base::db::json::{JsonTerms, rank};
use embed_base::db::{Argument, Fragment, Statement};
use embed_base::fragment;

const NEVER: &str = "1 = 0";

/// Writes the query for one record more than the page has, to see whether there is a next page.
pub(super) fn write(
    statement: &mut Statement,
    scope: &CollectionScope,
    list: &List,
    start: Option<&Position>,
) {
    let site = statement.place(Argument::Id(scope.site));
    let module = statement.place(Argument::Id(scope.module));
    let collection = statement.place(Argument::Text(scope.name.clone()));
    statement.push(fragment!(
        "SELECT * FROM module_records WHERE site_id = ",
        site,
        " AND module_id = ",
        module,
        " AND collection = ",
        collection
    ));
    for (field, op, operands) in list.filter.conditions() {
        let condition = condition(statement, field, op, operands);
        statement.push(fragment!(" AND ", condition));
    }
    let columns = sort_columns(statement, &list.sort);
    if let Some(position) = start {
        let place = places(statement, position);
        let beyond = if list.sort.descending { ") < (" } else { ") > (" };
        let (columns, place) = (Fragment::joined(&columns, ", "), Fragment::joined(&place, ", "));
        statement.push(fragment!(" AND (", columns, beyond, place, ")"));
    }
    let direction = if list.sort.descending { " DESC" } else { "" };
    let ordered: Vec<_> = columns.iter().map(|column| fragment!(column, direction)).collect();
    let most = statement.place(Argument::Integer(i64::from(list.limit) + 1));
    statement.push(fragment!(" ORDER BY ", Fragment::joined(&ordered, ", "), " LIMIT ", most));
}

/// The columns to order by; the id is last.
fn sort_columns(statement: &mut Statement, sort: &Sort) -> Vec<Fragment> {
    let columns = match &sort.field {
        Field::Id => &[][..],
        Field::CreatedAt => &["created_at"],
        Field::UpdatedAt => &["updated_at"],
        Field::Version => &["version"],
        Field::Data(path) => {
            let JsonTerms { rank, number, text } = statement.json_field("data", path);
            let start = fragment!("substr(", text, ", 1, ", CHARACTERS as i64, ")");
            return vec![rank, number, start, "id".into()];
        }
    };
    columns.iter().chain(&["id"]).map(|&column| column.into()).collect()
}

/// A position, in the order of [`sort_columns`].
fn places(statement: &mut Statement, position: &Position) -> Vec<Fragment> {
    let mut places = match &position.key {
        SortKey::Id => Vec::new(),
        SortKey::Time(time) => vec![statement.place(Argument::Time(*time))],
        SortKey::Version(version) => vec![statement.place(Argument::Integer(*version))],
        SortKey::Value { rank, number, text } => vec![
            statement.place(Argument::Integer(*rank)),
            statement.number(number.clone()),
            statement.place(Argument::Text(text.clone())),
        ],
    };
    places.push(statement.place(Argument::Id(position.id)));
    places
}

fn condition(statement: &mut Statement, field: &Field, op: Op, operands: &[Operand]) -> Fragment {
    let column = match field {
        Field::Id => "id",
        Field::CreatedAt => "created_at",
        Field::UpdatedAt => "updated_at",
        Field::Version => "version",
        Field::Data(path) => return data_condition(statement, path, op, operands),
    };
    let mut compare = |sign: &'static str, operand: &Operand| {
        argument(operand)
            .map_or_else(|| NEVER.into(), |argument| fragment!(column, sign, statement.place(argument)))
    };
    match op {
        Op::In => any(&operands.iter().map(|operand| compare(" = ", operand)).collect::<Vec<_>>()),
        _ => any(&operands.iter().map(|operand| compare(sign(op), operand)).collect::<Vec<_>>()),
    }
}

/// The argument for an operand of a column that is not JSON.
fn argument(operand: &Operand) -> Option<Argument> {
    match operand {
        Operand::Id(id) => Some(Argument::Id(*id)),
        Operand::Time(time) => Some(Argument::Time(*time)),
        Operand::Integer(integer) => Some(Argument::Integer(*integer)),
        Operand::Null | Operand::Bool(_) | Operand::Number(_) | Operand::Text(_) => None,
    }
}

fn data_condition(statement: &mut Statement, path: &[String], op: Op, operands: &[Operand]) -> Fragment {
    let terms = statement.json_field("data", path);
    let alternatives = operands.iter().map(|operand| match op {
        Op::Eq | Op::In => compare(statement, &terms, " = ", operand),
        Op::Ne => fragment!("NOT ", compare(statement, &terms, " = ", operand)),
        Op::Contains => contains(statement, &terms, path, operand),
        Op::Lt | Op::Le | Op::Gt | Op::Ge => compare(statement, &terms, sign(op), operand),
    });
    any(&alternatives.collect::<Vec<_>>())
}

/// Compares with a value of the same type; values of other types never match.
fn compare(statement: &mut Statement, terms: &JsonTerms, sign: &'static str, operand: &Operand) -> Fragment {
    let JsonTerms { rank, number, text } = terms;
    match operand {
        // There is only one null, so it is neither less nor greater.
        Operand::Null if sign.contains('=') => fragment!("(", rank, " = ", rank::NULL, ")"),
        Operand::Bool(value) => {
            fragment!("(", rank, " = ", rank::BOOLEAN, " AND ", number, sign, i64::from(*value), ")")
        }
        Operand::Number(value) => {
            let value = statement.number(value.to_string());
            fragment!("(", rank, " = ", rank::NUMBER, " AND ", number, sign, value, ")")
        }
        Operand::Text(value) => {
            let value = statement.place(Argument::Text(value.clone()));
            fragment!("(", rank, " = ", rank::STRING, " AND ", text, sign, value, ")")
        }
        Operand::Null | Operand::Id(_) | Operand::Time(_) | Operand::Integer(_) => fragment!("(", NEVER, ")"),
    }
}

fn contains(statement: &mut Statement, terms: &JsonTerms, path: &[String], operand: &Operand) -> Fragment {
    let elements = statement.json_elements("data", path);
    let element = compare(statement, &elements.terms, " = ", operand);
    let mut alternatives = vec![fragment!("EXISTS (SELECT 1 FROM ", elements.rows, " WHERE ", element, ")")];
    if let Operand::Text(part) = operand {
        let part = statement.place(Argument::Text(part.clone()));
        let found = statement.contains(&terms.text, &part);
        alternatives.push(fragment!("(", &terms.rank, " = ", rank::STRING, " AND ", found, ")"));
    }
    any(&alternatives)
}

/// A condition that holds if any of the alternatives does; without alternatives it never holds.
fn any(alternatives: &[Fragment]) -> Fragment {
    match alternatives {
        [] => fragment!("(", NEVER, ")"),
        alternatives => fragment!("(", Fragment::joined(alternatives, " OR "), ")"),
    }
}

/// The SQL operator of a comparison with one value.
fn sign(op: Op) -> &'static str {
    match op {
        Op::Ne => " <> ",
        Op::Lt => " < ",
        Op::Le => " <= ",
        Op::Gt => " > ",
        Op::Ge => " >= ",
        Op::Eq | Op::In | Op::Contains => " = ",
    }
}

//! Building blocks for the OpenAPI documentation of extractors and responses.

use aide::openapi::{
    HeaderStyle, MediaType, Parameter, ParameterData, ParameterSchemaOrContent, PathStyle, QueryStyle,
    SchemaObject,
};
use schemars::Schema;

pub(super) fn in_path(name: &str, description: &str, schema: Schema) -> Parameter {
    Parameter::Path { parameter_data: parameter(name, description, true, schema), style: PathStyle::Simple }
}

/// An optional header.
pub(super) fn in_header(name: &str, description: &str, schema: Schema) -> Parameter {
    let parameter_data = parameter(name, description, false, schema);
    Parameter::Header { parameter_data, style: HeaderStyle::Simple }
}

/// An optional query parameter; `style` says how an object is written there.
pub(super) fn in_query(name: &str, description: &str, schema: Schema, style: QueryStyle) -> Parameter {
    let parameter_data = parameter(name, description, false, schema);
    Parameter::Query { parameter_data, allow_reserved: false, style, allow_empty_value: None }
}

fn parameter(name: &str, description: &str, required: bool, schema: Schema) -> ParameterData {
    ParameterData {
        name: name.to_owned(),
        description: Some(description.to_owned()),
        required,
        deprecated: None,
        format: ParameterSchemaOrContent::Schema(object(schema)),
        example: None,
        examples: Default::default(),
        explode: None,
        extensions: Default::default(),
    }
}

pub(super) fn media(schema: Schema) -> MediaType {
    MediaType { schema: Some(object(schema)), ..MediaType::default() }
}

pub(super) fn object(json_schema: Schema) -> SchemaObject {
    SchemaObject { json_schema, external_docs: None, example: None }
}

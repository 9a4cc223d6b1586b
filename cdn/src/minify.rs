//! Minifies JavaScript for evergreen browsers: locals get short names, property names stay.

use anyhow::{Result, bail};
use oxc_allocator::Allocator;
use oxc_codegen::{Codegen, CodegenOptions, CommentOptions};
use oxc_minifier::{CompressOptions, MangleOptions, Minifier, MinifierOptions};
use oxc_parser::Parser;
use oxc_span::SourceType;

/// The smallest script that does what `source` does. `name` is for the message about a syntax error.
pub fn minify(name: &str, source: &str) -> Result<String> {
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, source, SourceType::script()).parse();
    if let Some(error) = parsed.diagnostics.first() {
        bail!("{name} is not a valid script: {error}.");
    }
    let mut program = parsed.program;
    // A directive stays where it is (`"use strict"`); top-level names of a script are globals and stay, too.
    let minified = Minifier::new(MinifierOptions {
        mangle: Some(MangleOptions::default()),
        mangle_properties: None,
        compress: Some(CompressOptions::smallest()),
    })
    .minify(&allocator, &mut program);
    let options =
        CodegenOptions { minify: true, comments: CommentOptions::disabled(), ..CodegenOptions::default() };
    Ok(Codegen::new()
        .with_options(options)
        .with_scoping(minified.scoping)
        .with_private_member_mappings(minified.class_private_mappings)
        .build(&program)
        .code)
}

#[cfg(test)]
mod tests {
    use super::minify;

    #[test]
    fn locals_are_shortened_and_properties_are_not() {
        let source = "(function (parameter) { const local = parameter.value; parameter.other = local + local; })(window)";
        let minified = minify("a test", source).expect("valid");
        assert!(minified.len() < source.len());
        assert!(minified.contains(".value") && minified.contains(".other") && !minified.contains("local"));
    }

    #[test]
    fn side_effects_survive() {
        let minified =
            minify("a test", "(() => { const unused = touch(); new Observer(); window.a = 1; a.b; })()");
        let minified = minified.expect("valid");
        for effect in ["touch()", "new Observer", "window.a=1", "a.b"] {
            assert!(minified.contains(effect), "{effect} is gone: {minified}");
        }
    }

    #[test]
    fn a_syntax_error_names_the_file() {
        let error = minify("cdn/loader/embed.js", "const = 1").expect_err("invalid");
        assert!(error.to_string().starts_with("cdn/loader/embed.js is not a valid script: "), "{error}");
    }
}

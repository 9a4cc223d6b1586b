//! Shortens the names of imports and exports between glue and WebAssembly.
//!
//! wasm-bindgen's are long and unique (`__wbg_setAttribute_f75317b2b5cabfb4`); one letter is enough if both
//! halves use it. Names that only one half uses are removed from both.

use std::collections::{HashMap, HashSet};
use std::mem;

use anyhow::{Result, bail};
use oxc_allocator::Allocator;
use oxc_ast::ast::{
    Expression, ObjectExpression, ObjectProperty, ObjectPropertyKind, Program, PropertyKey,
    StaticMemberExpression,
};
use oxc_ast_visit::{Visit, VisitMut, walk, walk_mut};
use oxc_codegen::Codegen;
use oxc_minifier::{CompressOptions, Minifier, MinifierOptions};
use oxc_parser::Parser;
use oxc_span::SourceType;
use walrus::Module;

/// The glue's variable for the exports of the WebAssembly.
const EXPORTS: &str = "wasm";
/// The prefix of the glue's functions that the WebAssembly imports.
const IMPORTED: [&str; 2] = ["__wbg_", "__wbindgen_"];
/// The new name of the one module from which they are imported.
const IMPORT_MODULE: &str = "a";

/// Removes imports and exports that the other half does not use, and the glue's code that only they needed.
pub fn drop_unused(glue: &str, module: &mut Module) -> Result<String> {
    let imported: HashSet<&str> = module.imports.iter().map(|import| import.name.as_str()).collect();
    let mut used = Uses::default();
    let glue = edit(glue, |allocator, program| {
        Keep(&imported).visit_program(program);
        let options =
            MinifierOptions { mangle: None, mangle_properties: None, compress: Some(CompressOptions::dce()) };
        Minifier::new(options).dce(allocator, program);
        used.visit_program(program);
    })?;
    let unused = module.exports.iter().filter(|export| !used.0.contains(&export.name));
    let unused: Vec<_> = unused.map(|export| export.id()).collect();
    for export in unused {
        module.exports.delete(export);
    }
    Ok(glue)
}

/// Gives imports and exports the names `a`, `b`, `c`… in both halves.
pub fn shorten(glue: &str, module: &mut Module) -> Result<String> {
    let mut renaming = Renaming::default();
    for (import, new) in module.imports.iter_mut().zip(short_names()) {
        renaming.modules.insert(mem::replace(&mut import.module, IMPORT_MODULE.to_owned()));
        renaming.imports.insert(mem::replace(&mut import.name, new.clone()), new);
    }
    for (export, new) in module.exports.iter_mut().zip(short_names()) {
        renaming.exports.insert(mem::replace(&mut export.name, new.clone()), new);
    }
    if renaming.modules.len() > 1 {
        bail!("The SDK imports from several modules ({:?}), but the glue holds only one.", renaming.modules);
    }
    let mut defined = 0;
    let glue = edit(glue, |allocator, program| {
        let mut visitor = Renamer { names: &renaming, allocator, defined: 0 };
        visitor.visit_program(program);
        defined = visitor.defined;
    })?;
    let imports = renaming.imports.len();
    if defined != imports {
        bail!(
            "The glue of wasm-bindgen defines {defined} of {imports} imports: adapt cdn/src/shrink/names.rs."
        );
    }
    Ok(glue)
}

/// Short names that are not JavaScript keywords, because `wasm2js` uses them as variables.
fn short_names() -> impl Iterator<Item = String> {
    (0..).map(short).filter(|name| !["do", "if", "in"].contains(&name.as_str()))
}

/// `a` to `z`, then `aa`, `ba`, …
fn short(mut index: usize) -> String {
    let mut name = String::new();
    loop {
        name.push(char::from(b"abcdefghijklmnopqrstuvwxyz"[index % 26]));
        match index / 26 {
            0 => return name,
            rest => index = rest - 1,
        }
    }
}

/// The script after `change`.
fn edit(script: &str, change: impl for<'a> FnOnce(&'a Allocator, &mut Program<'a>)) -> Result<String> {
    let allocator = Allocator::default();
    let parsed = Parser::new(&allocator, script, SourceType::script()).parse();
    if let Some(error) = parsed.diagnostics.first() {
        bail!("The glue is not a valid script: {error}.");
    }
    let mut program = parsed.program;
    change(&allocator, &mut program);
    Ok(Codegen::new().build(&program).code)
}

fn is_export(member: &StaticMemberExpression) -> bool {
    matches!(&member.object, Expression::Identifier(object) if object.name == EXPORTS)
}

/// Keeps only these of the functions for the WebAssembly.
struct Keep<'names>(&'names HashSet<&'names str>);

impl<'a> VisitMut<'a> for Keep<'_> {
    fn visit_object_expression(&mut self, object: &mut ObjectExpression<'a>) {
        object.properties.retain(|property| {
            let ObjectPropertyKind::ObjectProperty(property) = property else { return true };
            let Some(name) = property.key.static_name() else { return true };
            !IMPORTED.iter().any(|start| name.starts_with(start)) || self.0.contains(name.as_ref())
        });
        walk_mut::walk_object_expression(self, object);
    }
}

/// The exports that the glue uses.
#[derive(Default)]
struct Uses(HashSet<String>);

impl<'a> Visit<'a> for Uses {
    fn visit_static_member_expression(&mut self, member: &StaticMemberExpression<'a>) {
        if is_export(member) {
            self.0.insert(member.property.name.to_string());
        }
        walk::walk_static_member_expression(self, member);
    }
}

/// Old names to new ones.
#[derive(Default)]
struct Renaming {
    imports: HashMap<String, String>,
    exports: HashMap<String, String>,
    modules: HashSet<String>,
}

struct Renamer<'a, 'names> {
    names: &'names Renaming,
    allocator: &'a Allocator,
    /// How many imports were found in the glue.
    defined: usize,
}

impl<'a> VisitMut<'a> for Renamer<'a, '_> {
    fn visit_object_property(&mut self, property: &mut ObjectProperty<'a>) {
        match &mut property.key {
            PropertyKey::StaticIdentifier(key) => {
                if let Some(new) = self.names.imports.get(key.name.as_str()) {
                    key.name = self.allocator.alloc_str(new).into();
                    self.defined += 1;
                }
            }
            PropertyKey::StringLiteral(key) if self.names.modules.contains(key.value.as_str()) => {
                key.value = IMPORT_MODULE.into();
                key.raw = None;
            }
            _ => {}
        }
        walk_mut::walk_object_property(self, property);
    }

    fn visit_static_member_expression(&mut self, member: &mut StaticMemberExpression<'a>) {
        if is_export(member)
            && let Some(new) = self.names.exports.get(member.property.name.as_str())
        {
            member.property.name = self.allocator.alloc_str(new).into();
        }
        walk_mut::walk_static_member_expression(self, member);
    }
}

#[cfg(test)]
mod tests {
    use walrus::FunctionBuilder;

    use super::*;

    const GLUE: &str = "load(function () {
        let wasm;
        const imports = {'./sdk_bg.js': {
            __wbg_log_0123456789abcdef(text) { console.log(text, wasm.__wbindgen_malloc()) },
            __wbg_gone_0123456789abcdef() { helper() },
        }};
        function helper() { wasm.__wbindgen_free() }
        return wasm.start(imports)
    })";

    /// A module that has every export, and imports only one of the glue's two functions.
    fn module() -> Module {
        let mut module = Module::default();
        let ty = module.types.add(&[], &[]);
        module.add_import_func("./sdk_bg.js", "__wbg_log_0123456789abcdef", ty);
        for name in ["start", "__wbindgen_malloc", "__wbindgen_free"] {
            let function =
                FunctionBuilder::new(&mut module.types, &[], &[]).finish(vec![], &mut module.funcs);
            module.exports.add(name, function);
        }
        module
    }

    #[test]
    fn what_one_half_does_not_need_goes_from_both() {
        let mut module = module();
        let glue = drop_unused(GLUE, &mut module).expect("valid glue");
        assert!(!glue.contains("__wbg_gone") && !glue.contains("helper"), "{glue}");
        let exports: Vec<_> = module.exports.iter().map(|export| export.name.as_str()).collect();
        assert_eq!(exports, ["start", "__wbindgen_malloc"]);
    }

    #[test]
    fn both_halves_use_the_same_short_names() {
        let mut module = module();
        let glue = drop_unused(GLUE, &mut module).expect("valid glue");
        let glue = shorten(&glue, &mut module).expect("valid glue");
        assert!(glue.contains("wasm.a(") && glue.contains("wasm.b()"), "{glue}");
        assert!(!glue.contains("__wb"), "{glue}");
        let import = module.imports.iter().next().expect("one");
        assert_eq!((import.module.as_str(), import.name.as_str()), (IMPORT_MODULE, "a"));
    }

    #[test]
    fn an_import_that_the_glue_does_not_define_stops_the_build() {
        let error = shorten("load(wasm.start)", &mut module()).expect_err("not defined");
        assert!(error.to_string().contains("defines 0 of 1 imports"), "{error}");
    }

    #[test]
    fn short_names_are_never_used_twice() {
        let names: HashSet<String> = (0..2000).map(short).collect();
        assert_eq!(names.len(), 2000);
        assert_eq!([short(0), short(25), short(26), short(27)], ["a", "z", "aa", "ba"]);
    }
}

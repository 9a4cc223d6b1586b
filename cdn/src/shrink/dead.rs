//! Removes functions that nothing can call.
//!
//! The linker keeps every function in the table of indirect calls, and many of them are no longer used: wasm-bindgen's describing
//! functions, and the formatting code of panics. A table entry counts as used if a live function has its number as a constant, or
//! the data has it in an aligned word (the only form in which the linker writes function pointers), and a live function makes
//! indirect calls of its type.

use std::collections::{HashMap, HashSet};

use walrus::ir::{self, Instr, Value, Visitor};
use walrus::{
    ConstExpr, DataKind, ElementItems, ElementKind, ExportItem, FunctionBuilder, FunctionId, FunctionKind,
    Module, RefType, TypeId,
};

use super::panics::{fits, plain};

/// `{:?}` of the standard library and of dependencies, which is in the data only for panic messages. If the
/// SDK itself uses it, its code has the number, and that counts.
const FOR_PANICS: &[&str] = &["<* as core::fmt::Debug>::*", "*<impl core::fmt::Debug for *>::*"];

/// Removes dead functions, and everything that only they used.
pub fn remove(module: &mut Module) {
    if let Some(places) = places(module) {
        let live = Reach::of(module, &places);
        empty(module, &live);
    }
    walrus::passes::gc::run(module);
}

/// The numbers of functions in the table of indirect calls; none if the table is exported, since JavaScript could call any.
fn places(module: &Module) -> Option<HashMap<i32, FunctionId>> {
    let mut places = HashMap::new();
    for element in module.elements.iter() {
        let ElementKind::Active { table, offset: ConstExpr::Value(Value::I32(offset)) } = element.kind else {
            continue;
        };
        if module.tables.get(table).element_ty != RefType::FUNCREF
            || module.exports.get_exported_table(table).is_some()
        {
            return None;
        }
        let ElementItems::Functions(functions) = &element.items else { return None };
        places.extend((offset..).zip(functions.iter().copied()));
    }
    Some(places)
}

/// Replaces every dead entry of the table by one function that traps, and truncates dead entries at the end.
fn empty(module: &mut Module, live: &HashSet<FunctionId>) {
    let mut trap = FunctionBuilder::new(&mut module.types, &[], &[]);
    trap.func_body().unreachable();
    let trap = trap.finish(vec![], &mut module.funcs);
    for element in module.elements.iter_mut() {
        if let ElementItems::Functions(functions) = &mut element.items {
            while functions.last().is_some_and(|function| !live.contains(function)) {
                functions.pop();
            }
            for function in functions.iter_mut().filter(|function| !live.contains(function)) {
                *function = trap;
            }
        }
    }
}

/// The functions that can be reached from the exports.
struct Reach<'module> {
    module: &'module Module,
    places: &'module HashMap<i32, FunctionId>,
    live: HashSet<FunctionId>,
    pending: Vec<FunctionId>,
    /// Functions whose number is known to live code or data.
    pointed_at: HashSet<FunctionId>,
    /// Types of which live code makes indirect calls.
    called: HashSet<TypeId>,
}

impl<'module> Reach<'module> {
    fn of(module: &'module Module, places: &'module HashMap<i32, FunctionId>) -> HashSet<FunctionId> {
        let mut reach = Reach {
            module,
            places,
            live: HashSet::new(),
            pending: Vec::new(),
            pointed_at: HashSet::new(),
            called: HashSet::new(),
        };
        reach.roots();
        loop {
            while let Some(function) = reach.pending.pop() {
                if let FunctionKind::Local(body) = &module.funcs.get(function).kind {
                    ir::dfs_in_order(&mut reach, body, body.entry_block());
                }
            }
            let callable: Vec<FunctionId> =
                reach.pointed_at.iter().copied().filter(|id| reach.callable(*id)).collect();
            callable.into_iter().for_each(|function| reach.reached(function));
            if reach.pending.is_empty() {
                return reach.live;
            }
        }
    }

    fn roots(&mut self) {
        let exported = self.module.exports.iter().filter_map(|export| match export.item {
            ExportItem::Function(function) => Some(function),
            _ => None,
        });
        for function in exported.chain(self.module.start) {
            self.reached(function);
        }
        for data in self.module.data.iter() {
            let DataKind::Active { offset: ConstExpr::Value(Value::I32(offset)), .. } = data.kind else {
                continue;
            };
            let skipped = offset.rem_euclid(4).unsigned_abs() as usize;
            let aligned = data.value.get((4 - skipped) % 4..).unwrap_or_default();
            for word in aligned.chunks_exact(4) {
                let number = i32::from_le_bytes([word[0], word[1], word[2], word[3]]);
                if let Some(function) =
                    self.places.get(&number).filter(|function| !self.prints_for_panics(**function))
                {
                    self.pointed_at.insert(*function);
                }
            }
        }
    }

    fn reached(&mut self, function: FunctionId) {
        if self.live.insert(function) {
            self.pending.push(function);
        }
    }

    fn prints_for_panics(&self, function: FunctionId) -> bool {
        let name = self.module.funcs.get(function).name.as_deref().map(plain).unwrap_or_default();
        FOR_PANICS.iter().any(|pattern| fits(pattern, &name))
    }

    /// Whether live code makes indirect calls of this function's type. An indirect call of another type would trap.
    fn callable(&self, function: FunctionId) -> bool {
        let types = &self.module.types;
        let own = types.get(self.module.funcs.get(function).ty());
        self.called
            .iter()
            .map(|id| types.get(*id))
            .any(|ty| ty.params() == own.params() && ty.results() == own.results())
    }
}

impl<'instr> Visitor<'instr> for Reach<'_> {
    fn start_instr_seq(&mut self, sequence: &'instr ir::InstrSeq) {
        let after = sequence.instrs.iter().skip(1).map(|(instruction, _)| Some(instruction)).chain([None]);
        for ((instruction, _), next) in sequence.instrs.iter().zip(after) {
            // Code never computes with a function's number, so a constant that is added, masked or compared is no function.
            let computed = matches!(next, Some(Instr::Binop(_) | Instr::Load(_)));
            if let Instr::Const(ir::Const { value: Value::I32(number) }) = instruction
                && let Some(function) = self.places.get(number).filter(|_| !computed)
            {
                self.pointed_at.insert(*function);
            }
        }
    }

    fn visit_call_indirect(&mut self, call: &ir::CallIndirect) {
        self.called.insert(call.ty);
    }

    fn visit_return_call_indirect(&mut self, call: &ir::ReturnCallIndirect) {
        self.called.insert(call.ty);
    }

    fn visit_function_id(&mut self, function: &FunctionId) {
        self.reached(*function);
    }
}

#[cfg(test)]
mod tests {
    use walrus::ValType;

    use super::*;

    /// A module whose export stores the number 1 and calls indirectly through it. Number 2 is in no code, and 3 is in the
    /// code but of a type that is never called so.
    fn module(word_in_data: i32) -> Module {
        let mut module = Module::default();
        let memory = module.memories.add_local(false, false, 1, None, None);
        let table = module.tables.add_local(false, 4, None, RefType::FUNCREF);
        let mut function = |name: &str, params: &[ValType]| {
            let mut function = FunctionBuilder::new(&mut module.types, params, &[]);
            function.name(name.to_owned());
            let params = params.iter().map(|ty| module.locals.add(*ty)).collect();
            function.finish(params, &mut module.funcs)
        };
        let functions = vec![
            function("called", &[]),
            function("<T as core[0123456789abcdef]::fmt::Debug>::fmt", &[]),
            function("of another type", &[ValType::F64]),
        ];
        let offset = ConstExpr::Value(Value::I32(1));
        let element =
            module.elements.add(ElementKind::Active { table, offset }, ElementItems::Functions(functions));
        module.tables.get_mut(table).elem_segments.insert(element);
        let data = DataKind::Active { memory, offset: ConstExpr::Value(Value::I32(1024)) };
        let data = module.data.add(data, word_in_data.to_le_bytes().to_vec());
        module.memories.get_mut(memory).data_segments.insert(data);

        let ty = module.types.add(&[], &[]);
        let mut export = FunctionBuilder::new(&mut module.types, &[], &[]);
        export.func_body().i32_const(3).drop().i32_const(1).call_indirect(ty, table);
        let export = export.finish(vec![], &mut module.funcs);
        module.exports.add("export", export);
        module
    }

    fn names(module: &Module) -> Vec<&str> {
        module.funcs.iter().filter_map(|function| function.name.as_deref()).collect()
    }

    #[test]
    fn only_what_can_be_called_stays_and_the_module_is_valid() {
        let mut module = module(0);
        remove(&mut module);
        assert_eq!(names(&module), ["called"]);
        Module::from_buffer(&module.emit_wasm()).expect("valid");
    }

    #[test]
    fn debug_output_that_only_the_data_knows_goes_and_other_functions_stay() {
        let mut debug = module(2);
        remove(&mut debug);
        assert_eq!(names(&debug), ["called"]);

        let mut printed = module(2);
        let function =
            printed.funcs.by_name("<T as core[0123456789abcdef]::fmt::Debug>::fmt").expect("is there");
        printed.funcs.get_mut(function).name = Some("a closure".to_owned());
        remove(&mut printed);
        assert_eq!(names(&printed), ["called", "a closure"]);
    }

    #[test]
    fn a_table_that_javascript_can_see_keeps_everything() {
        let mut module = module(0);
        let table = module.tables.iter().next().expect("a table").id();
        module.exports.add("table", table);
        remove(&mut module);
        assert_eq!(names(&module).len(), 3);
    }
}

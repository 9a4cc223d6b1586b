//! Removes functions that nothing can call.
//!
//! The linker keeps whatever stands in the table of indirect calls, and much there has lost its last user: the
//! describing functions of wasm-bindgen, and what panics would have printed. A place in the table counts as used when
//! a live function holds its number as a constant, or the data holds it in an aligned word (the linker writes function
//! pointers in no other way), and a live function makes indirect calls of its type.

use std::collections::{HashMap, HashSet};

use walrus::ir::{self, Instr, Value, Visitor};
use walrus::{
    ConstExpr, DataKind, ElementItems, ElementKind, ExportItem, FunctionBuilder, FunctionId, FunctionKind,
    Module, RefType, TypeId,
};

use super::panics::{fits, plain};

/// `{:?}` of the standard library and of dependencies, which stands in the data only for the messages of panics. Where
/// the SDK itself prints with it, its code holds the number, and that counts.
const FOR_PANICS: &[&str] = &["<* as core::fmt::Debug>::*", "*<impl core::fmt::Debug for *>::*"];

/// Removes dead functions, and whatever only they used.
pub fn remove(module: &mut Module) {
    if let Some(places) = places(module) {
        let live = Reach::of(module, &places);
        empty(module, &live);
    }
    walrus::passes::gc::run(module);
}

/// The numbers of functions in the table of indirect calls; none if JavaScript can see the table, and so call anything.
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

/// Puts one function that traps into every place of the table that is not live, and cuts off those at the end.
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

/// What can be reached from the exports.
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
            // Nobody computes with the number of a function: what is added, masked or compared is something else.
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

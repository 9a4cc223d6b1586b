//! Replaces panics by traps.
//!
//! A call of a function that never returns becomes `unreachable`, and the code that prepares its arguments is removed. The
//! functions are chosen by name, and checked never to return.

use std::collections::HashSet;

use anyhow::{Result, bail};
use walrus::ir::{self, Instr, InstrSeqId, Visitor};
use walrus::{FunctionId, FunctionKind, LocalFunction, Module};

/// The standard library's functions that never return. `*` matches anything. The names are demangled,
/// without hashes; old and new mangling spell `impl`s differently.
const PANICS: &[&str] = &[
    "core::panicking::*",
    "core::option::unwrap_failed",
    "core::option::expect_failed",
    "core::result::unwrap_failed",
    "core::cell::panic_already_*",
    "core::slice::index::slice_*fail*",
    "core::slice::copy_from_slice_impl::len_mismatch_fail*",
    "core::str::slice_error_fail*",
    "alloc::alloc::handle_alloc_error*",
    "alloc::raw_vec::capacity_overflow",
    "alloc::raw_vec::handle_error",
    "*alloc::vec::Vec<*>*::assert_failed",
    "std::alloc::rust_oom*",
    "std::process::abort",
    "std::thread::local::panic_access_error",
    "*__rust_alloc_error_handler",
    "*rust_begin_unwind",
];

/// Replaces every call of a panic by a trap.
pub fn become_traps(module: &mut Module) -> Result<()> {
    let mut endless = HashSet::new();
    for function in module.funcs.iter() {
        let Some(name) = function.name.as_deref().map(plain) else { continue };
        let FunctionKind::Local(body) = &function.kind else { continue };
        if PANICS.iter().any(|pattern| fits(pattern, &name)) {
            if returns(body) {
                bail!(
                    "{name} is on the list of panics in cdn/src/shrink/panics.rs, but it can return: take it off."
                );
            }
            endless.insert(function.id());
        }
    }
    // A function that begins with a trap is a trap too; this repeats until no more are found.
    loop {
        let mut found = Vec::new();
        for (id, body) in module.funcs.iter_local_mut() {
            cut_after_traps(body, &endless);
            if starts_with_trap(body) && !endless.contains(&id) {
                found.push(id);
            }
        }
        if found.is_empty() {
            return Ok(());
        }
        endless.extend(found);
    }
}

/// Ends each run of instructions at its first trap, and drops what only prepared that trap.
fn cut_after_traps(body: &mut LocalFunction, endless: &HashSet<FunctionId>) {
    let mut sequences = Sequences::default();
    ir::dfs_in_order(&mut sequences, body, body.entry_block());
    for id in sequences.0 {
        let instructions = &mut body.block_mut(id).instrs;
        let trap = instructions.iter().position(|(instruction, _)| match instruction {
            Instr::Call(call) => endless.contains(&call.func),
            Instr::Unreachable(_) => true,
            _ => false,
        });
        let Some(trap) = trap else { continue };
        let location = instructions[trap].1;
        instructions.truncate(trap);
        while instructions.last().is_some_and(|(instruction, _)| leaves_no_trace(instruction)) {
            instructions.pop();
        }
        instructions.push((ir::Unreachable {}.into(), location));
    }
}

/// Whether `instruction` has no visible effect if a trap follows. (After a trap the stack may hold anything.)
fn leaves_no_trace(instruction: &Instr) -> bool {
    matches!(
        instruction,
        Instr::Const(_)
            | Instr::LocalGet(_)
            | Instr::LocalSet(_)
            | Instr::LocalTee(_)
            | Instr::GlobalGet(_)
            | Instr::Binop(_)
            | Instr::Unop(_)
            | Instr::Load(_)
            | Instr::Select(_)
            | Instr::Drop(_)
    )
}

fn starts_with_trap(body: &LocalFunction) -> bool {
    matches!(body.block(body.entry_block()).instrs.first(), Some((Instr::Unreachable(_), _)))
}

/// Whether control can come back from `body`, judged by its structure: LLVM ends a function that never returns
/// with `unreachable`, and neither returns from it nor branches to its end.
fn returns(body: &LocalFunction) -> bool {
    let mut exits = Exits { entry: body.entry_block(), found: false };
    ir::dfs_in_order(&mut exits, body, body.entry_block());
    exits.found || !matches!(body.block(body.entry_block()).instrs.last(), Some((Instr::Unreachable(_), _)))
}

/// All instruction sequences of a function.
#[derive(Default)]
struct Sequences(Vec<InstrSeqId>);

impl<'instr> Visitor<'instr> for Sequences {
    fn start_instr_seq(&mut self, sequence: &'instr ir::InstrSeq) {
        self.0.push(sequence.id());
    }
}

/// The ways out of a function other than its end.
struct Exits {
    entry: InstrSeqId,
    found: bool,
}

impl<'instr> Visitor<'instr> for Exits {
    fn visit_return(&mut self, _: &ir::Return) {
        self.found = true;
    }

    fn visit_instr_seq_id(&mut self, target: &InstrSeqId) {
        self.found |= *target == self.entry;
    }
}

/// `name` without crate hashes (`core[0123456789abcdef]`), symbol hashes (`::h0123456789abcdef`), and the counter that
/// wasm-bindgen puts behind names that occur twice.
pub(super) fn plain(name: &str) -> String {
    let is_hash = |text: &str| text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let mut kept = String::new();
    let mut rest = name;
    while let Some((before, after)) = rest.split_once('[') {
        kept.push_str(before);
        rest = match after.split_once(']') {
            Some((inside, after)) if is_hash(inside) || inside.bytes().all(|byte| byte.is_ascii_digit()) => {
                after
            }
            _ => {
                kept.push('[');
                after
            }
        };
    }
    kept.push_str(rest);
    match kept.rsplit_once("::h") {
        Some((path, hash)) if is_hash(hash) => path.to_owned(),
        _ => kept,
    }
}

/// Whether `pattern`, in which `*` matches anything, matches all of `name`.
pub(super) fn fits(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, rest)) => name.strip_prefix(start).is_some_and(|tail| {
            (0..=tail.len()).any(|at| tail.is_char_boundary(at) && fits(rest, &tail[at..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use walrus::{FunctionBuilder, ValType};

    use super::*;

    #[test]
    fn hashes_are_no_part_of_a_name() {
        assert_eq!(plain("core[c5930c85a12de822]::panicking::panic_fmt"), "core::panicking::panic_fmt");
        assert_eq!(plain("core::result::unwrap_failed::h92f1fb6c6defc876[1]"), "core::result::unwrap_failed");
        assert_eq!(plain("<[u8] as core::fmt::Debug>::fmt"), "<[u8] as core::fmt::Debug>::fmt");
    }

    #[test]
    fn a_star_stands_for_anything() {
        assert!(fits("core::slice::index::slice_*fail*", "core::slice::index::slice_index_fail::do_panic"));
        assert!(fits("*rust_begin_unwind", "__rustc::rust_begin_unwind"));
        assert!(!fits("core::option::unwrap_failed", "core::option::unwrap_failed_softly"));
    }

    /// A module in which `caller` calls `core::panicking::panic`, which ends in a trap only if it is `endless`.
    fn module(endless: bool) -> Module {
        let mut module = Module::default();
        let mut panic = FunctionBuilder::new(&mut module.types, &[ValType::I32], &[]);
        panic.name("core[c5930c85a12de822]::panicking::panic".to_owned());
        let message = module.locals.add(ValType::I32);
        if endless {
            panic.func_body().unreachable();
        }
        let panic = panic.finish(vec![message], &mut module.funcs);
        let mut caller = FunctionBuilder::new(&mut module.types, &[], &[ValType::I32]);
        caller.func_body().i32_const(1024).call(panic).i32_const(7);
        let caller = caller.finish(vec![], &mut module.funcs);
        module.exports.add("caller", caller);
        module
    }

    #[test]
    fn a_call_of_a_panic_becomes_a_trap_and_the_module_stays_valid() {
        let mut module = module(true);
        let before = module.emit_wasm().len();
        become_traps(&mut module).expect("panics");
        walrus::passes::gc::run(&mut module);
        let after = module.emit_wasm();
        assert!(after.len() < before);
        let module = Module::from_buffer(&after).expect("valid");
        assert_eq!(module.funcs.iter().count(), 1, "nothing calls the panic any more");
    }

    #[test]
    fn a_function_on_the_list_that_can_return_stops_the_build() {
        let error = become_traps(&mut module(false)).expect_err("it returns");
        assert!(error.to_string().contains("but it can return: take it off"), "{error}");
    }
}

//! Blanks the source locations of panics.
//!
//! The compiler adds a `core::panic::Location` and a file path to the data for each place that can panic. They are unused once
//! panics are traps. Their bytes become zeros, which compress well; all other data keeps its address.

use std::ops::Range;

use walrus::ir::Value;
use walrus::{ConstExpr, Data, DataKind, Module};

/// The size of a `Location` on this target: address and length of the path, line, column, each 32 bits.
const SIZE: usize = 16;

/// The maximum of lines and columns: a word that exceeds it is no location.
const PLAUSIBLE: Range<u32> = 1..100_000;

/// Blanks every location, and the path that it points to.
pub fn blank(module: &mut Module) {
    let segments: Vec<_> = module.data.iter().filter_map(|data| Some((data.id(), address(data)?))).collect();
    for (id, start) in segments {
        let bytes = &mut module.data.get_mut(id).value;
        for range in found(bytes, start) {
            bytes[range].fill(0);
        }
    }
}

/// The start address of a segment.
fn address(data: &Data) -> Option<usize> {
    match data.kind {
        DataKind::Active { offset: ConstExpr::Value(Value::I32(offset)), .. } => usize::try_from(offset).ok(),
        _ => None,
    }
}

/// The places of locations and their paths in a segment that begins at the address `start`.
fn found(bytes: &[u8], start: usize) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = start.next_multiple_of(4) - start;
    while let Some(candidate) = bytes.get(at..at + SIZE) {
        match path(candidate, bytes, start) {
            Some(path) => {
                found.extend([at..at + SIZE, path]);
                at += SIZE;
            }
            None => at += 4,
        }
    }
    found
}

/// The place of the path, if `candidate` is a location.
fn path(candidate: &[u8], bytes: &[u8], start: usize) -> Option<Range<usize>> {
    let mut words =
        candidate.chunks_exact(4).map(|word| u32::from_le_bytes([word[0], word[1], word[2], word[3]]));
    let from = usize::try_from(words.next()?).ok()?.checked_sub(start)?;
    let to = from.checked_add(usize::try_from(words.next()?).ok()?)?;
    let path = bytes.get(from..to)?;
    let named = path.ends_with(b".rs") && path.iter().all(|byte| byte.is_ascii_graphic());
    (named && words.all(|number| PLAUSIBLE.contains(&number))).then_some(from..to)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A segment at address 1024: a path, a location, and a text that only looks like a path.
    fn segment(line: u32) -> Vec<u8> {
        let mut bytes = b"sdk/src/frame.rs".to_vec();
        for word in [1024, 16, line, 9] {
            bytes.extend(u32::to_le_bytes(word));
        }
        bytes.extend(b"see sdk/readme.rs");
        bytes
    }

    #[test]
    fn a_location_and_its_path_are_found_and_nothing_else() {
        assert_eq!(found(&segment(42), 1024), [16..32, 0..16]);
    }

    #[test]
    fn an_address_and_a_length_without_line_and_column_are_left_alone() {
        assert_eq!(found(&segment(0), 1024), Vec::<Range<usize>>::new());
    }
}

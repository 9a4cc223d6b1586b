//! JSON Merge Patch (RFC 7396): an object like the one that it changes, with `null` for each member to remove.

use serde_json::{Map, Value};

/// The result of applying `patch` to `target`.
pub fn merge(target: Value, patch: Value) -> Value {
    let Value::Object(patch) = patch else { return patch };
    let mut merged = match target {
        Value::Object(members) => members,
        _ => Map::new(),
    };
    for (name, change) in patch {
        if change.is_null() {
            merged.remove(&name);
        } else {
            let before = merged.remove(&name).unwrap_or_default();
            merged.insert(name, merge(before, change));
        }
    }
    Value::Object(merged)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strict_json::tests::any_json;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn the_examples_of_the_rfc_hold() {
        // RFC 7396, appendix A.
        for (target, patch, result) in [
            (json!({"a":"b"}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":"b"}), json!({"b":"c"}), json!({"a":"b","b":"c"})),
            (json!({"a":"b"}), json!({"a":null}), json!({})),
            (json!({"a":"b","b":"c"}), json!({"a":null}), json!({"b":"c"})),
            (json!({"a":["b"]}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":"c"}), json!({"a":["b"]}), json!({"a":["b"]})),
            (json!({"a":{"b":"c"}}), json!({"a":{"b":"d","c":null}}), json!({"a":{"b":"d"}})),
            (json!({"a":[{"b":"c"}]}), json!({"a":[1]}), json!({"a":[1]})),
            (json!(["a", "b"]), json!(["c", "d"]), json!(["c", "d"])),
            (json!({"a":"b"}), json!(["c"]), json!(["c"])),
            (json!({"a":"foo"}), json!(null), json!(null)),
            (json!({"a":"foo"}), json!("bar"), json!("bar")),
            (json!({"e":null}), json!({"a":1}), json!({"e":null,"a":1})),
            (json!([1, 2]), json!({"a":"b","c":null}), json!({"a":"b"})),
            (json!({}), json!({"a":{"bb":{"ccc":null}}}), json!({"a":{"bb":{}}})),
        ] {
            assert_eq!(merge(target.clone(), patch.clone()), result, "{target} by {patch}");
        }
    }

    /// Whether `null` is a member of an object that patches could reach.
    fn has_null_member(value: &Value) -> bool {
        value
            .as_object()
            .is_some_and(|members| members.values().any(|member| member.is_null() || has_null_member(member)))
    }

    proptest! {
        #[test]
        fn the_same_patch_again_changes_nothing(target in any_json(), patch in any_json()) {
            let once = merge(target, patch.clone());
            prop_assert_eq!(merge(once.clone(), patch), once);
        }

        #[test]
        fn an_empty_patch_keeps_an_object(target in any_json()) {
            prop_assume!(target.is_object());
            prop_assert_eq!(merge(target.clone(), json!({})), target);
        }

        #[test]
        fn what_is_no_object_replaces_everything(target in any_json(), patch in any_json()) {
            prop_assume!(!patch.is_object());
            prop_assert_eq!(merge(target, patch.clone()), patch);
        }

        #[test]
        fn a_value_without_nulls_makes_itself_of_nothing(value in any_json()) {
            prop_assume!(!has_null_member(&value));
            prop_assert_eq!(merge(Value::Null, value.clone()), value);
        }

        #[test]
        fn what_the_patch_does_not_name_stays(target in any_json(), patch in any_json()) {
            let merged = merge(target.clone(), patch.clone());
            if let (Value::Object(target), Value::Object(patch)) = (target, patch) {
                for (name, value) in target.iter().filter(|(name, _)| !patch.contains_key(*name)) {
                    prop_assert_eq!(&merged[name], value);
                }
            }
        }
    }
}

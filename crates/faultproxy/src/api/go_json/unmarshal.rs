//! Reads values into what they should be, and complains as Go does: about the first that is of
//! another type, after having looked at all of them.

use super::node::{Node, Value};

/// A value of another type than its field, in Go's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("json: cannot unmarshal {found} into Go {target}")]
pub(crate) struct TypeError {
    pub(crate) at: usize,
    /// `string`, `number 1.5`, …
    found: String,
    /// `struct field Proxy.name of type string`, …
    target: String,
}

/// Reads fields, and keeps the first complaint.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    complaint: Option<TypeError>,
}

/// Where a value should go: the field as Go names it, and its type.
#[derive(Clone, Copy, Debug)]
struct Field<'a> {
    name: &'a str,
    kind: &'a str,
}

impl Reader {
    /// What was read, if nothing was of another type.
    pub(crate) fn finish<T>(self, read: T) -> Result<T, TypeError> {
        self.complaint.map_or(Ok(read), Err)
    }

    /// Calls `field` for every key of an object. A `null` has none, and neither has any other
    /// value, which is complained about.
    pub(crate) fn object(
        &mut self,
        node: &Node,
        go_type: &str,
        mut field: impl FnMut(&mut Self, &str, &Node),
    ) {
        if let Value::Object(members) = &node.value {
            for member in members {
                field(self, &member.key, &member.node);
            }
        } else {
            self.refuse(node, node.value.kind(), format!("value of type {go_type}"));
        }
    }

    /// The items of a list; `null` has none.
    pub(crate) fn list<'a>(&mut self, node: &'a Node, go_type: &str) -> &'a [Node] {
        if let Value::List(items) = &node.value {
            return items;
        }
        self.refuse(node, node.value.kind(), format!("value of type {go_type}"));
        &[]
    }

    pub(crate) fn text(&mut self, node: &Node, field: &str) -> Option<String> {
        if let Value::Text(text) = &node.value {
            return Some(text.clone());
        }
        self.refuse_field(node, Field { name: field, kind: "string" })
    }

    pub(crate) fn boolean(&mut self, node: &Node, field: &str) -> Option<bool> {
        if let Value::Bool(value) = node.value {
            return Some(value);
        }
        self.refuse_field(node, Field { name: field, kind: "bool" })
    }

    pub(crate) fn float32(&mut self, node: &Node, field: &str) -> Option<f32> {
        let field = Field { name: field, kind: "float32" };
        let Value::Number(written) = &node.value else {
            return self.refuse_field(node, field);
        };
        let number = written.parse().ok().filter(|number: &f32| number.is_finite());
        number.or_else(|| self.refuse_number(node, written, field))
    }

    pub(crate) fn float64(&mut self, node: &Node, field: &str) -> Option<f64> {
        let field = Field { name: field, kind: "float64" };
        let Value::Number(written) = &node.value else {
            return self.refuse_field(node, field);
        };
        let number = written.parse().ok().filter(|number: &f64| number.is_finite());
        number.or_else(|| self.refuse_number(node, written, field))
    }

    /// An integer of the type `kind`, which is 64 bits wide.
    pub(crate) fn integer(&mut self, node: &Node, field: &str, kind: &str) -> Option<i64> {
        let field = Field { name: field, kind };
        let Value::Number(written) = &node.value else {
            return self.refuse_field(node, field);
        };
        written.parse().ok().or_else(|| self.refuse_number(node, written, field))
    }

    /// Complains that a struct's field should have been something that is made of fields.
    pub(crate) fn refuse_struct(&mut self, node: &Node, field: &str, go_type: &str) {
        let _never: Option<()> = self.refuse_field(node, Field { name: field, kind: go_type });
    }

    fn refuse_number<T>(&mut self, node: &Node, written: &str, field: Field<'_>) -> Option<T> {
        let Field { name, kind } = field;
        self.refuse(
            node,
            &format!("number {written}"),
            format!("struct field {name} of type {kind}"),
        );
        None
    }

    fn refuse_field<T>(&mut self, node: &Node, field: Field<'_>) -> Option<T> {
        let Field { name, kind } = field;
        self.refuse(node, node.value.kind(), format!("struct field {name} of type {kind}"));
        None
    }

    /// `null` leaves everything as it is; all else is of another type.
    fn refuse(&mut self, node: &Node, found: &str, target: String) {
        if node.value == Value::Null {
            return;
        }
        let complaint = TypeError { at: node.at, found: found.to_owned(), target };
        self.complaint.get_or_insert(complaint);
    }
}

/// Whether `key` means the field `name`: in any case, as Unicode folds it.
pub(crate) fn is_named(key: &str, name: &str) -> bool {
    let fold = |character: char| match character {
        // The only two that fold to ASCII: the long s and the sign of kelvin.
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        _ => character.to_ascii_lowercase(),
    };
    key.chars().map(fold).eq(name.chars().map(fold))
}

#[cfg(test)]
mod tests {
    use super::super::first;
    use super::*;

    #[test]
    fn the_first_complaint_is_kept_and_null_is_none() {
        let node = first(br#"{"a":null,"b":5,"c":true}"#).unwrap();
        let mut reader = Reader::default();
        reader.object(&node, "T", |reader, key, node| {
            assert_eq!(reader.text(node, &format!("T.{key}")), None);
        });
        let complaint = reader.finish(()).unwrap_err();
        assert_eq!(
            complaint.to_string(),
            "json: cannot unmarshal number into Go struct field T.b of type string"
        );
        assert_eq!(complaint.at, 14);
    }

    #[test]
    fn numbers_are_integers_only_when_they_are_written_so() {
        let check = |written: &str, expected: Option<i64>| {
            let node = first(written.as_bytes()).unwrap();
            assert_eq!(Reader::default().integer(&node, "f", "int64"), expected, "{written}");
        };
        check("-0", Some(0));
        check("9223372036854775807", Some(i64::MAX));
        check("9223372036854775808", None);
        check("1.0", None);
        check("1e2", None);
    }

    #[test]
    fn keys_are_matched_in_any_case() {
        assert!(is_named("LiſTEN", "listen") && is_named("\u{212a}ey", "key"));
        assert!(!is_named("liste", "listen") && !is_named("ü", "Ü"));
    }
}

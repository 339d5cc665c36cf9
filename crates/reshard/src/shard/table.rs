//! The name of a sharded table, safe to be put into a statement.

use std::fmt;
use std::str::FromStr;

/// A table with its schema.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Table {
    schema: String,
    name: String,
}

/// A text that names no table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` names no table: `TABLE` or `SCHEMA.TABLE` is expected, without quotes")]
pub struct TableError(String);

impl FromStr for Table {
    type Err = TableError;

    fn from_str(text: &str) -> Result<Self, TableError> {
        let (schema, name) = text.split_once('.').unwrap_or(("public", text));
        let is_plain =
            |part: &str| !part.is_empty() && !part.contains(['"', '.', '\0']) && part.len() < 64;
        if is_plain(schema) && is_plain(name) {
            Ok(Self { schema: schema.to_owned(), name: name.to_owned() })
        } else {
            Err(TableError(text.to_owned()))
        }
    }
}

impl Table {
    /// Quoted, for a statement.
    pub(crate) fn quoted(&self) -> String {
        format!("\"{}\".\"{}\"", self.schema, self.name)
    }
}

impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.schema, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_quoted_and_one_that_could_break_out_is_refused() {
        let table: Table = "items".parse().unwrap();
        assert_eq!(
            (table.to_string().as_str(), table.quoted().as_str()),
            ("public.items", r#""public"."items""#)
        );
        for text in ["", "a.b.c", r#"a"; DROP TABLE b; --"#, ".a"] {
            assert_eq!(text.parse::<Table>(), Err(TableError(text.to_owned())));
        }
    }
}

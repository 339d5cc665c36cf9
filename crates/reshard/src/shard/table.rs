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

/// Reads the names of the tables of a fleet.
///
/// # Errors
///
/// With the position of the name: one that names no table or the same as another. Without: there is
/// no name.
pub fn tables_of<'text>(
    names: impl IntoIterator<Item = &'text str>,
) -> Result<Vec<Table>, (Option<usize>, String)> {
    let mut tables: Vec<Table> = Vec::new();
    for (position, name) in names.into_iter().enumerate() {
        let table: Table =
            name.parse().map_err(|error: TableError| (Some(position), error.to_string()))?;
        if tables.contains(&table) {
            return Err((Some(position), format!("table `{name}` is named twice")));
        }
        tables.push(table);
    }
    if tables.is_empty() { Err((None, "there must be a table".to_owned())) } else { Ok(tables) }
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
    fn a_fleet_has_tables_each_of_them_once() {
        assert_eq!(tables_of(["items", "shop.items"]).unwrap().len(), 2);
        let (position, problem) = tables_of(["items", "public.items"]).unwrap_err();
        assert_eq!((position, problem.contains("twice")), (Some(1), true));
        assert_eq!(tables_of([]).unwrap_err().0, None);
    }

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

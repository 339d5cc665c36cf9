//! A cluster as its clients see it: a proxy to write through, and the servers behind it.

use serde::{Deserialize, Serialize};

/// What the servers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    Postgres,
    Mariadb,
    Mysql,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Postgres, Self::Mariadb, Self::Mysql];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Mariadb => "mariadb",
            Self::Mysql => "mysql",
        }
    }

    /// What order-saga calls its cluster of this kind.
    pub(crate) fn cluster(self) -> &'static str {
        match self {
            Self::Postgres => "orders",
            Self::Mariadb => "stock",
            Self::Mysql => "reports",
        }
    }
}

/// One of two servers.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) name: String,
    /// With the rights of an application: an administrator may write where nobody should.
    pub(crate) url: String,
    pub(crate) admin_url: String,
}

#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) kind: Kind,
    /// The URL by which clients get to the primary.
    pub(crate) proxy: String,
    pub(crate) nodes: [Node; 2],
}

impl Target {
    /// The place of a server among the two.
    pub(crate) fn place(&self, name: &str) -> Option<usize> {
        self.nodes.iter().position(|node| node.name == name)
    }

    /// The name of a table of ours in statements.
    pub(crate) fn table(&self, name: &str) -> String {
        match self.kind {
            Kind::Postgres => name.to_owned(),
            Kind::Mariadb | Kind::Mysql => format!("{}.{name}", self.kind.cluster()),
        }
    }
}

/// Our tables, in SQL for the administrator. `kept` has no key: a row that is applied twice shall
/// be seen. `counted` is changed in the transaction of each row, as stock is in that of an order.
pub(crate) fn schema(kind: Kind) -> String {
    let user = kind.cluster();
    let numbers: Vec<String> = (0..CLIENTS_MAX).map(|number| format!("({number}, 0)")).collect();
    let filled = format!("INSERT INTO counted (writer, total) VALUES {};", numbers.join(", "));
    match kind {
        Kind::Postgres => format!(
            "CREATE TABLE kept (writer integer NOT NULL, sequence bigint NOT NULL);
CREATE INDEX ON kept (writer, sequence);
CREATE TABLE counted (writer integer PRIMARY KEY, total bigint NOT NULL) WITH (fillfactor = 10);
CREATE TABLE probed (server integer NOT NULL, at_us bigint NOT NULL);
{filled}
GRANT SELECT, INSERT ON kept, probed TO {user};
GRANT SELECT, UPDATE ON counted TO {user};
"
        ),
        Kind::Mariadb | Kind::Mysql => format!(
            "CREATE TABLE kept (writer INT NOT NULL, sequence BIGINT NOT NULL,
    KEY (writer, sequence)) ENGINE = InnoDB;
CREATE TABLE counted (writer INT PRIMARY KEY, total BIGINT NOT NULL) ENGINE = InnoDB;
CREATE TABLE probed (server INT NOT NULL, at_us BIGINT NOT NULL) ENGINE = InnoDB;
{filled}
CREATE TRIGGER counts AFTER INSERT ON kept FOR EACH ROW
    UPDATE counted SET total = total + 1 WHERE writer = NEW.writer;
GRANT SELECT, INSERT ON kept TO {user}@'%';
GRANT SELECT, INSERT ON probed TO {user}@'%';
GRANT SELECT ON counted TO {user}@'%';
"
        ),
    }
}

pub(crate) const CLIENTS_MAX: usize = 16;

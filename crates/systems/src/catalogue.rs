//! The files of every shipped system, compiled in so that the one binary needs no folder beside it.

/// A shipped system, as the files that describe it.
#[derive(Clone, Copy, Debug)]
pub struct SystemFiles {
    /// The name of its folder, and the `name` in its `system.toml`.
    pub name: &'static str,
    /// Engines, services, tactics and scenarios.
    pub system_toml: &'static str,
    /// What `system.toml` refers to: path inside the folder, and content.
    pub files: &'static [(&'static str, &'static str)],
    /// File stem of an experiment, and its TOML. The order is that of the README.
    pub experiments: &'static [(&'static str, &'static str)],
    /// What `standfast run` without arguments shows of it.
    pub showcase: &'static [&'static str],
    /// For people.
    pub readme: &'static str,
}

/// The text of a file in the folder of a system.
macro_rules! file {
    ($path:literal) => {
        include_str!(concat!("../", $path))
    };
}

/// All shipped systems.
pub const CATALOGUE: &[SystemFiles] =
    &[CACHE_FALLBACK, VOTED_INVENTORY, ORDER_SAGA, TRAVELHUB, SHARDED_SHOP];

const CACHE_FALLBACK: SystemFiles = SystemFiles {
    name: "cache-fallback",
    system_toml: file!("cache-fallback/system.toml"),
    files: &[
        ("sql/schema.sql", file!("cache-fallback/sql/schema.sql")),
        ("sql/catalogue.sql", file!("cache-fallback/sql/catalogue.sql")),
    ],
    experiments: &[
        ("cache-miss", file!("cache-fallback/experiments/cache-miss.toml")),
        ("cache-hit", file!("cache-fallback/experiments/cache-hit.toml")),
        ("stale-fallback", file!("cache-fallback/experiments/stale-fallback.toml")),
        ("total-failure", file!("cache-fallback/experiments/total-failure.toml")),
        ("primary-stopped", file!("cache-fallback/experiments/primary-stopped.toml")),
        ("cache-stopped", file!("cache-fallback/experiments/cache-stopped.toml")),
        ("replica-paused", file!("cache-fallback/experiments/replica-paused.toml")),
        ("replica-slow", file!("cache-fallback/experiments/replica-slow.toml")),
        ("replica-link-cut", file!("cache-fallback/experiments/replica-link-cut.toml")),
        ("cache-slow", file!("cache-fallback/experiments/cache-slow.toml")),
        ("replication-cut", file!("cache-fallback/experiments/replication-cut.toml")),
        ("overload", file!("cache-fallback/experiments/overload.toml")),
        ("recovery", file!("cache-fallback/experiments/recovery.toml")),
    ],
    showcase: &["cache-hit", "stale-fallback", "total-failure", "replication-cut"],
    readme: file!("cache-fallback/README.md"),
};

const VOTED_INVENTORY: SystemFiles = SystemFiles {
    name: "voted-inventory",
    system_toml: file!("voted-inventory/system.toml"),
    files: &[
        ("sql/orders.sql", file!("voted-inventory/sql/orders.sql")),
        ("sql/monitor.sql", file!("voted-inventory/sql/monitor.sql")),
    ],
    experiments: &[
        ("baseline", file!("voted-inventory/experiments/baseline.toml")),
        ("crash", file!("voted-inventory/experiments/crash.toml")),
        ("latency", file!("voted-inventory/experiments/latency.toml")),
        ("intermittent", file!("voted-inventory/experiments/intermittent.toml")),
        ("incorrect", file!("voted-inventory/experiments/incorrect.toml")),
        ("hang", file!("voted-inventory/experiments/hang.toml")),
        ("cut", file!("voted-inventory/experiments/cut.toml")),
        ("two-bad", file!("voted-inventory/experiments/two-bad.toml")),
        ("kafka-killed", file!("voted-inventory/experiments/kafka-killed.toml")),
        ("leader-killed", file!("voted-inventory/experiments/leader-killed.toml")),
        ("follower-killed", file!("voted-inventory/experiments/follower-killed.toml")),
        ("postgres-killed", file!("voted-inventory/experiments/postgres-killed.toml")),
        ("replica-restarted", file!("voted-inventory/experiments/replica-restarted.toml")),
        ("replica-wiped", file!("voted-inventory/experiments/replica-wiped.toml")),
        ("duplicates", file!("voted-inventory/experiments/duplicates.toml")),
        ("liar", file!("voted-inventory/experiments/liar.toml")),
        ("endurance", file!("voted-inventory/experiments/endurance.toml")),
    ],
    showcase: &["incorrect", "kafka-killed"],
    readme: file!("voted-inventory/README.md"),
};

const ORDER_SAGA: SystemFiles = SystemFiles {
    name: "order-saga",
    system_toml: file!("order-saga/system.toml"),
    files: &[
        ("nginx.conf", file!("order-saga/nginx.conf")),
        ("sql/orders.sql", file!("order-saga/sql/orders.sql")),
        ("sql/reports.sql", file!("order-saga/sql/reports.sql")),
        ("sql/stock.sql", file!("order-saga/sql/stock.sql")),
    ],
    experiments: &[
        ("baseline", file!("order-saga/experiments/baseline.toml")),
        ("orders-primary-killed", file!("order-saga/experiments/orders-primary-killed.toml")),
        ("stock-primary-killed", file!("order-saga/experiments/stock-primary-killed.toml")),
        ("reports-primary-killed", file!("order-saga/experiments/reports-primary-killed.toml")),
        ("orders-primary-frozen", file!("order-saga/experiments/orders-primary-frozen.toml")),
        ("stock-primary-frozen", file!("order-saga/experiments/stock-primary-frozen.toml")),
        ("reports-primary-frozen", file!("order-saga/experiments/reports-primary-frozen.toml")),
        ("orders-primary-cut-off", file!("order-saga/experiments/orders-primary-cut-off.toml")),
        ("stock-primary-cut-off", file!("order-saga/experiments/stock-primary-cut-off.toml")),
        ("reports-primary-cut-off", file!("order-saga/experiments/reports-primary-cut-off.toml")),
        ("orders-host-killed", file!("order-saga/experiments/orders-host-killed.toml")),
        ("stock-host-killed", file!("order-saga/experiments/stock-host-killed.toml")),
        ("reports-host-killed", file!("order-saga/experiments/reports-host-killed.toml")),
        ("orders-double-failover", file!("order-saga/experiments/orders-double-failover.toml")),
        ("stock-double-failover", file!("order-saga/experiments/stock-double-failover.toml")),
        ("reports-double-failover", file!("order-saga/experiments/reports-double-failover.toml")),
        (
            "orders-failover-interrupted",
            file!("order-saga/experiments/orders-failover-interrupted.toml"),
        ),
        (
            "stock-failover-interrupted",
            file!("order-saga/experiments/stock-failover-interrupted.toml"),
        ),
        (
            "reports-failover-interrupted",
            file!("order-saga/experiments/reports-failover-interrupted.toml"),
        ),
        ("orders-started-by-hand", file!("order-saga/experiments/orders-started-by-hand.toml")),
        ("stock-started-by-hand", file!("order-saga/experiments/stock-started-by-hand.toml")),
        ("reports-started-by-hand", file!("order-saga/experiments/reports-started-by-hand.toml")),
        ("stock-replica-behind", file!("order-saga/experiments/stock-replica-behind.toml")),
        ("reports-replica-behind", file!("order-saga/experiments/reports-replica-behind.toml")),
        ("orders-replica-killed", file!("order-saga/experiments/orders-replica-killed.toml")),
        ("stock-replica-killed", file!("order-saga/experiments/stock-replica-killed.toml")),
        ("reports-replica-killed", file!("order-saga/experiments/reports-replica-killed.toml")),
        ("orders-replica-cut", file!("order-saga/experiments/orders-replica-cut.toml")),
        ("stock-replica-cut", file!("order-saga/experiments/stock-replica-cut.toml")),
        ("reports-replica-cut", file!("order-saga/experiments/reports-replica-cut.toml")),
        ("orders-proxy-killed", file!("order-saga/experiments/orders-proxy-killed.toml")),
        ("stock-proxy-killed", file!("order-saga/experiments/stock-proxy-killed.toml")),
        ("reports-proxy-killed", file!("order-saga/experiments/reports-proxy-killed.toml")),
        ("orders-watchdog-killed", file!("order-saga/experiments/orders-watchdog-killed.toml")),
        ("stock-watchdog-killed", file!("order-saga/experiments/stock-watchdog-killed.toml")),
        ("reports-watchdog-killed", file!("order-saga/experiments/reports-watchdog-killed.toml")),
        ("orders-watchdog-forgets", file!("order-saga/experiments/orders-watchdog-forgets.toml")),
        ("two-databases-killed", file!("order-saga/experiments/two-databases-killed.toml")),
        ("middleware-killed", file!("order-saga/experiments/middleware-killed.toml")),
        ("apps-killed", file!("order-saga/experiments/apps-killed.toml")),
        ("slo", file!("order-saga/experiments/slo.toml")),
    ],
    showcase: &["orders-primary-killed"],
    readme: file!("order-saga/README.md"),
};

const TRAVELHUB: SystemFiles = SystemFiles {
    name: "travelhub",
    system_toml: file!("travelhub/system.toml"),
    files: &[
        ("sql/analytics.sql", file!("travelhub/sql/analytics.sql")),
        ("sql/monitor.sql", file!("travelhub/sql/monitor.sql")),
        ("sql/roles.sql", file!("travelhub/sql/roles.sql")),
        ("sql/catalogue.sql", file!("travelhub/sql/catalogue.sql")),
        ("sql/reservations.sql", file!("travelhub/sql/reservations.sql")),
        ("sql/writes.sql", file!("travelhub/sql/writes.sql")),
        ("sql/inventory.sql", file!("travelhub/sql/inventory.sql")),
        ("sql/cashier.sql", file!("travelhub/sql/cashier.sql")),
    ],
    experiments: &[
        ("baseline", file!("travelhub/experiments/baseline.toml")),
        ("inventory-down", file!("travelhub/experiments/inventory-down.toml")),
        ("inventory-down-long", file!("travelhub/experiments/inventory-down-long.toml")),
        ("inventory-killed-twice", file!("travelhub/experiments/inventory-killed-twice.toml")),
        ("analytics-killed", file!("travelhub/experiments/analytics-killed.toml")),
        ("analytics-hung", file!("travelhub/experiments/analytics-hung.toml")),
        ("analytics-disk-full", file!("travelhub/experiments/analytics-disk-full.toml")),
        ("search-killed", file!("travelhub/experiments/search-killed.toml")),
        ("search-remembered", file!("travelhub/experiments/search-remembered.toml")),
        ("search-hung", file!("travelhub/experiments/search-hung.toml")),
        ("search-slow", file!("travelhub/experiments/search-slow.toml")),
        ("search-half-failing", file!("travelhub/experiments/search-half-failing.toml")),
        ("search-flapping", file!("travelhub/experiments/search-flapping.toml")),
        ("search-hedged", file!("travelhub/experiments/search-hedged.toml")),
        ("search-overload", file!("travelhub/experiments/search-overload.toml")),
        ("reservations-killed", file!("travelhub/experiments/reservations-killed.toml")),
        ("reservations-hung", file!("travelhub/experiments/reservations-hung.toml")),
        (
            "reservations-half-failing",
            file!("travelhub/experiments/reservations-half-failing.toml"),
        ),
        ("gateway-endurance", file!("travelhub/experiments/gateway-endurance.toml")),
        ("service-killed", file!("travelhub/experiments/service-killed.toml")),
        ("payments-one-faulty", file!("travelhub/experiments/payments-one-faulty.toml")),
        ("payments-two-faulty", file!("travelhub/experiments/payments-two-faulty.toml")),
        ("payments-three-faulty", file!("travelhub/experiments/payments-three-faulty.toml")),
        ("payments-three-of-a-kind", file!("travelhub/experiments/payments-three-of-a-kind.toml")),
        ("payments-endurance", file!("travelhub/experiments/payments-endurance.toml")),
    ],
    showcase: &["inventory-down"],
    readme: file!("travelhub/README.md"),
};

const SHARDED_SHOP: SystemFiles = SystemFiles {
    name: "sharded-shop",
    system_toml: file!("sharded-shop/system.toml"),
    files: &[
        ("sql/core.sql", file!("sharded-shop/sql/core.sql")),
        ("sql/shard.sql", file!("sharded-shop/sql/shard.sql")),
    ],
    experiments: &[
        ("cart-partitioned", file!("sharded-shop/experiments/cart-partitioned.toml")),
        ("cart-long-partition", file!("sharded-shop/experiments/cart-long-partition.toml")),
        ("cart-node-killed", file!("sharded-shop/experiments/cart-node-killed.toml")),
        ("cart-three-ways", file!("sharded-shop/experiments/cart-three-ways.toml")),
        ("cart-links-flapping", file!("sharded-shop/experiments/cart-links-flapping.toml")),
        ("cart-node-wiped", file!("sharded-shop/experiments/cart-node-wiped.toml")),
        ("inventory-partitioned", file!("sharded-shop/experiments/inventory-partitioned.toml")),
        ("shard-primary-killed", file!("sharded-shop/experiments/shard-primary-killed.toml")),
        ("shard-down-scatter", file!("sharded-shop/experiments/shard-down-scatter.toml")),
        ("shard-down-reports", file!("sharded-shop/experiments/shard-down-reports.toml")),
        (
            "profiles-replicas-behind",
            file!("sharded-shop/experiments/profiles-replicas-behind.toml"),
        ),
        (
            "profiles-copies-overtaken",
            file!("sharded-shop/experiments/profiles-copies-overtaken.toml"),
        ),
        ("profiles-partitioned", file!("sharded-shop/experiments/profiles-partitioned.toml")),
        ("orders-partitioned", file!("sharded-shop/experiments/orders-partitioned.toml")),
        ("core-primary-killed", file!("sharded-shop/experiments/core-primary-killed.toml")),
        ("checkout-crossing", file!("sharded-shop/experiments/checkout-crossing.toml")),
        ("lag-under-writes", file!("sharded-shop/experiments/lag-under-writes.toml")),
        ("replication-load", file!("sharded-shop/experiments/replication-load.toml")),
        ("slots-moved", file!("sharded-shop/experiments/slots-moved.toml")),
        ("shards-grow-and-shrink", file!("sharded-shop/experiments/shards-grow-and-shrink.toml")),
        (
            "joining-primary-killed-in-move",
            file!("sharded-shop/experiments/joining-primary-killed-in-move.toml"),
        ),
        (
            "coordinator-killed-in-move",
            file!("sharded-shop/experiments/coordinator-killed-in-move.toml"),
        ),
        (
            "coordinator-killed-at-every-step",
            file!("sharded-shop/experiments/coordinator-killed-at-every-step.toml"),
        ),
        (
            "coordinator-killed-while-shard-down",
            file!("sharded-shop/experiments/coordinator-killed-while-shard-down.toml"),
        ),
        (
            "shard-primary-killed-in-move",
            file!("sharded-shop/experiments/shard-primary-killed-in-move.toml"),
        ),
    ],
    showcase: &["cart-partitioned"],
    readme: file!("sharded-shop/README.md"),
};

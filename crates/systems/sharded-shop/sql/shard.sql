-- A shard: users and products whose slot it owns. Run as superuser in its database, once; the
-- services only have the role `shop`, which may do what the grants say. The guard that refuses what
-- is not owned comes with the map, from the resharder.

CREATE TABLE users (
    slot integer NOT NULL,
    id   uuid NOT NULL,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 64),
    PRIMARY KEY (slot, id)
);

CREATE TABLE products (
    slot        integer NOT NULL,
    sku         text NOT NULL CHECK (length(sku) BETWEEN 1 AND 64),
    title       text NOT NULL,
    price_cents bigint NOT NULL CHECK (price_cents > 0),
    currency    text NOT NULL DEFAULT 'EUR' CHECK (length(currency) = 3),
    stock       bigint NOT NULL CHECK (stock >= 0),
    version     bigint NOT NULL DEFAULT 1,
    PRIMARY KEY (slot, sku)
);

GRANT SELECT, INSERT, UPDATE, DELETE ON users, products TO shop;

-- The core: profiles and orders. Run as superuser in its database, once; the services only have the
-- role `shop`, which may do what the grants say. The map of the slots comes beside it, in the schema
-- `reshard_catalog`, which the resharder makes.

-- What identifies somebody (email, password) has a version of its own: it is never read from a copy.
CREATE TABLE profiles (
    id                  uuid PRIMARY KEY,
    email               text NOT NULL UNIQUE CHECK (length(email) BETWEEN 3 AND 254),
    password_hash       text NOT NULL CHECK (length(password_hash) BETWEEN 1 AND 200),
    credentials_version integer NOT NULL DEFAULT 1,
    display_name        text NOT NULL DEFAULT '' CHECK (length(display_name) <= 64),
    version             integer NOT NULL DEFAULT 1,
    changed_at          timestamptz NOT NULL DEFAULT now()
);

INSERT INTO profiles (id, email, password_hash, display_name, changed_at)
SELECT ('01935b00-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 'user-' || n || '@shop.example',
       'none', 'User ' || n, timestamptz '2026-01-01 00:00:00Z'
FROM generate_series(1, 1000) AS n;

-- An answer that was given to a write, kept so that a retry gets the same one.
CREATE TABLE idempotency_keys (
    key          text PRIMARY KEY CHECK (length(key) <= 160),
    request_hash bytea NOT NULL,
    status       smallint,
    response     text,
    created_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX idempotency_keys_created_at ON idempotency_keys (created_at);

-- Written many times a second by every instance of `profiles`: what a replica shows of it says how
-- far behind the replica is.
CREATE TABLE heartbeats (
    writer text PRIMARY KEY,
    beat   bigint NOT NULL
) WITH (fillfactor = 10);

-- A checkout from the cart to the order. It is written before stock is taken, so that whoever finds
-- it unfinished knows what may have been taken; `id` is the key of the take as well.
CREATE TABLE checkouts (
    id           uuid PRIMARY KEY,
    client_key   text UNIQUE CHECK (length(client_key) <= 128),
    request_hash bytea NOT NULL,
    cart         text NOT NULL CHECK (length(cart) BETWEEN 1 AND 64),
    -- What the cart had seen when it was read.
    context      text NOT NULL CHECK (length(context) <= 8192),
    -- JSON: what is wanted of each product, and at which price the customer saw it.
    lines        text NOT NULL,
    state        text NOT NULL CHECK (state IN ('taking', 'ordered', 'done', 'releasing', 'released')),
    -- The answer of a checkout that stock was refused to.
    refusal      text,
    started_at   timestamptz NOT NULL DEFAULT now()
);
-- What somebody saw in a cart is ordered once, whoever else sees the same.
CREATE UNIQUE INDEX checkouts_once ON checkouts (cart, md5(context)) WHERE state <> 'released';
-- And one at a time: until the cart was told of an order, it shows what was ordered beside what was
-- added since.
CREATE UNIQUE INDEX checkouts_one_open ON checkouts (cart)
    WHERE state IN ('taking', 'ordered', 'releasing');
CREATE INDEX checkouts_open ON checkouts (started_at) WHERE state IN ('taking', 'ordered', 'releasing');

CREATE TABLE orders (
    id           uuid PRIMARY KEY REFERENCES checkouts,
    cart         text NOT NULL,
    amount_cents bigint NOT NULL CHECK (amount_cents > 0),
    currency     text NOT NULL CHECK (length(currency) = 3),
    created_at   timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE order_lines (
    order_id    uuid NOT NULL REFERENCES orders,
    sku         text NOT NULL,
    quantity    bigint NOT NULL CHECK (quantity > 0),
    price_cents bigint NOT NULL CHECK (price_cents > 0),
    PRIMARY KEY (order_id, sku)
);

-- Which orders a customer, or a product, has seen, in their order.
CREATE TABLE ledgers (
    name     text PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 64),
    elements text[] NOT NULL
);
CREATE TABLE ledger_transactions (
    id           uuid PRIMARY KEY,
    request_hash bytea NOT NULL,
    answer       text NOT NULL
);

GRANT SELECT, INSERT, UPDATE ON profiles, heartbeats, checkouts, ledgers TO shop;
GRANT SELECT, INSERT, UPDATE, DELETE ON idempotency_keys TO shop;
GRANT SELECT, INSERT ON orders, order_lines, ledger_transactions TO shop;

-- The load test of the replicas: a number that is counted up on the primary and awaited on each of
-- them, and rows that make them lag.
CREATE TABLE lag_markers (id integer PRIMARY KEY, marker bigint NOT NULL) WITH (fillfactor = 10);
INSERT INTO lag_markers VALUES (1, 0);
CREATE TABLE lag_rows (
    id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    body text NOT NULL
);

GRANT SELECT, UPDATE ON lag_markers TO shop;
GRANT SELECT, INSERT ON lag_rows TO shop;

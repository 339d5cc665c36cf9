-- app2: orders, in PostgreSQL. Run as superuser in its database, once; the service itself only has
-- the role `orders`, which may do what the grants at the end say.

CREATE TABLE orders (
    -- Version 7: by id is by time. It is the id of the saga that makes the order, too.
    id           uuid PRIMARY KEY,
    product_id   text NOT NULL CHECK (length(product_id) BETWEEN 1 AND 64),
    quantity     integer NOT NULL CHECK (quantity > 0),
    customer     text NOT NULL CHECK (length(customer) BETWEEN 1 AND 64),
    amount_cents bigint NOT NULL CHECK (amount_cents > 0),
    currency     text NOT NULL CHECK (length(currency) = 3),
    status       text NOT NULL DEFAULT 'confirmed' CHECK (status IN ('confirmed', 'cancelled')),
    -- The client's Idempotency-Key, and a hash of what it came with: one order for each key, also
    -- when the middleware has forgotten it, or another one gets it.
    client_key   text UNIQUE CHECK (length(client_key) <= 128),
    client_hash  bigint,
    created_at   timestamptz NOT NULL DEFAULT now()
);

-- One row for each step of a saga, changed in the transaction of its effect: idempotency key,
-- kept answer and barrier in one.
CREATE TABLE steps (
    step_key    text PRIMARY KEY CHECK (length(step_key) <= 128),
    mark        text NOT NULL CHECK (mark IN ('applied', 'refused', 'undone', 'barred')),
    epoch       bigint NOT NULL,
    fingerprint bigint NOT NULL,
    subject     text NOT NULL,
    status      integer,
    answer      text,
    -- Every call changes the row, so that a repetition is acknowledged by the replica, too.
    calls       integer NOT NULL DEFAULT 1,
    made_at     timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 60);

GRANT SELECT, INSERT, UPDATE ON orders, steps TO orders;

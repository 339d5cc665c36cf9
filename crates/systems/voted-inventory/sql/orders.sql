-- Tables of the orders service. Run as superuser in its database, once; the service itself only has
-- the role `inventory`, which may do what the grants at the end say and nothing else.

CREATE TABLE orders (
    -- Version 7: by id is by time.
    id uuid PRIMARY KEY,
    product_id text NOT NULL CHECK (length(product_id) BETWEEN 1 AND 64),
    quantity integer NOT NULL CHECK (quantity > 0),
    status text NOT NULL DEFAULT 'pending'
        CHECK (status IN ('pending', 'confirmed', 'rejected', 'cancelled')),
    -- Why it is not confirmed, in the words of a replica.
    reason text,
    reserve_event uuid NOT NULL,
    -- Set when somebody has cancelled the order; from then on there is one release, and no second.
    release_event uuid,
    -- What the replicas said: {"reserve": {"inventory-1": {"outcome": …, "reason": …}}, "release":
    -- …}.
    votes jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    decided_at timestamptz
    -- Each order is updated about twice: with room on the page, that touches no index.
) WITH (fillfactor = 60);

-- Events that are committed and not yet in the log. A row goes when it is published. Rows of one
-- order are written under the lock of that order, so that their ids are in the order of the
-- commits.
CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    order_id uuid NOT NULL,
    -- Key and value of the record.
    key text NOT NULL,
    payload text NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    written_at timestamptz NOT NULL DEFAULT now(),
    -- Set when the log has refused it too often: an operator must look.
    parked_at timestamptz,
    reason text
    -- A queue has few rows and many dead ones, whatever its share of dead ones was.
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

-- How far a topic has been read, written together with what was made of it.
CREATE TABLE positions (
    topic text PRIMARY KEY,
    next_offset bigint NOT NULL
);

-- An answer that was given to a write, kept so that a retry gets the same one.
CREATE TABLE idempotency_keys (
    key text PRIMARY KEY CHECK (length(key) <= 128),
    request_hash bytea NOT NULL,
    status smallint,
    response text,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX idempotency_keys_created_at ON idempotency_keys USING brin (created_at);

GRANT SELECT, INSERT, UPDATE ON orders, outbox, positions, idempotency_keys TO inventory;
GRANT DELETE ON outbox, idempotency_keys TO inventory;

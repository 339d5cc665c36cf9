-- Tables of the reservations service. Run as superuser in its database, once; the service itself only
-- has the role `reservations`, which may do what the grants at the end say.

CREATE TABLE reservations (
    -- Version 7: by id is by time.
    id uuid PRIMARY KEY,
    offer_id uuid NOT NULL,
    check_in date NOT NULL,
    nights smallint NOT NULL CHECK (nights BETWEEN 1 AND 14),
    guests smallint NOT NULL CHECK (guests BETWEEN 1 AND 16),
    customer text NOT NULL CHECK (length(customer) BETWEEN 1 AND 64),
    status text NOT NULL DEFAULT 'held'
        CHECK (status IN ('held', 'paying', 'confirmed', 'cancelled', 'expired')),
    -- What the price follows from, for those who charge it; fixed with the reservation.
    quote jsonb NOT NULL,
    price_cents bigint NOT NULL CHECK (price_cents > 0),
    currency character(3) NOT NULL,
    held_until timestamptz NOT NULL,
    refund text CHECK (refund IN ('pending', 'done')),
    created_at timestamptz NOT NULL DEFAULT now()
    -- Each is changed about twice: with room on the page, that touches no index but the last one.
) WITH (fillfactor = 60);
CREATE INDEX reservations_customer ON reservations (customer, id);
CREATE INDEX reservations_held ON reservations (held_until) WHERE status = 'held';

-- Charges and refunds that are not settled: made by whoever comes to it, any number of times, since
-- the ledger holds each once. One that is paid and then cancelled is refunded under the same row.
CREATE TABLE payments_due (
    reservation_id uuid PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('charge', 'refund')),
    card_token text CHECK (length(card_token) <= 128),
    attempts integer NOT NULL DEFAULT 0,
    next_at timestamptz NOT NULL,
    due_since timestamptz NOT NULL DEFAULT now()
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);
CREATE INDEX payments_due_next ON payments_due (next_at);

-- Every change of a reservation, written in the transaction that makes it. The sequence has no cache:
-- a number that is used long after it was given out would come up behind its readers.
CREATE TABLE reservation_events (
    seq bigint GENERATED ALWAYS AS IDENTITY (CACHE 1) PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    kind text NOT NULL
        CHECK (kind IN ('held', 'confirmed', 'payment_refused', 'cancelled', 'expired')),
    reservation_id uuid NOT NULL,
    offer_id uuid NOT NULL,
    check_in date NOT NULL,
    nights smallint NOT NULL,
    price_cents bigint NOT NULL,
    currency character(3) NOT NULL
);

-- What the rows that were deleted came to, and the last of them.
CREATE TABLE reservation_events_deleted (
    kind text PRIMARY KEY,
    events bigint NOT NULL,
    cents numeric NOT NULL,
    seq bigint NOT NULL
);

-- A request that was taken under a key, and the answer to it, once there is a final one.
CREATE TABLE idempotency_keys (
    key text PRIMARY KEY CHECK (length(key) <= 128),
    request_hash text NOT NULL,
    answer jsonb,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX idempotency_keys_created_at ON idempotency_keys USING brin (created_at);

GRANT SELECT, INSERT, UPDATE ON reservations, payments_due, idempotency_keys TO reservations;
GRANT SELECT, INSERT, UPDATE ON reservation_events_deleted TO reservations;
GRANT SELECT, INSERT, DELETE ON reservation_events TO reservations;
GRANT SELECT ON reservation_events_seq_seq TO reservations;
GRANT DELETE ON payments_due, idempotency_keys TO reservations;

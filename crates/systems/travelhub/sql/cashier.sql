-- The cashier's ledger: what was charged, what was given back, and by whose word. Run as superuser in
-- its database, once; the service itself only has the role `cashier`.

CREATE SCHEMA cashier;

-- One row for each charge and each refund: whoever asks, and however often.
CREATE TABLE cashier.charges (
    charge_id uuid NOT NULL UNIQUE,
    reservation_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('charge', 'refund')),
    -- Of the quote, whole: another one under the same reservation is another charge.
    quote_digest bytea NOT NULL CHECK (length(quote_digest) = 32),
    -- Zero is a refund of what was never charged, which bars the charge.
    amount_cents bigint NOT NULL CHECK (amount_cents >= 0),
    currency character(3) NOT NULL,
    -- The vote, and what was signed in it by those who agreed.
    attempt uuid,
    statements jsonb NOT NULL DEFAULT '[]',
    -- The client's Idempotency-Key.
    key text UNIQUE CHECK (length(key) <= 128),
    made_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (reservation_id, kind),
    CHECK (kind = 'refund' OR (amount_cents > 0 AND attempt IS NOT NULL))
);

-- What moved between whom, written with the charge: both sides of each sum to nothing, and what the
-- customers have paid is known without the charges.
CREATE TABLE cashier.entries (
    charge_id uuid NOT NULL REFERENCES cashier.charges (charge_id),
    account text NOT NULL CHECK (account IN ('customers', 'house')),
    currency character(3) NOT NULL,
    cents bigint NOT NULL,
    PRIMARY KEY (charge_id, account)
);

-- The keys by which replicas made themselves known at first. Nobody changes one but an operator.
CREATE TABLE cashier.replica_keys (
    replica text PRIMARY KEY CHECK (length(replica) BETWEEN 1 AND 64),
    public_key bytea NOT NULL CHECK (length(public_key) = 32),
    pinned_at timestamptz NOT NULL DEFAULT now()
);

CREATE FUNCTION cashier.row_of(one cashier.charges, outcome text) RETURNS jsonb LANGUAGE sql STABLE
RETURN jsonb_build_object(
    'outcome', outcome, 'charge_id', one.charge_id, 'cents', one.amount_cents,
    'currency', one.currency);

CREATE FUNCTION cashier.outcome_of(outcome text) RETURNS jsonb LANGUAGE sql IMMUTABLE
RETURN jsonb_build_object('outcome', outcome);

CREATE FUNCTION cashier.move_money(one cashier.charges) RETURNS void LANGUAGE sql
BEGIN ATOMIC
    INSERT INTO cashier.entries (charge_id, account, currency, cents)
    SELECT one.charge_id, account, one.currency, CASE one.kind WHEN 'refund' THEN -cents ELSE cents END
      FROM (VALUES ('customers', -one.amount_cents), ('house', one.amount_cents)) AS side (account, cents)
     WHERE one.amount_cents > 0;
END;

-- Makes a charge or a refund, or answers what was made before: {"outcome": "made" or "kept", …},
-- "conflict" when there is another one under the reservation or the key, "barred" when a refund came
-- before the charge. The lock lets the two kinds of one reservation see each other.
CREATE FUNCTION cashier.enter(asked jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    one cashier.charges;
    charged cashier.charges;
    wanted uuid := (asked->>'reservation_id')::uuid;
    digest bytea := decode(asked->>'quote_digest', 'hex');
    amount bigint := (asked->>'cents')::bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(asked->>'reservation_id', 0));
    SELECT * INTO one FROM cashier.charges WHERE reservation_id = wanted AND kind = asked->>'kind';
    IF FOUND THEN
        IF one.quote_digest <> digest THEN RETURN cashier.outcome_of('conflict'); END IF;
        RETURN cashier.row_of(one, 'kept');
    END IF;
    IF asked->>'kind' = 'charge' THEN
        IF EXISTS (SELECT FROM cashier.charges WHERE reservation_id = wanted AND kind = 'refund') THEN
            RETURN cashier.outcome_of('barred');
        END IF;
    ELSE
        SELECT * INTO charged FROM cashier.charges
         WHERE reservation_id = wanted AND kind = 'charge';
        IF FOUND AND charged.quote_digest <> digest THEN
            RETURN cashier.outcome_of('conflict');
        END IF;
        amount := coalesce(charged.amount_cents, 0);
    END IF;
    INSERT INTO cashier.charges (charge_id, reservation_id, kind, quote_digest, amount_cents, currency,
                                 attempt, statements, key)
    VALUES ((asked->>'charge_id')::uuid, wanted, asked->>'kind', digest, amount, asked->>'currency',
            (asked->>'attempt')::uuid, coalesce(asked->'statements', '[]'), asked->>'key')
    ON CONFLICT (key) DO NOTHING
    RETURNING * INTO one;
    -- The key was used for another reservation.
    IF NOT FOUND THEN RETURN cashier.outcome_of('conflict'); END IF;
    PERFORM cashier.move_money(one);
    RETURN cashier.row_of(one, 'made');
END $$;

GRANT USAGE ON SCHEMA cashier TO cashier;
GRANT SELECT, INSERT ON cashier.charges, cashier.entries, cashier.replica_keys TO cashier;

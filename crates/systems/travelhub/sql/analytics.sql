-- What analytics makes of the log of reservations, in a database of its own: whatever becomes of this
-- one, nobody's booking is held up by it.

-- By the day of the event, what happened, and how much money that was about.
CREATE TABLE daily (
    day date NOT NULL,
    kind text NOT NULL,
    events bigint NOT NULL,
    cents numeric NOT NULL,
    PRIMARY KEY (day, kind)
) WITH (fillfactor = 50);

-- How far ahead people book: days between the event and the check-in.
CREATE TABLE lead_times (
    days integer PRIMARY KEY,
    held bigint NOT NULL
) WITH (fillfactor = 50);

-- Every event as it came: what questions of tomorrow are answered from.
CREATE TABLE events (
    seq bigint PRIMARY KEY,
    at timestamptz NOT NULL,
    kind text NOT NULL,
    reservation_id uuid NOT NULL,
    offer_id uuid NOT NULL,
    check_in date NOT NULL,
    nights integer NOT NULL,
    price_cents bigint NOT NULL,
    currency text NOT NULL
);

CREATE TABLE cursor (
    is_the_one boolean PRIMARY KEY DEFAULT true CHECK (is_the_one),
    seq bigint NOT NULL,
    applied_at timestamptz NOT NULL
);
INSERT INTO cursor (seq, applied_at) VALUES (0, now());

-- Applies `entries`, events as they stand in the log, after `before` up to `reached`; answers how far
-- the reports have come. Nothing happens when somebody else has moved them.
CREATE FUNCTION apply_events(entries jsonb, before bigint, reached bigint) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE stands bigint;
BEGIN
    SELECT seq INTO stands FROM cursor FOR UPDATE;
    IF stands <> before THEN RETURN stands; END IF;
    INSERT INTO events
    SELECT seq, at, kind, reservation_id, offer_id, check_in, nights,
           (price->>'cents')::bigint, price->>'currency'
      FROM jsonb_to_recordset(entries) AS entry
           (seq bigint, at timestamptz, kind text, reservation_id uuid, offer_id uuid,
            check_in date, nights integer, price jsonb)
    ON CONFLICT (seq) DO NOTHING;
    INSERT INTO daily AS known (day, kind, events, cents)
    SELECT (at AT TIME ZONE 'UTC')::date, kind, count(*), sum((price->>'cents')::bigint)
      FROM jsonb_to_recordset(entries) AS entry (at timestamptz, kind text, price jsonb)
     GROUP BY 1, 2
    ON CONFLICT (day, kind) DO UPDATE
        SET events = known.events + excluded.events, cents = known.cents + excluded.cents;
    INSERT INTO lead_times AS known (days, held)
    SELECT check_in - (at AT TIME ZONE 'UTC')::date, count(*)
      FROM jsonb_to_recordset(entries) AS entry (at timestamptz, kind text, check_in date)
     WHERE kind = 'held'
     GROUP BY 1
    ON CONFLICT (days) DO UPDATE SET held = known.held + excluded.held;
    UPDATE cursor SET seq = reached, applied_at = now();
    RETURN reached;
END $$;

-- Goes on from a snapshot of `reached`: what was between is known by its sums alone, and counted on the
-- day on which it is learned. `totals`: [{"kind", "events", "cents"}] since the beginning.
CREATE FUNCTION take_snapshot(totals jsonb, before bigint, reached bigint) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE stands bigint;
BEGIN
    SELECT seq INTO stands FROM cursor FOR UPDATE;
    IF stands <> before THEN RETURN stands; END IF;
    INSERT INTO daily AS known (day, kind, events, cents)
    SELECT (now() AT TIME ZONE 'UTC')::date, kind,
           total.events - coalesce(sums.events, 0), total.cents - coalesce(sums.cents, 0)
      FROM jsonb_to_recordset(totals) AS total (kind text, events bigint, cents numeric)
      LEFT JOIN (SELECT kind, sum(events) AS events, sum(cents) AS cents FROM daily GROUP BY kind)
        AS sums USING (kind)
    ON CONFLICT (day, kind) DO UPDATE
        SET events = known.events + excluded.events, cents = known.cents + excluded.cents;
    UPDATE cursor SET seq = reached, applied_at = now();
    RETURN reached;
END $$;

GRANT SELECT, INSERT, UPDATE ON daily, lead_times TO analytics;
GRANT SELECT, INSERT ON events TO analytics;
GRANT SELECT, UPDATE ON cursor TO analytics;

-- The inventory service's projection of the log of reservations, and how far it has come: both change
-- in one transaction, so that no event is lost or applied twice, wherever the service dies.

CREATE SCHEMA inventory;

CREATE TABLE inventory.taken (
    offer_id uuid NOT NULL,
    night date NOT NULL,
    taken integer NOT NULL,
    PRIMARY KEY (offer_id, night)
) WITH (fillfactor = 60);

-- One row.
CREATE TABLE inventory.cursor (
    is_the_one boolean PRIMARY KEY DEFAULT true CHECK (is_the_one),
    seq bigint NOT NULL,
    applied_at timestamptz NOT NULL
);
INSERT INTO inventory.cursor (seq, applied_at) VALUES (0, now());

-- Applies `deltas`, [{"offer_id", "night", "rooms"}], of the events after `before` up to `reached`, and
-- answers how far the projection has come. Nothing happens when somebody else has moved it.
CREATE FUNCTION inventory.apply_deltas(deltas jsonb, before bigint, reached bigint) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE stands bigint;
BEGIN
    SELECT seq INTO stands FROM inventory.cursor FOR UPDATE;
    IF stands <> before THEN RETURN stands; END IF;
    INSERT INTO inventory.taken (offer_id, night, taken)
    SELECT offer_id, night, rooms
      FROM jsonb_to_recordset(deltas) AS delta (offer_id uuid, night date, rooms integer)
     ORDER BY offer_id, night
    ON CONFLICT (offer_id, night) DO UPDATE SET taken = taken.taken + excluded.taken;
    UPDATE inventory.cursor SET seq = reached, applied_at = now();
    RETURN reached;
END $$;

-- Begins anew from a snapshot of `reached`: [{"offer_id", "night", "taken"}].
CREATE FUNCTION inventory.take_snapshot(nights jsonb, before bigint, reached bigint) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE stands bigint;
BEGIN
    SELECT seq INTO stands FROM inventory.cursor FOR UPDATE;
    IF stands <> before THEN RETURN stands; END IF;
    DELETE FROM inventory.taken;
    INSERT INTO inventory.taken (offer_id, night, taken)
    SELECT offer_id, night, taken
      FROM jsonb_to_recordset(nights) AS night (offer_id uuid, night date, taken integer);
    UPDATE inventory.cursor SET seq = reached, applied_at = now();
    RETURN reached;
END $$;

-- Nights of which the projection says something else than the log up to its cursor. What is booked,
-- less what was booked after the cursor, is what the log up to there comes to.
CREATE VIEW inventory.differences AS
SELECT offer_id, night, coalesce(logged, 0)::integer AS logged, coalesce(taken, 0) AS projected
  FROM (
        SELECT offer_id, night, sum(rooms) AS logged
          FROM (
                SELECT offer_id, night, taken::integer AS rooms FROM room_nights WHERE taken > 0
                UNION ALL
                SELECT offer_id, check_in + day,
                       CASE kind WHEN 'held' THEN -1
                                 WHEN 'cancelled' THEN 1
                                 WHEN 'expired' THEN 1
                                 ELSE 0 END
                  FROM reservation_events, generate_series(0, nights - 1) AS day
                 WHERE seq > (SELECT seq FROM inventory.cursor)
               ) AS parts
         GROUP BY offer_id, night
       ) AS log
  FULL JOIN inventory.taken AS projection USING (offer_id, night)
 WHERE coalesce(logged, 0) <> coalesce(taken, 0);

GRANT USAGE ON SCHEMA inventory TO inventory;
GRANT SELECT, INSERT, UPDATE, DELETE ON inventory.taken TO inventory;
GRANT SELECT, UPDATE ON inventory.cursor TO inventory;
GRANT SELECT ON inventory.differences TO inventory;

-- What the log up to the settled number $1 comes to. Run in a transaction that sees one moment: what is
-- booked by then, less what is booked in entries behind that number that it sees as well.
WITH later AS (
    SELECT * FROM reservation_events WHERE seq > $1
), nights AS (
    SELECT offer_id, night, sum(rooms)::integer AS taken
    FROM (
        SELECT offer_id, night, taken::integer AS rooms FROM room_nights WHERE taken > 0
        UNION ALL
        SELECT offer_id, check_in + day,
               CASE kind WHEN 'held' THEN -1
                         WHEN 'cancelled' THEN 1
                         WHEN 'expired' THEN 1
                         ELSE 0 END
        FROM later, generate_series(0, nights - 1) AS day
    ) AS parts
    GROUP BY offer_id, night
    HAVING sum(rooms) <> 0
), totals AS (
    SELECT kind, sum(events)::bigint AS events, sum(cents)::bigint AS cents
    FROM (
        SELECT kind, events, cents FROM reservation_events_deleted
        UNION ALL
        SELECT kind, 1, price_cents FROM reservation_events WHERE seq <= $1
    ) AS parts
    GROUP BY kind
)
SELECT json_build_object(
    'at', $1::bigint,
    'taken', (SELECT coalesce(json_agg(row_to_json(nights)), '[]') FROM nights),
    'totals', (SELECT coalesce(json_agg(row_to_json(totals)), '[]') FROM totals)
)::text

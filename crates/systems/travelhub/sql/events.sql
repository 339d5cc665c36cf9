-- Entries after $1 and up to $2, which is settled, at most $3 of them; nothing when some of them have
-- just been deleted.
SELECT CASE
    WHEN (SELECT coalesce(max(seq), 0) FROM reservation_events_deleted) <= $1 THEN
        json_build_object(
            'since', $1::bigint,
            'settled', $2::bigint,
            'events', (SELECT coalesce(json_agg(row_to_json(one) ORDER BY seq), '[]') FROM (
                SELECT seq,
                       to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at,
                       kind, reservation_id, offer_id, check_in, nights,
                       json_build_object('cents', price_cents, 'currency', currency) AS price
                FROM reservation_events
                WHERE seq > $1 AND seq <= $2
                ORDER BY seq
                LIMIT $3
            ) AS one)
        )::text
    END

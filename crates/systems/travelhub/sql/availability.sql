-- Nights $2 to $2 + $3 of house $1 with their rooms, and as of which entry of the log that is so.
WITH nights AS (
    SELECT day::date AS night,
           coalesce(room_nights.rooms, offers.rooms) AS rooms,
           coalesce(projection.taken, 0) AS taken
    FROM offers
    CROSS JOIN generate_series($2::date, $2::date + $3::integer - 1, interval '1 day') AS day
    LEFT JOIN room_nights ON room_nights.offer_id = offers.id AND room_nights.night = day::date
    LEFT JOIN inventory.taken AS projection
           ON projection.offer_id = offers.id AND projection.night = day::date
    WHERE offers.id = $1
)
SELECT json_build_object(
    'offer_id', $1::uuid,
    'check_in', $2::date,
    'nights', $3::integer,
    'free', (SELECT min(rooms - taken) FROM nights),
    'by_night', (SELECT json_agg(json_build_object(
                     'night', night, 'rooms', rooms, 'taken', taken, 'free', rooms - taken)
                     ORDER BY night)
                 FROM nights),
    'as_of_seq', seq,
    'age_ms', (extract(epoch FROM now() - applied_at) * 1000)::bigint
)::text
FROM inventory.cursor
WHERE EXISTS (SELECT FROM nights)

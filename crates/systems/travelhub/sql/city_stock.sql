-- The houses of city $1, with the nights of rooms that can still be sold of each over the calendar.
WITH calendar AS (
    SELECT count(*) AS nights FROM city_rates WHERE city_id = $1
), stock AS (
    SELECT offers.id AS offer_id,
           calendar.nights * offers.rooms
             - coalesce((SELECT sum(offers.rooms - room_nights.rooms) FROM room_nights
                          WHERE room_nights.offer_id = offers.id), 0)
             - coalesce((SELECT sum(taken) FROM inventory.taken AS projection
                          WHERE projection.offer_id = offers.id), 0) AS room_nights
    FROM offers, calendar
    WHERE city_id = $1
)
SELECT json_build_object(
    'city', $1::integer,
    'as_of_seq', seq,
    'offers', (SELECT json_agg(row_to_json(stock) ORDER BY offer_id) FROM stock)
)::text
FROM inventory.cursor
WHERE EXISTS (SELECT FROM stock)

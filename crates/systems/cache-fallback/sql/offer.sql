-- One offer as clients see it, and its version.
SELECT row_to_json(answer)::text, answer.version
FROM (
    SELECT id, city_id AS city, (SELECT cities.name FROM cities WHERE cities.id = city_id) AS city_name,
           name, stars, round(rating / 10.0, 1) AS rating, reviews, guests, price_cents, currency,
           (SELECT coalesce(array_agg(label ORDER BY bit), '{}')
            FROM unnest($2::text[]) WITH ORDINALITY AS known (label, bit)
            WHERE amenities >> (bit - 1)::integer & 1 = 1) AS amenities,
           version, to_char(updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS updated_at
    FROM offers
    WHERE id = $1
) AS answer

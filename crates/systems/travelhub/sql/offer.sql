-- One offer as clients see it.
SELECT row_to_json(answer)::text
FROM (
    SELECT offers.id, city_id AS city, cities.name AS city_name, offers.name, stars,
           round(rating / 10.0, 1) AS rating, reviews, guests, rooms,
           json_build_object('cents', price_cents, 'currency', currency) AS nightly,
           tax_permille,
           (SELECT coalesce(array_agg(label ORDER BY bit), '{}')
            FROM unnest($2::text[]) WITH ORDINALITY AS known (label, bit)
            WHERE amenities >> (bit - 1)::integer & 1 = 1) AS amenities
    FROM offers JOIN cities ON cities.id = city_id
    WHERE offers.id = $1
) AS answer

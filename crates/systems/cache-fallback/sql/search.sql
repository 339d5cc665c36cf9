-- The search: what is free on every night of the stay, what the stay costs, the best 20, and counts
-- for the filters beside the list. Parameters: city, check-in, nights, guests, highest total price or
-- null, order.
WITH stay AS (
    SELECT coalesce(sum(percent), 0)::bigint AS percents, count(*) = $3 AS is_priced
    FROM city_rates
    WHERE city_id = $1 AND night >= $2 AND night < $2 + $3
), free AS MATERIALIZED (
    SELECT offers.id, name, stars, rating, reviews, guests, amenities, version, currency,
           price_cents * percents / 100 AS total_cents
    FROM offers, stay
    WHERE city_id = $1
      AND guests >= $4
      AND is_priced
      AND ($5::integer IS NULL OR price_cents * percents / 100 <= $5)
      AND NOT EXISTS (
          SELECT FROM bookings
          WHERE bookings.city_id = $1
            AND bookings.offer_id = offers.id
            -- No stay is longer than 14 nights.
            AND check_in > $2 - 14
            AND check_in < $2 + $3
            AND check_out > $2
      )
), page AS (
    SELECT *
    FROM free
    ORDER BY CASE $6
                 WHEN 'price' THEN total_cents
                 WHEN 'rating' THEN -(rating * 1000000::bigint + reviews)
                 -- A point of rating is worth 12.00 a night, and twice as many reviews 2.00.
                 ELSE total_cents / $3 - rating * 120 - (ln(1 + reviews) * 300)::bigint
             END, id
    LIMIT 20
), listed AS (
    SELECT json_agg(row_to_json(shown)) AS offers
    FROM (
        SELECT id, name, stars, round(rating / 10.0, 1) AS rating, reviews, guests, total_cents, currency,
               version,
               (SELECT coalesce(array_agg(label ORDER BY bit), '{}')
                FROM unnest($7::text[]) WITH ORDINALITY AS known (label, bit)
                WHERE amenities >> (bit - 1)::integer & 1 = 1) AS amenities
        FROM page
    ) AS shown
), counts AS (
    SELECT count(*) AS total,
           min(total_cents) AS lowest_cents,
           max(total_cents) AS highest_cents,
           array[count(*) FILTER (WHERE stars = 1), count(*) FILTER (WHERE stars = 2),
                 count(*) FILTER (WHERE stars = 3), count(*) FILTER (WHERE stars = 4),
                 count(*) FILTER (WHERE stars = 5)] AS stars,
           array[count(*) FILTER (WHERE amenities & 1 <> 0), count(*) FILTER (WHERE amenities & 2 <> 0),
                 count(*) FILTER (WHERE amenities & 4 <> 0), count(*) FILTER (WHERE amenities & 8 <> 0),
                 count(*) FILTER (WHERE amenities & 16 <> 0), count(*) FILTER (WHERE amenities & 32 <> 0),
                 count(*) FILTER (WHERE amenities & 64 <> 0), count(*) FILTER (WHERE amenities & 128 <> 0)
                ] AS amenities,
           array[count(*) FILTER (WHERE total_cents < 5000 * $3),
                 count(*) FILTER (WHERE total_cents >= 5000 * $3 AND total_cents < 10000 * $3),
                 count(*) FILTER (WHERE total_cents >= 10000 * $3 AND total_cents < 15000 * $3),
                 count(*) FILTER (WHERE total_cents >= 15000 * $3)] AS nightly_cents
    FROM free
)
SELECT row_to_json(answer)::text
FROM (
    SELECT $1 AS city,
           (SELECT name FROM cities WHERE id = $1) AS city_name,
           $2 AS check_in,
           $3 AS nights,
           total,
           lowest_cents,
           highest_cents,
           json_build_object(
               'stars', (SELECT json_object_agg(star, counted)
                         FROM unnest(stars) WITH ORDINALITY AS facet (counted, star)),
               'amenities', (SELECT json_object_agg(label, counted)
                             FROM unnest($7::text[], amenities) AS facet (label, counted)),
               'nightly_cents', (SELECT json_object_agg(label, counted)
                                 FROM unnest('{0-5000,5000-10000,10000-15000,15000-}'::text[],
                                             nightly_cents) AS facet (label, counted))
           ) AS facets,
           coalesce(offers, '[]') AS offers
    FROM counts, listed
) AS answer

-- The search: what has a free room on every night of the stay, what the stay costs with its tax, the
-- best 20, and counts for the filters beside the list. Parameters: city, check-in, nights, guests,
-- highest total price or null, order, labels of the amenities.
WITH stay AS (
    SELECT coalesce(sum(percent), 0)::bigint AS percents, count(*) = $3 AS is_priced,
           (SELECT tax_permille FROM cities WHERE id = $1) AS tax_permille
    FROM city_rates
    WHERE city_id = $1 AND night >= $2 AND night < $2 + $3
), priced AS (
    SELECT offers.*, price_cents * percents / 100 AS net_cents, tax_permille
    FROM offers, stay
    WHERE city_id = $1 AND guests >= $4 AND is_priced
), free AS MATERIALIZED (
    SELECT id, name, stars, rating, reviews, guests, amenities, currency,
           net_cents + (net_cents * tax_permille + 500) / 1000 AS total_cents
    FROM priced
    WHERE ($5::integer IS NULL OR net_cents + (net_cents * tax_permille + 500) / 1000 <= $5)
      AND NOT EXISTS (
          SELECT FROM room_nights
          WHERE offer_id = priced.id AND night >= $2 AND night < $2 + $3
            AND room_nights.taken >= room_nights.rooms
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
        SELECT id, name, stars, round(rating / 10.0, 1) AS rating, reviews, guests,
               json_build_object('cents', total_cents, 'currency', currency) AS price,
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
                 count(*) FILTER (WHERE stars = 5)] AS stars
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
                         FROM unnest(stars) WITH ORDINALITY AS facet (counted, star))
           ) AS facets,
           coalesce(offers, '[]') AS offers
    FROM counts, listed
) AS answer

-- The generated catalogue. Everything follows from the variables `seed`, `offers` and `cities`: the
-- same seed makes the same homes, prices and bookings, byte for byte.

-- A uniform number of 0 up to, not including, `range`, for a thing and a purpose.
CREATE FUNCTION pg_temp.draw(thing bigint, purpose integer, range integer) RETURNS integer
LANGUAGE sql STABLE PARALLEL SAFE
RETURN ((hashint8extended(thing, current_setting('standfast.seed')::bigint * 1000 + purpose)
         & 9223372036854775807) % range)::integer;

INSERT INTO cities
SELECT id, (ARRAY['Port', 'Bad', 'New', 'San', 'Lower', 'Upper', 'Old', 'East', 'West', 'Saint'])
           [1 + id % 10] || ' ' ||
           (ARRAY['Alder', 'Birch', 'Cedar', 'Dover', 'Elm', 'Fern', 'Grove', 'Haven', 'Iris', 'Juniper'])
           [1 + id / 10 % 10] ||
           (ARRAY['ford', 'ton', 'ham', 'by', 'burg'])[1 + id / 100 % 5]
FROM generate_series(1, current_setting('standfast.cities')::integer) AS id;

-- City sizes fall off as in the world: the k-th has a share proportional to k^-0.8.
CREATE TEMPORARY TABLE sizes AS
SELECT id AS city_id,
       power(id, -0.8) AS share,
       sum(power(id, -0.8)) OVER (ORDER BY id) AS share_up_to,
       sum(power(id, -0.8)) OVER () AS share_all
FROM cities;

-- Ids are of UUID version 7, with the number of the home in their last twelve digits.
CREATE TEMPORARY TABLE homes AS
SELECT number,
       ('01935b00-0000-7000-8000-1' || lpad(number::text, 11, '0'))::uuid AS id,
       city_id
FROM (
    SELECT city_id,
           round((share_up_to - share) / share_all * total)::bigint + 1 AS first,
           round(share_up_to / share_all * total)::bigint AS last
    FROM sizes, (SELECT current_setting('standfast.offers')::bigint AS total) AS wanted
) AS ranges, generate_series(first, last) AS number;

INSERT INTO offers
    (id, city_id, guests, stars, rating, reviews, amenities, price_cents, currency, updated_at, name)
SELECT id,
       city_id,
       1 + least(pg_temp.draw(number, 1, 6), pg_temp.draw(number, 2, 8)),
       stars,
       least(100, 40 + 6 * stars + pg_temp.draw(number, 4, 31)),
       power(pg_temp.draw(number, 5, 30), 2),
       pg_temp.draw(number, 6, 256),
       2500 + 1800 * stars + 100 * pg_temp.draw(number, 7, 60),
       'EUR',
       '2026-12-01 00:00:00+00',
       (ARRAY['Quiet', 'Sunny', 'Central', 'Cosy', 'Bright', 'Old', 'Modern', 'Green'])
       [1 + pg_temp.draw(number, 8, 8)] || ' ' ||
       (ARRAY['loft', 'flat', 'house', 'studio', 'cabin', 'villa'])[1 + pg_temp.draw(number, 9, 6)] ||
       ' ' || number
FROM (SELECT *, 1 + pg_temp.draw(number, 3, 5) AS stars FROM homes) AS homes
ORDER BY city_id, number;

-- 426 nights from 2027-01-01: high season in summer, and dearer Fridays and Saturdays.
INSERT INTO city_rates
SELECT city_id,
       date '2027-01-01' + day,
       100 + round(40 * sin((day - 100) * pi() / 182.5))::integer
           + CASE WHEN (day + 5) % 7 IN (5, 6) THEN 25 ELSE 0 END
           + pg_temp.draw(city_id * 1000 + day, 10, 21) - 10
FROM (SELECT id AS city_id FROM cities) AS cities, generate_series(0, 425) AS day;

-- Each home has a booking now and then: it starts within its own window of the calendar, so that no
-- two of one home overlap.
INSERT INTO bookings
SELECT id,
       city_id,
       check_in,
       check_in + 1 + pg_temp.draw(number * 10 + slot, 12, 14)
FROM (
    SELECT homes.*,
           slot,
           -- Windows of 61 nights that begin on another day for each home.
           date '2026-12-01' + pg_temp.draw(number, 14, 61) + slot * 61
               + pg_temp.draw(number * 10 + slot, 11, 47) AS check_in
    FROM homes, generate_series(0, 6) AS slot
) AS stays
WHERE pg_temp.draw(number * 10 + slot, 13, 100) < 45
ORDER BY city_id, check_in;

CREATE INDEX offers_city ON offers (city_id);
CREATE INDEX bookings_city_check_in ON bookings (city_id, check_in, check_out, offer_id);

VACUUM (FREEZE, ANALYZE) cities, offers, city_rates, bookings;
CHECKPOINT;

-- The catalogue: what can be booked, where, and at which price. Everything follows from the variables
-- `seed`, `offers` and `cities`: the same seed makes the same houses and prices, byte for byte.

CREATE TABLE cities (
    id integer PRIMARY KEY,
    name text NOT NULL,
    -- On what the nights of a stay cost together.
    tax_permille smallint NOT NULL CHECK (tax_permille BETWEEN 0 AND 500)
);

-- One row is one house with rooms that are all alike.
CREATE TABLE offers (
    id uuid PRIMARY KEY,
    city_id integer NOT NULL REFERENCES cities,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 120),
    rooms smallint NOT NULL CHECK (rooms BETWEEN 1 AND 500),
    guests smallint NOT NULL CHECK (guests BETWEEN 1 AND 16),
    stars smallint NOT NULL CHECK (stars BETWEEN 1 AND 5),
    -- Tenths of a point, 0 to 100.
    rating smallint NOT NULL CHECK (rating BETWEEN 0 AND 100),
    reviews integer NOT NULL CHECK (reviews >= 0),
    -- One bit for each amenity, in the order of the service's list.
    amenities smallint NOT NULL CHECK (amenities BETWEEN 0 AND 255),
    -- For one night at the city's rate of 100 %.
    price_cents integer NOT NULL CHECK (price_cents > 0),
    currency character(3) NOT NULL
);

-- What a night costs in a city, in percent: seasons, weekends, fairs.
CREATE TABLE city_rates (
    city_id integer NOT NULL REFERENCES cities,
    night date NOT NULL,
    percent smallint NOT NULL CHECK (percent > 0),
    PRIMARY KEY (city_id, night)
);

-- Rooms of a house that are taken on one night. A night without a row has none taken, and all rooms
-- of the house. Whatever the services do, this constraint sells no room twice.
CREATE TABLE room_nights (
    offer_id uuid NOT NULL,
    night date NOT NULL,
    -- Fewer than the house has when some are closed.
    rooms smallint NOT NULL CHECK (rooms >= 0),
    taken smallint NOT NULL DEFAULT 0,
    PRIMARY KEY (offer_id, night),
    CONSTRAINT never_oversold CHECK (taken BETWEEN 0 AND rooms)
    -- A booking changes a row in place.
) WITH (fillfactor = 60);

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
           (ARRAY['ford', 'ton', 'ham', 'by', 'burg'])[1 + id / 100 % 5],
       (ARRAY[0, 30, 50, 70])[1 + id % 4]
FROM generate_series(1, current_setting('standfast.cities')::integer) AS id;

-- Ids are of UUID version 7, with the number of the house in their last twelve digits: a house with a
-- small number is in a city with a small number.
INSERT INTO offers
    (id, city_id, name, rooms, guests, stars, rating, reviews, amenities, price_cents, currency)
SELECT ('01935b00-0000-7000-8000-1' || lpad(number::text, 11, '0'))::uuid,
       1 + (number - 1) * cities / offers,
       (ARRAY['Quiet', 'Sunny', 'Central', 'Cosy', 'Bright', 'Old', 'Modern', 'Green'])
       [1 + pg_temp.draw(number, 8, 8)] || ' ' ||
       (ARRAY['Inn', 'Lodge', 'Guesthouse', 'Hotel', 'Pension', 'Villa'])
       [1 + pg_temp.draw(number, 9, 6)] || ' ' || number,
       5 + pg_temp.draw(number, 15, 40),
       1 + least(pg_temp.draw(number, 1, 6), pg_temp.draw(number, 2, 8)),
       stars,
       least(100, 40 + 6 * stars + pg_temp.draw(number, 4, 31)),
       power(pg_temp.draw(number, 5, 30), 2),
       pg_temp.draw(number, 6, 256),
       2500 + 1800 * stars + 100 * pg_temp.draw(number, 7, 60),
       'EUR'
FROM (
    SELECT number, 1 + pg_temp.draw(number, 3, 5) AS stars,
           current_setting('standfast.cities')::bigint AS cities,
           current_setting('standfast.offers')::bigint AS offers
    FROM generate_series(1, current_setting('standfast.offers')::bigint) AS number
) AS houses;

-- 426 nights from 2027-01-01: high season in summer, and dearer Fridays and Saturdays.
INSERT INTO city_rates
SELECT city_id,
       date '2027-01-01' + day,
       100 + round(40 * sin((day - 100) * pi() / 182.5))::integer
           + CASE WHEN (day + 5) % 7 IN (5, 6) THEN 25 ELSE 0 END
           + pg_temp.draw(city_id * 1000 + day, 10, 21) - 10
FROM (SELECT id AS city_id FROM cities) AS cities, generate_series(0, 425) AS day;

-- One house in ten closes for two weeks: a search leaves it out then. Those of the first 200, which
-- experiments book, are always open.
INSERT INTO room_nights (offer_id, night, rooms)
SELECT id, date '2027-01-01' + pg_temp.draw(number, 11, 411) + day, 0
FROM (SELECT id, row_number() OVER (ORDER BY id) AS number FROM offers) AS houses,
     generate_series(0, 13) AS day
WHERE pg_temp.draw(number, 12, 10) = 0 AND number > 200;

CREATE INDEX offers_city ON offers (city_id);

VACUUM (FREEZE, ANALYZE) cities, offers, city_rates, room_nights;
CHECKPOINT;

GRANT SELECT ON cities, offers, city_rates, room_nights TO search, reservations, inventory;
GRANT INSERT, UPDATE ON room_nights TO reservations;

-- Tables of the offers service. Run as superuser in its database, once; the service itself only has
-- the role `offers`, which may do what the grants at the end say and nothing else.

CREATE TABLE cities (
    id integer PRIMARY KEY,
    name text NOT NULL
);

-- One row is one home, which one party rents at a time.
CREATE TABLE offers (
    id uuid PRIMARY KEY,
    city_id integer NOT NULL REFERENCES cities,
    guests smallint NOT NULL CHECK (guests BETWEEN 1 AND 16),
    stars smallint NOT NULL CHECK (stars BETWEEN 1 AND 5),
    -- Tenths of a point, 0 to 100.
    rating smallint NOT NULL CHECK (rating BETWEEN 0 AND 100),
    reviews integer NOT NULL CHECK (reviews >= 0),
    -- One bit for each amenity, in the order of the service's list.
    amenities smallint NOT NULL CHECK (amenities BETWEEN 0 AND 255),
    -- For one night at the city's rate of 100 %.
    price_cents integer NOT NULL CHECK (price_cents > 0),
    currency character(3) NOT NULL,
    version integer NOT NULL DEFAULT 1,
    updated_at timestamptz NOT NULL DEFAULT now(),
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 120)
);

-- What a night costs in a city, in percent: seasons, weekends, fairs.
CREATE TABLE city_rates (
    city_id integer NOT NULL REFERENCES cities,
    night date NOT NULL,
    percent smallint NOT NULL CHECK (percent > 0),
    PRIMARY KEY (city_id, night)
);

-- Nights from check_in up to, not including, check_out. No stay is longer than 14 nights: so all that
-- overlap a given one begin in a range that an ordinary index finds.
CREATE TABLE bookings (
    offer_id uuid NOT NULL,
    city_id integer NOT NULL,
    check_in date NOT NULL,
    check_out date NOT NULL,
    CHECK (check_out > check_in AND check_out <= check_in + 14)
);

-- An answer that was given to a write, kept so that a retry gets the same one.
CREATE TABLE idempotency_keys (
    key text PRIMARY KEY CHECK (length(key) <= 128),
    request_hash bytea NOT NULL,
    status smallint,
    response text,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX idempotency_keys_created_at ON idempotency_keys (created_at);

-- Written a few times a second by every instance of the service: what a replica shows of it says how
-- far behind the replica is.
CREATE TABLE heartbeats (
    writer text PRIMARY KEY,
    beat bigint NOT NULL
) WITH (fillfactor = 10);

GRANT SELECT ON cities, offers, city_rates, bookings, idempotency_keys, heartbeats TO offers;
GRANT INSERT, UPDATE ON offers, idempotency_keys, heartbeats TO offers;
GRANT DELETE ON idempotency_keys TO offers;

-- A shard: users and products whose slot it owns. Run as superuser in its database, once; the
-- services only have the role `shop`, which may do what the grants say. The guard that refuses what
-- is not owned comes with the map, from the resharder.

CREATE TABLE users (
    slot integer NOT NULL,
    id   uuid NOT NULL,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 64),
    PRIMARY KEY (slot, id)
);

CREATE TABLE products (
    slot        integer NOT NULL,
    sku         text NOT NULL CHECK (length(sku) BETWEEN 1 AND 64),
    title       text NOT NULL,
    price_cents bigint NOT NULL CHECK (price_cents > 0),
    currency    text NOT NULL DEFAULT 'EUR' CHECK (length(currency) = 3),
    -- What the update that takes stock asks for anyway; nobody gets past this.
    stock       bigint NOT NULL CHECK (stock >= 0),
    version     bigint NOT NULL DEFAULT 1,
    PRIMARY KEY (slot, sku)
);

-- One row for each line of a take, in the slot of its product, so that it moves with it: effect,
-- idempotency key, kept answer and barrier in one.
CREATE TABLE takes (
    slot        integer NOT NULL,
    take_id     uuid NOT NULL,
    sku         text NOT NULL,
    quantity    bigint NOT NULL CHECK (quantity > 0),
    -- `barred` is refused because of another line, or was given back before it came.
    state       text NOT NULL
                CHECK (state IN ('taken', 'released', 'short', 'unknown', 'barred')),
    -- Of all lines of the take: whoever says something else under its name is refused.
    fingerprint bigint NOT NULL,
    price_cents bigint NOT NULL,
    currency    text NOT NULL,
    -- What was left, or what there was when it was too little.
    stock       bigint NOT NULL,
    version     bigint NOT NULL,
    made_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (slot, take_id, sku)
);

-- Prices set and deliveries booked, each once.
CREATE TABLE changes (
    slot        integer NOT NULL,
    sku         text NOT NULL,
    change_key  text NOT NULL,
    fingerprint bigint NOT NULL,
    title       text NOT NULL DEFAULT '',
    price_cents bigint NOT NULL DEFAULT 0,
    currency    text NOT NULL DEFAULT '',
    stock       bigint NOT NULL DEFAULT 0,
    version     bigint NOT NULL DEFAULT 0,
    made_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (slot, sku, change_key)
);

-- What is looked at after this has arrived, if it is on its way to here. The guard alone would not do:
-- it looks while a statement runs, whose snapshot is older.
CREATE FUNCTION must_be_here(slots integer[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF NOT (SELECT bool_and(reshard.is_here(slot)) FROM unnest(slots) AS slot) THEN
        RAISE EXCEPTION 'not all of the slots % are written here', slots USING ERRCODE = 'RS001';
    END IF;
END $$;

-- All lines of a take that lie here, or none: a line that cannot be taken bars the others. Where a
-- slot has other lines under the same name, nothing is done, and those are answered. So the lines of
-- a name in one slot have one fingerprint.
CREATE FUNCTION take(named uuid, print bigint, slots integer[], skus text[], quantities bigint[])
RETURNS SETOF takes LANGUAGE plpgsql AS $$
BEGIN
    PERFORM must_be_here(slots);
    -- One call for a name at a time: of two that say other lines, the later one sees the first.
    PERFORM pg_advisory_xact_lock(hashtextextended(named::text, 0));
    -- In one order, so that two takes of the same products do not wait for each other.
    PERFORM 1 FROM products p JOIN unnest(slots, skus) AS w (slot, sku) USING (slot, sku)
      ORDER BY p.slot, p.sku FOR UPDATE OF p;
    IF EXISTS (SELECT FROM takes t
                WHERE t.take_id = named AND t.slot = ANY(slots) AND t.fingerprint <> print) THEN
        RETURN QUERY SELECT t.* FROM takes t
         WHERE t.take_id = named AND t.slot = ANY(slots) ORDER BY t.sku;
        RETURN;
    END IF;
    WITH wanted AS (
        SELECT w.slot, w.sku, w.quantity, p.price_cents, p.currency, p.stock, p.version,
               CASE WHEN p.sku IS NULL THEN 'unknown' WHEN p.stock < w.quantity THEN 'short'
                    ELSE 'taken' END AS state
          FROM unnest(slots, skus, quantities) AS w (slot, sku, quantity)
          LEFT JOIN products p ON p.slot = w.slot AND p.sku = w.sku
    ), judged AS (
        SELECT *, bool_and(wanted.state = 'taken') OVER () AS is_whole FROM wanted
    ), fresh AS (
        INSERT INTO takes (slot, take_id, sku, quantity, state, fingerprint, price_cents, currency,
                           stock, version)
        SELECT j.slot, named, j.sku, j.quantity,
               CASE WHEN j.state = 'taken' AND NOT j.is_whole THEN 'barred' ELSE j.state END,
               print, coalesce(j.price_cents, 0), coalesce(j.currency, ''),
               coalesce(j.stock - CASE WHEN j.is_whole THEN j.quantity ELSE 0 END, 0),
               coalesce(j.version + j.is_whole::integer, 0)
          FROM judged j
        ON CONFLICT DO NOTHING
        RETURNING *
    )
    UPDATE products p SET stock = p.stock - f.quantity, version = p.version + 1
      FROM fresh f
     WHERE f.state = 'taken' AND p.slot = f.slot AND p.sku = f.sku AND p.stock >= f.quantity;
    RETURN QUERY SELECT t.* FROM takes t
     WHERE t.take_id = named AND t.slot = ANY(slots) ORDER BY t.sku;
END $$;

-- Gives lines back, and keeps away those that come later; but not in a slot that has other lines
-- under the same name, which are answered.
CREATE FUNCTION release(named uuid, print bigint, slots integer[], skus text[], quantities bigint[])
RETURNS SETOF takes LANGUAGE plpgsql AS $$
BEGIN
    PERFORM must_be_here(slots);
    PERFORM pg_advisory_xact_lock(hashtextextended(named::text, 0));
    PERFORM 1 FROM products p JOIN unnest(slots, skus) AS w (slot, sku) USING (slot, sku)
      ORDER BY p.slot, p.sku FOR UPDATE OF p;
    INSERT INTO takes (slot, take_id, sku, quantity, state, fingerprint, price_cents, currency,
                       stock, version)
    SELECT w.slot, named, w.sku, w.quantity, 'barred', print, 0, '', 0, 0
      FROM unnest(slots, skus, quantities) AS w (slot, sku, quantity)
     WHERE NOT EXISTS (SELECT FROM takes t WHERE t.take_id = named AND t.slot = w.slot
                        AND t.fingerprint <> print)
    ON CONFLICT DO NOTHING;
    WITH given AS (
        UPDATE takes t SET state = 'released'
          FROM unnest(slots, skus) AS w (slot, sku)
         WHERE t.slot = w.slot AND t.sku = w.sku AND t.take_id = named AND t.state = 'taken'
           AND t.fingerprint = print
        RETURNING t.*
    )
    UPDATE products p SET stock = p.stock + g.quantity, version = p.version + 1
      FROM given g WHERE p.slot = g.slot AND p.sku = g.sku;
    RETURN QUERY SELECT t.* FROM takes t
     WHERE t.take_id = named AND t.slot = ANY(slots) ORDER BY t.sku;
END $$;

-- Sets a price, or books a delivery, once for each key. No row: there is no such product.
CREATE FUNCTION change_product(
    its_slot integer, its_sku text, named text, print bigint, new_price bigint, delivered bigint
) RETURNS SETOF changes LANGUAGE plpgsql AS $$
DECLARE
    changed products;
BEGIN
    PERFORM must_be_here(ARRAY[its_slot]);
    INSERT INTO changes (slot, sku, change_key, fingerprint)
      VALUES (its_slot, its_sku, named, print) ON CONFLICT DO NOTHING;
    IF FOUND THEN
        UPDATE products p
           SET price_cents = coalesce(new_price, p.price_cents),
               stock = p.stock + coalesce(delivered, 0), version = p.version + 1
         WHERE p.slot = its_slot AND p.sku = its_sku RETURNING p.* INTO changed;
        IF NOT FOUND THEN
            DELETE FROM changes c
             WHERE c.slot = its_slot AND c.sku = its_sku AND c.change_key = named;
            RETURN;
        END IF;
        UPDATE changes c
           SET title = changed.title, price_cents = changed.price_cents,
               currency = changed.currency, stock = changed.stock, version = changed.version
         WHERE c.slot = its_slot AND c.sku = its_sku AND c.change_key = named;
    END IF;
    RETURN QUERY SELECT * FROM changes c
     WHERE c.slot = its_slot AND c.sku = its_sku AND c.change_key = named;
END $$;

-- The slots that this shard owns now. The resharder makes the table, later than this.
CREATE FUNCTION open_slots() RETURNS SETOF integer LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY SELECT s.slot FROM reshard.slot s WHERE s.is_open;
END $$;

-- For whoever reads more than one key: rows that are on their way are on two shards.
CREATE VIEW open_ranges AS
    SELECT coalesce(range_agg(int4range(slot, slot + 1))::text, '{}') AS slots
      FROM open_slots() AS slot;
CREATE VIEW owned_products AS
    SELECT * FROM products WHERE slot IN (SELECT * FROM open_slots());
CREATE VIEW owned_takes AS
    SELECT * FROM takes WHERE slot IN (SELECT * FROM open_slots());

-- The slot of a key, as `Key::Bytes(key).hashed() >> 52` says it: FNV-1a, then SplitMix64, in
-- halves of 32 bits, since whole numbers of 64 bits do not wrap here.
CREATE FUNCTION slot_of(key text) RETURNS integer LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
    bytes bytea := convert_to(key, 'UTF8');
    half  CONSTANT bigint := 4294967295;
    whole CONSTANT numeric := 18446744073709551616;
    high  bigint := 3421674724;  -- 0xCBF29CE4
    low   bigint := 2216829733;  -- 0x84222325
    product bigint;
    mixed numeric;
    bits  bigint;
BEGIN
    FOR place IN 0 .. length(bytes) - 1 LOOP
        low := low # get_byte(bytes, place);
        -- Times 2^40 + 0x1B3.
        product := low * 435;
        high := (high * 435 + (product >> 32) + (low << 8)) & half;
        low := product & half;
    END LOOP;
    mixed := mod(high::numeric * 4294967296 + low + 11400714819323198485, whole);
    bits := CASE WHEN mixed >= whole / 2 THEN mixed - whole ELSE mixed END;
    bits := bits # ((bits >> 30) & ((1::bigint << 34) - 1));
    mixed := mod((CASE WHEN bits < 0 THEN bits + whole ELSE bits END) * 13787848793156543929, whole);
    bits := CASE WHEN mixed >= whole / 2 THEN mixed - whole ELSE mixed END;
    bits := bits # ((bits >> 27) & ((1::bigint << 37) - 1));
    mixed := mod((CASE WHEN bits < 0 THEN bits + whole ELSE bits END) * 10723151780598845931, whole);
    bits := CASE WHEN mixed >= whole / 2 THEN mixed - whole ELSE mixed END;
    bits := bits # ((bits >> 31) & ((1::bigint << 33) - 1));
    RETURN (bits >> 52) & 4095;
END $$;

-- The first map gives each of the first shards a range of slots of equal length.
CREATE FUNCTION pg_temp.is_mine(slot integer) RETURNS boolean LANGUAGE sql STABLE
RETURN slot * current_setting('standfast.shards')::integer / 4096 + 1
       = current_setting('standfast.shard')::integer;

INSERT INTO products (slot, sku, title, price_cents, stock)
SELECT slot, sku, 'Product ' || number, 100 + 37 * number, 1000000
  FROM generate_series(1, 1000) AS number,
       LATERAL (SELECT 'SKU-' || lpad(number::text, 4, '0') AS sku) AS named,
       LATERAL (SELECT slot_of(sku) AS slot OFFSET 0) AS placed
 WHERE pg_temp.is_mine(slot);

-- Few of these, so that they run out.
INSERT INTO products (slot, sku, title, price_cents, stock)
SELECT slot, sku, 'Nearly sold out ' || number, 9900, 20
  FROM generate_series(1, 100) AS number,
       LATERAL (SELECT 'RARE-' || lpad(number::text, 3, '0') AS sku) AS named,
       LATERAL (SELECT slot_of(sku) AS slot OFFSET 0) AS placed
 WHERE pg_temp.is_mine(slot);

INSERT INTO users (slot, id, name)
SELECT slot, id::uuid, 'User ' || number
  FROM generate_series(1, 20000) AS number,
       LATERAL (SELECT '01935b00-0000-7000-8000-' || lpad(to_hex(number), 12, '0') AS id) AS named,
       LATERAL (SELECT slot_of(id) AS slot OFFSET 0) AS placed
 WHERE pg_temp.is_mine(slot);

GRANT SELECT, INSERT, UPDATE, DELETE ON users, products, changes TO shop;
GRANT SELECT, INSERT, UPDATE ON takes TO shop;
GRANT SELECT ON open_ranges, owned_products, owned_takes TO shop;

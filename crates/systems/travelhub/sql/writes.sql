-- What the reservations service does in one transaction, as functions: a write is one round trip, and
-- many that wait together are one commit. None of them raises an error for what a client may do
-- wrong: what a batch holds besides is not its fault.
--
-- Answers are {"status": HTTP status, "body": reservation} or {"status": …, "problem": why}.

-- A reservation as clients see it.
CREATE FUNCTION reservation_body(one reservations) RETURNS jsonb LANGUAGE sql STABLE
RETURN jsonb_build_object(
    'reservation_id', one.id,
    'status', one.status,
    'offer_id', one.offer_id,
    'offer_name', (SELECT name FROM offers WHERE id = one.offer_id),
    'check_in', one.check_in,
    'nights', one.nights,
    'guests', one.guests,
    'customer', one.customer,
    'price', jsonb_build_object('cents', one.price_cents, 'currency', one.currency),
    'held_until', to_char(one.held_until AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    'created_at', to_char(one.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    'refund', one.refund
);

CREATE FUNCTION answer_of(status integer, one reservations) RETURNS jsonb LANGUAGE sql STABLE
RETURN jsonb_build_object('status', status, 'body', reservation_body(one));

CREATE FUNCTION problem_of(status integer, problem text) RETURNS jsonb LANGUAGE sql IMMUTABLE
RETURN jsonb_build_object('status', status, 'problem', problem);

-- Comes last in each change: the transaction has its number by then, as readers of the log rely on,
-- and holds the lock of the reservation, so that events of one reservation are in order.
CREATE FUNCTION append_event(one reservations, kind text) RETURNS void LANGUAGE sql
BEGIN ATOMIC
    INSERT INTO reservation_events
        (kind, reservation_id, offer_id, check_in, nights, price_cents, currency)
    VALUES (kind, one.id, one.offer_id, one.check_in, one.nights, one.price_cents, one.currency);
END;

CREATE FUNCTION free_rooms(one reservations) RETURNS void LANGUAGE sql
BEGIN ATOMIC
    UPDATE room_nights SET taken = taken - 1
     WHERE offer_id = one.offer_id AND night >= one.check_in AND night < one.check_in + one.nights;
END;

-- {"id", "offer_id", "check_in", "nights", "guests", "customer", "hold_ms"}
CREATE FUNCTION hold(asked jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    offer record;
    one reservations;
    percents integer[];
    net bigint;
    wanted date := (asked->>'check_in')::date;
    stay integer := (asked->>'nights')::integer;
    changed integer;
BEGIN
    SELECT offers.*, tax_permille INTO offer
      FROM offers JOIN cities ON cities.id = city_id
     WHERE offers.id = (asked->>'offer_id')::uuid;
    IF NOT FOUND THEN RETURN problem_of(404, 'there is no such offer'); END IF;
    IF (asked->>'guests')::integer > offer.guests THEN
        RETURN problem_of(422, 'a room of this offer is for fewer guests');
    END IF;
    SELECT array_agg(percent ORDER BY night) INTO percents
      FROM city_rates
     WHERE city_id = offer.city_id AND night >= wanted AND night < wanted + stay;
    IF cardinality(percents) IS DISTINCT FROM stay THEN
        RETURN problem_of(422, 'this stay has no price: it is outside of the calendar');
    END IF;
    -- Most who come too late find it out here, and lock nothing.
    IF EXISTS (SELECT FROM room_nights
                WHERE offer_id = offer.id AND night >= wanted AND night < wanted + stay
                  AND taken >= rooms) THEN
        RETURN problem_of(409, 'sold out: no room is free on every night of this stay');
    END IF;
    BEGIN
        -- In the order of the nights, so that two do not wait for each other.
        INSERT INTO room_nights (offer_id, night, rooms, taken)
        SELECT offer.id, wanted + day, offer.rooms, 1
          FROM generate_series(0, stay - 1) AS day
        ON CONFLICT (offer_id, night) DO UPDATE SET taken = room_nights.taken + 1
         WHERE room_nights.taken < room_nights.rooms;
        GET DIAGNOSTICS changed = ROW_COUNT;
        IF changed < stay THEN RAISE EXCEPTION 'sold out' USING ERRCODE = 'SF409'; END IF;
    EXCEPTION WHEN SQLSTATE 'SF409' THEN
        RETURN problem_of(409, 'sold out: no room is free on every night of this stay');
    END;
    net := offer.price_cents::bigint * (SELECT sum(percent) FROM unnest(percents) AS percent) / 100;
    INSERT INTO reservations
        (id, offer_id, check_in, nights, guests, customer, quote, price_cents, currency, held_until)
    VALUES (
        (asked->>'id')::uuid, offer.id, wanted, stay, (asked->>'guests')::smallint,
        asked->>'customer',
        jsonb_build_object(
            'reservation_id', asked->>'id', 'offer_id', offer.id, 'check_in', wanted,
            'price_cents', offer.price_cents, 'night_percents', percents,
            'tax_permille', offer.tax_permille, 'currency', offer.currency),
        -- As `Quote::amount` finds it.
        net + (net * offer.tax_permille + 500) / 1000, offer.currency,
        now() + (asked->>'hold_ms')::bigint * interval '1 ms')
    RETURNING * INTO one;
    PERFORM append_event(one, 'held');
    RETURN answer_of(201, one);
END $$;

-- {"id", "card_token", "look_after_ms"}. Answers {"charge": quote} besides when the caller is to charge.
CREATE FUNCTION pay(asked jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE one reservations;
BEGIN
    SELECT * INTO one FROM reservations WHERE id = (asked->>'id')::uuid FOR UPDATE;
    IF NOT FOUND THEN RETURN problem_of(404, 'there is no such reservation'); END IF;
    IF one.status = 'confirmed' THEN RETURN answer_of(200, one); END IF;
    IF one.status = 'paying' THEN RETURN answer_of(202, one); END IF;
    IF one.status <> 'held' OR one.held_until < now() THEN
        RETURN problem_of(409, 'it cannot be paid any more: it is cancelled, or was not paid in time');
    END IF;
    UPDATE reservations SET status = 'paying' WHERE id = one.id RETURNING * INTO one;
    -- The caller charges at once. Should it die, somebody looks after the payment a little later.
    INSERT INTO payments_due (reservation_id, kind, card_token, next_at)
    VALUES (one.id, 'charge', asked->>'card_token',
            now() + (asked->>'look_after_ms')::bigint * interval '1 ms');
    RETURN answer_of(202, one) || jsonb_build_object('charge', one.quote);
END $$;

-- {"id", "result": "paid" or "refused"}: what became of a charge.
CREATE FUNCTION settle(asked jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE one reservations;
BEGIN
    SELECT * INTO one FROM reservations WHERE id = (asked->>'id')::uuid FOR UPDATE;
    IF NOT FOUND THEN RETURN problem_of(404, 'there is no such reservation'); END IF;
    -- Cancelled meanwhile, or settled before: a refund that is due now finds what was charged.
    IF one.status = 'paying' THEN
        UPDATE reservations
           SET status = CASE asked->>'result' WHEN 'paid' THEN 'confirmed' ELSE 'held' END
         WHERE id = one.id RETURNING * INTO one;
        DELETE FROM payments_due WHERE reservation_id = one.id AND kind = 'charge';
        PERFORM append_event(
            one, CASE asked->>'result' WHEN 'paid' THEN 'confirmed' ELSE 'payment_refused' END);
    END IF;
    IF asked->>'result' = 'refused' AND one.status <> 'confirmed' THEN
        RETURN problem_of(402, 'the card was refused');
    END IF;
    RETURN answer_of(200, one);
END $$;

-- {"id"}
CREATE FUNCTION cancel(asked jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE one reservations; was text;
BEGIN
    SELECT * INTO one FROM reservations WHERE id = (asked->>'id')::uuid FOR UPDATE;
    IF NOT FOUND THEN RETURN problem_of(404, 'there is no such reservation'); END IF;
    IF one.status IN ('cancelled', 'expired') THEN RETURN answer_of(200, one); END IF;
    was := one.status;
    UPDATE reservations
       SET status = 'cancelled', refund = CASE was WHEN 'held' THEN NULL ELSE 'pending' END
     WHERE id = one.id RETURNING * INTO one;
    IF was <> 'held' THEN
        -- A charge that is on its way is either made and refunded, or barred by the refund.
        INSERT INTO payments_due (reservation_id, kind, next_at) VALUES (one.id, 'refund', now())
        ON CONFLICT (reservation_id) DO UPDATE
            SET kind = 'refund', card_token = NULL, attempts = 0, next_at = now(), due_since = now();
    END IF;
    PERFORM free_rooms(one);
    PERFORM append_event(one, 'cancelled');
    RETURN answer_of(200, one);
END $$;

-- {"id"}: a refund is made.
CREATE FUNCTION refunded(asked jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
    UPDATE reservations SET refund = 'done'
     WHERE id = (asked->>'id')::uuid AND status = 'cancelled';
    DELETE FROM payments_due WHERE reservation_id = (asked->>'id')::uuid AND kind = 'refund';
    RETURN jsonb_build_object('status', 200);
END $$;

-- {"limit"}: frees what was not paid in time. Answers how many.
CREATE FUNCTION expire(asked jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE one reservations; ended integer := 0;
BEGIN
    FOR one IN SELECT * FROM reservations WHERE status = 'held' AND held_until < now()
                ORDER BY held_until LIMIT (asked->>'limit')::integer FOR UPDATE SKIP LOCKED LOOP
        UPDATE reservations SET status = 'expired' WHERE id = one.id RETURNING * INTO one;
        PERFORM free_rooms(one);
        PERFORM append_event(one, 'expired');
        ended := ended + 1;
    END LOOP;
    RETURN jsonb_build_object('status', 200, 'ended', ended);
END $$;

-- {"id", "in_ms"}: a payment that could not be made is tried again later.
CREATE FUNCTION put_off(asked jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
    UPDATE payments_due
       SET attempts = attempts + 1, next_at = now() + (asked->>'in_ms')::bigint * interval '1 ms'
     WHERE reservation_id = (asked->>'id')::uuid;
    RETURN jsonb_build_object('status', 200);
END $$;

-- Does each of `writes`, and keeps its answer under its key if it has one: {"op", "key", "hash", …}.
-- The same key again gets the answer that was given; with another request it gets 422.
CREATE FUNCTION apply_writes(writes jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    asked jsonb;
    kept idempotency_keys;
    given jsonb;
    answers jsonb := '[]';
BEGIN
    FOR asked IN SELECT value FROM jsonb_array_elements(writes) LOOP
        given := NULL;
        IF asked->>'key' IS NOT NULL THEN
            INSERT INTO idempotency_keys (key, request_hash) VALUES (asked->>'key', asked->>'hash')
            ON CONFLICT (key) DO NOTHING;
            SELECT * INTO kept FROM idempotency_keys WHERE key = asked->>'key';
            IF kept.request_hash <> asked->>'hash' THEN
                given := problem_of(422, 'this Idempotency-Key was used with another request');
            ELSE
                given := kept.answer;
            END IF;
        END IF;
        IF given IS NULL THEN
            given := CASE asked->>'op'
                WHEN 'hold' THEN hold(asked)
                WHEN 'pay' THEN pay(asked)
                WHEN 'settle' THEN settle(asked)
                WHEN 'cancel' THEN cancel(asked)
                WHEN 'refunded' THEN refunded(asked)
                WHEN 'expire' THEN expire(asked)
                WHEN 'put_off' THEN put_off(asked)
            END;
            -- What becomes of a payment is the reservation's state, which a retry asks for again.
            IF asked->>'key' IS NOT NULL AND asked->>'op' <> 'pay' THEN
                UPDATE idempotency_keys SET answer = given WHERE key = asked->>'key';
            END IF;
        END IF;
        answers := answers || jsonb_build_array(given);
    END LOOP;
    RETURN answers;
END $$;

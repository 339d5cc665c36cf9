-- Places many orders in one transaction: those whose key is new, or that have none. No key comes
-- twice in one call. Each order gets its row, its event in the outbox, and its answer under its
-- key.
WITH asked AS (
    SELECT *
      FROM unnest($1::uuid[], $2::text[], $3::integer[], $4::uuid[], $5::text[], $6::text[],
                  $7::bytea[], $8::text[], $9::timestamptz[])
        AS one (id, product_id, quantity, event_id, payload, key, request_hash, response,
                created_at)
), keyed AS (
    -- In the order of the keys, so that two transactions do not wait for each other.
    INSERT INTO idempotency_keys (key, request_hash, status, response)
    SELECT key, request_hash, 201, response FROM asked WHERE key IS NOT NULL ORDER BY key
    ON CONFLICT (key) DO NOTHING
    RETURNING key
), fresh AS (
    SELECT * FROM asked WHERE key IS NULL OR key IN (SELECT key FROM keyed)
), placed AS (
    INSERT INTO orders (id, product_id, quantity, reserve_event, created_at)
    SELECT id, product_id, quantity, event_id, created_at FROM fresh ORDER BY id
    RETURNING id
), queued AS (
    INSERT INTO outbox (order_id, key, payload)
    SELECT id, product_id, payload FROM fresh WHERE $10 ORDER BY id
)
SELECT id FROM placed

-- What a shard knows of ownership. Every statement here may be repeated.
CREATE SCHEMA IF NOT EXISTS reshard;

-- One row per slot: does this shard take writes of it, and since which epoch of the map?
-- Every writing transaction locks the rows of its slots FOR SHARE, so that closing one waits for it.
CREATE TABLE IF NOT EXISTS reshard.slot (
  slot int PRIMARY KEY,
  is_open bool NOT NULL,
  epoch bigint NOT NULL
) WITH (fillfactor = 50);

-- The newest coordinator. Older ones are refused.
CREATE TABLE IF NOT EXISTS reshard.fence (
  only_row bool PRIMARY KEY DEFAULT true CHECK (only_row),
  fence bigint NOT NULL
);
INSERT INTO reshard.fence (fence) VALUES (0) ON CONFLICT DO NOTHING;

-- Marks travel with the rows of a move: who shows a mark has applied all that was written before it.
CREATE TABLE IF NOT EXISTS reshard.mark (
  move bigint NOT NULL,
  leg text NOT NULL,
  value bigint NOT NULL,
  PRIMARY KEY (move, leg)
);

-- Does this shard own the slot now? For reads: a copy that is on its way is here, too.
CREATE OR REPLACE FUNCTION reshard.is_here(int) RETURNS bool LANGUAGE sql STABLE PARALLEL SAFE
AS 'SELECT coalesce((SELECT is_open FROM reshard.slot WHERE slot = $1), false)';

-- Everything is named with its schema, because a search_path of its own would be set for each row,
-- and what is usual comes first: both together are a seventh of what such writes cost.
CREATE OR REPLACE FUNCTION reshard.guard() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER AS $$
DECLARE
  moving int;
  at_epoch bigint;
BEGIN
  IF TG_OP OPERATOR(pg_catalog.=) 'INSERT' THEN
    PERFORM FROM reshard.slot
      WHERE slot OPERATOR(pg_catalog.=) NEW.slot AND is_open FOR SHARE;
    IF FOUND THEN RETURN NEW; END IF;
    moving := NEW.slot;
  ELSIF TG_OP OPERATOR(pg_catalog.=) 'UPDATE' THEN
    IF OLD.slot OPERATOR(pg_catalog.=) NEW.slot THEN
      PERFORM FROM reshard.slot
        WHERE slot OPERATOR(pg_catalog.=) OLD.slot AND is_open FOR SHARE;
      IF FOUND THEN RETURN NEW; END IF;
    ELSE
      RAISE EXCEPTION 'a row of slot % cannot become one of slot %', OLD.slot, NEW.slot
        USING ERRCODE = 'RS002', HINT = 'Delete it, and insert it where the other slot is.';
    END IF;
    moving := OLD.slot;
  ELSIF TG_OP OPERATOR(pg_catalog.=) 'DELETE' THEN
    PERFORM FROM reshard.slot
      WHERE slot OPERATOR(pg_catalog.=) OLD.slot AND is_open FOR SHARE;
    IF FOUND THEN RETURN OLD; END IF;
    moving := OLD.slot;
  ELSE
    RAISE EXCEPTION 'table % is sharded and cannot be truncated', TG_RELID::pg_catalog.regclass
      USING ERRCODE = 'RS003', HINT = 'Delete its rows.';
  END IF;
  SELECT epoch INTO at_epoch FROM reshard.slot WHERE slot OPERATOR(pg_catalog.=) moving;
  RAISE EXCEPTION 'slot % is not written here since epoch %', moving, coalesce(at_epoch, 0)
    USING ERRCODE = 'RS001', HINT = 'Read the map again, and try there.';
END $$;
REVOKE ALL ON FUNCTION reshard.guard() FROM PUBLIC;
GRANT USAGE ON SCHEMA reshard TO PUBLIC;
GRANT SELECT ON reshard.slot TO PUBLIC;

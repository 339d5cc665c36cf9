-- The core: profiles and orders. Run as superuser in its database, once; the services only have the
-- role `shop`, which may do what the grants say. The map of the slots comes beside it, in the schema
-- `reshard_catalog`, which the resharder makes.

CREATE TABLE profiles (
    id            uuid PRIMARY KEY,
    email         text NOT NULL UNIQUE CHECK (length(email) BETWEEN 3 AND 254),
    password_hash text NOT NULL,
    display_name  text NOT NULL DEFAULT '',
    version       bigint NOT NULL DEFAULT 1,
    changed_at    timestamptz NOT NULL DEFAULT now()
);

GRANT SELECT, INSERT, UPDATE ON profiles TO shop;

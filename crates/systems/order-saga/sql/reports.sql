-- app3: reports of orders, in MySQL. Run as the administrator in its database, once; the service
-- itself only has a role of its own.

CREATE TABLE reports (
    order_id     CHAR(36) CHARACTER SET ascii COLLATE ascii_bin PRIMARY KEY,
    product_id   VARCHAR(64) CHARACTER SET ascii NOT NULL,
    quantity     INT NOT NULL CHECK (quantity > 0),
    customer     VARCHAR(64) CHARACTER SET ascii NOT NULL,
    amount_cents BIGINT NOT NULL CHECK (amount_cents > 0),
    currency     CHAR(3) CHARACTER SET ascii NOT NULL,
    status       ENUM ('filed', 'void') NOT NULL DEFAULT 'filed',
    created_at   TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3)
) ENGINE = InnoDB;

-- One row for each step of a saga, changed in the transaction of its effect: idempotency key,
-- kept answer and barrier in one.
CREATE TABLE steps (
    step_key    VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin PRIMARY KEY,
    mark        ENUM ('applied', 'refused', 'undone', 'barred') NOT NULL,
    epoch       BIGINT UNSIGNED NOT NULL,
    fingerprint BIGINT UNSIGNED NOT NULL,
    subject     VARCHAR(160) CHARACTER SET ascii NOT NULL,
    status      INT,
    answer      TEXT CHARACTER SET utf8mb4,
    -- Every call changes the row, so that a repetition waits for the replica, too.
    calls       INT NOT NULL DEFAULT 1,
    made_at     TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
) ENGINE = InnoDB;

-- This build of MySQL has no semi-synchronous replication, so the service itself waits until the
-- replica has what it acknowledges, while `required` is 1. The watchdog sets it, in this order:
--   to 0: first it strikes the replica off the list of those it may promote;
--   to 1: after it, it waits until the replica has all that the primary has, and lists it then.
CREATE TABLE replication_duty (
    id       TINYINT PRIMARY KEY CHECK (id = 1),
    required TINYINT NOT NULL CHECK (required IN (0, 1))
) ENGINE = InnoDB;
INSERT INTO replication_duty (id, required) VALUES (1, 1);

GRANT SELECT, INSERT, UPDATE ON reports TO reports@'%';
GRANT SELECT, INSERT, UPDATE ON steps TO reports@'%';
GRANT SELECT ON replication_duty TO reports@'%';

-- app1: the stock of products, in MariaDB. Run as the administrator in its database, once; the
-- service itself only has a role of its own, which changes stock and adds no products.

CREATE TABLE products (
    id          VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin PRIMARY KEY,
    name        VARCHAR(100) NOT NULL,
    -- What the update that takes stock asks for anyway; nobody gets past this.
    stock       BIGINT NOT NULL CHECK (stock >= 0),
    price_cents BIGINT NOT NULL CHECK (price_cents > 0),
    currency    CHAR(3) CHARACTER SET ascii NOT NULL
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
    -- Every call changes the row, so that a repetition is acknowledged by the replica, too.
    calls       INT NOT NULL DEFAULT 1,
    made_at     TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
) ENGINE = InnoDB;

INSERT INTO products (id, name, stock, price_cents, currency)
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 100)
SELECT CONCAT('PROD-', LPAD(n, 3, '0')), CONCAT('Product ', n), 1000000, 100 + 37 * n, 'EUR'
  FROM numbers;
-- Few of these, so that an order can be refused.
INSERT INTO products (id, name, stock, price_cents, currency)
VALUES ('RARE-001', 'Nearly sold out', 5, 9900, 'EUR');

GRANT SELECT ON products TO stock@'%';
GRANT UPDATE (stock) ON products TO stock@'%';
GRANT SELECT, INSERT, UPDATE ON steps TO stock@'%';

-- What the monitor keeps beyond its own life. It makes the tables itself when they are missing, so
-- that it works against any database it is pointed to.

CREATE TABLE IF NOT EXISTS monitor_states (
    replica text PRIMARY KEY,
    state   text NOT NULL CHECK (state IN ('ON', 'OFF')),
    cause   text,
    since   timestamptz NOT NULL,
    -- Grows with each change: an entry that comes late does not undo a later one.
    epoch   bigint NOT NULL,
    accused jsonb NOT NULL
);

CREATE TABLE IF NOT EXISTS monitor_failures (
    id           uuid PRIMARY KEY,
    replica      text NOT NULL,
    cause        text NOT NULL,
    detected_at  timestamptz NOT NULL,
    recovered_at timestamptz
);

CREATE INDEX IF NOT EXISTS monitor_failures_by_time ON monitor_failures (detected_at DESC);

CREATE TABLE IF NOT EXISTS monitor_samples (
    replica       text NOT NULL,
    at            timestamptz NOT NULL,
    checks        bigint NOT NULL,
    failed_checks bigint NOT NULL,
    dissents      bigint NOT NULL,
    PRIMARY KEY (replica, at)
);

-- Tables of the monitor: what it keeps beyond its own life. Run as superuser in its database, once; the
-- service itself only has the role `inventory`, which may do what the grants at the end say.

CREATE TABLE monitor_states (
    replica text PRIMARY KEY,
    state   text NOT NULL CHECK (state IN ('ON', 'OFF')),
    cause   text,
    since   timestamptz NOT NULL,
    -- Grows with each change: an entry that comes late does not undo a later one.
    epoch   bigint NOT NULL,
    accused jsonb NOT NULL
);

CREATE TABLE monitor_failures (
    id           uuid PRIMARY KEY,
    replica      text NOT NULL,
    cause        text NOT NULL,
    detected_at  timestamptz NOT NULL,
    recovered_at timestamptz
);

CREATE INDEX monitor_failures_by_time ON monitor_failures (detected_at DESC);

CREATE TABLE monitor_samples (
    replica       text NOT NULL,
    at            timestamptz NOT NULL,
    checks        bigint NOT NULL,
    failed_checks bigint NOT NULL,
    dissents      bigint NOT NULL,
    PRIMARY KEY (replica, at)
);

GRANT SELECT, INSERT, UPDATE ON monitor_states, monitor_failures TO inventory;
GRANT SELECT, INSERT ON monitor_samples TO inventory;

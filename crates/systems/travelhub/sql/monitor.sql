-- What the monitor keeps, in a server of its own: it is to tell of the others' death, and so must not
-- die with them.

-- A beat of a service. The time is this server's, so that the clocks of the services do not matter.
CREATE TABLE beats (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    service text NOT NULL,
    -- Grows with each start of the service.
    incarnation bigint NOT NULL,
    sequence bigint NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    UNIQUE (service, incarnation, sequence)
);
CREATE INDEX beats_by_time ON beats (at);

-- What each detector said, as long as the failure lasted.
CREATE TABLE failures (
    id uuid PRIMARY KEY,
    service text NOT NULL,
    detector text NOT NULL,
    -- When it was last seen to be well by this detector.
    last_sign_at timestamptz NOT NULL,
    detected_at timestamptz NOT NULL,
    recovered_at timestamptz
);
CREATE INDEX failures_by_time ON failures (detected_at DESC);

GRANT SELECT, INSERT, DELETE ON beats TO monitor;
GRANT SELECT, INSERT, UPDATE ON failures TO monitor;

-- Who lives says so, and no more: services write their beats in this role, and what failed is written
-- by the monitor alone.
CREATE ROLE heartbeats NOLOGIN;
GRANT INSERT ON beats TO heartbeats;
GRANT heartbeats TO monitor;

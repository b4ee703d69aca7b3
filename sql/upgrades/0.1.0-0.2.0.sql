-- Requests that have been recorded are known by their numbers.

ALTER TABLE configuration
    ADD COLUMN requests_swept_at timestamp DEFAULT (clock_timestamp() AT TIME ZONE 'UTC') NOT NULL;

CREATE TABLE requests_done (
    request uuid NOT NULL,
    function varchar(30) COLLATE "C" NOT NULL,
    answer bigint,
    done_at timestamp DEFAULT (clock_timestamp() AT TIME ZONE 'UTC') NOT NULL,
    PRIMARY KEY (request, function)
);

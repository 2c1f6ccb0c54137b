-- Version 1. Times are microseconds since 1970 (UTC).

-- The last version given to any document. One counter for all, and never set back: a document that is deleted and
-- created again never gets a version it had before.
CREATE TABLE document_versions (
    one  INTEGER PRIMARY KEY CHECK (one = 1),
    last INTEGER NOT NULL
) STRICT;
INSERT INTO document_versions (one, last) VALUES (1, 0);

-- The body is the last column, so that a listing never reads it.
CREATE TABLE documents (
    key     TEXT PRIMARY KEY NOT NULL,
    version INTEGER NOT NULL,
    body    BLOB NOT NULL
) STRICT;

-- due_at is when the message can be received (again): when it was sent or is to be sent, when its lock runs out, when
-- it is to be tried again. A message with a lock_token and a due_at in the future is with a receiver.
CREATE TABLE messages (
    sequence       INTEGER PRIMARY KEY AUTOINCREMENT,
    queue          TEXT NOT NULL,
    due_at         INTEGER NOT NULL,
    delivery_count INTEGER NOT NULL,
    lock_token     BLOB,
    enqueued_at    INTEGER NOT NULL,
    id             TEXT NOT NULL,
    last_reason    TEXT,
    body           TEXT NOT NULL
) STRICT;
CREATE INDEX messages_by_due ON messages (queue, due_at, sequence);

-- The ids seen within the duplicate-detection window, in the order they were seen: the oldest are pruned first.
CREATE TABLE seen_ids (
    number  INTEGER PRIMARY KEY,
    queue   TEXT NOT NULL,
    id      TEXT NOT NULL,
    seen_at INTEGER NOT NULL,
    UNIQUE (queue, id)
) STRICT;

CREATE TABLE dead_letters (
    number         INTEGER PRIMARY KEY,
    queue          TEXT NOT NULL,
    id             TEXT NOT NULL,
    dead_at        INTEGER NOT NULL,
    enqueued_at    INTEGER NOT NULL,
    delivery_count INTEGER NOT NULL,
    reason         TEXT NOT NULL,
    body           TEXT NOT NULL,
    UNIQUE (queue, id)
) STRICT;
CREATE INDEX dead_letters_by_age ON dead_letters (queue, dead_at, number);

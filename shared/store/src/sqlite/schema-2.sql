-- Version 2. A dead letter is a message of its queue's dead-letter queue, as it is with Service Bus; a message carries
-- the trace it was sent in.
ALTER TABLE messages ADD COLUMN traceparent TEXT;

INSERT INTO messages (queue, due_at, delivery_count, enqueued_at, id, last_reason, body)
SELECT queue || '/$deadletterqueue', dead_at, delivery_count, enqueued_at, id, reason, body
FROM dead_letters ORDER BY number;

DROP TABLE dead_letters;

-- Version 2. A dead letter is a message of its queue's dead-letter queue, as it is with Service Bus; a message carries
-- the trace it was sent in. What version 1 has buried was given up for good: no deliveries are counted, which tells it
-- from what was delivered too often.
ALTER TABLE messages ADD COLUMN traceparent TEXT;

INSERT INTO messages (queue, due_at, delivery_count, enqueued_at, id, last_reason, body)
SELECT queue || '/$deadletterqueue', dead_at, 0, enqueued_at, id, reason, body
FROM dead_letters ORDER BY number;

DROP TABLE dead_letters;

/** A message is visible from `visible_ms` on; one in flight lies in the future and has a receipt. */
export const TABLES = `
  CREATE TABLE IF NOT EXISTS queue (
    name TEXT PRIMARY KEY, attributes TEXT NOT NULL, created_ms INTEGER NOT NULL, modified_ms INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS message (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, queue TEXT NOT NULL, body TEXT NOT NULL, attributes TEXT NOT NULL,
    trace_header TEXT, group_id TEXT, deduplication_id TEXT, sent_ms INTEGER NOT NULL, first_receive_ms INTEGER,
    receive_count INTEGER NOT NULL DEFAULT 0, visible_ms INTEGER NOT NULL, receipt TEXT UNIQUE, source_arn TEXT
  ) STRICT;
  CREATE INDEX IF NOT EXISTS message_by_visibility ON message (queue, visible_ms, seq);
  CREATE INDEX IF NOT EXISTS message_by_group ON message (queue, group_id, visible_ms) WHERE group_id IS NOT NULL;
  CREATE TABLE IF NOT EXISTS deduplication (
    queue TEXT NOT NULL, id TEXT NOT NULL, message_id TEXT NOT NULL, seq INTEGER NOT NULL, until_ms INTEGER NOT NULL,
    PRIMARY KEY (queue, id)
  ) STRICT;
`;

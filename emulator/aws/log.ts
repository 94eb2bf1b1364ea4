type Fields = Readonly<Record<string, string | number | boolean | undefined>>;

/** Where the stack reports what no caller sees: batches that failed, events that could not be delivered. */
export type Log = {
  warn(event: string, fields?: Fields): void;
  error(event: string, fields?: Fields): void;
};

/** Drops everything. */
export const silentLog: Log = { warn() {}, error() {} };

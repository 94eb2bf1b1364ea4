/** One event, with the fields that identify it. Never a secret, a token, a cookie or a record's contents. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** Where events go; one JSON line each in a function, a list in a test. `event` is a short kebab-case name. */
export type Log = {
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
};

/** The same log, with these fields in every line. */
export function logWith(log: Log, always: LogFields): Log {
  return {
    debug: (event, fields) => log.debug(event, { ...always, ...fields }),
    info: (event, fields) => log.info(event, { ...always, ...fields }),
    warn: (event, fields) => log.warn(event, { ...always, ...fields }),
    error: (event, fields) => log.error(event, { ...always, ...fields }),
  };
}

/** Drops everything. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };

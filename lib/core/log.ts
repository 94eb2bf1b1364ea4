import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';

/** Fields that identify an event. Never a secret, a token, a cookie or the contents of a record. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** Where events go: one JSON line each in a function, a list in a test. `event` is a short kebab-case name. */
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

const fieldsOfWork = new AsyncLocalStorage<LogFields>();

/** Runs `work` so that every line that it writes has these fields: those of an invocation, in clients that invocations share. */
export function withLogFields<T>(fields: LogFields, work: () => T): T {
  return fieldsOfWork.run(fields, work);
}

/** The fields of the work that runs now. */
export function currentLogFields(): LogFields {
  return fieldsOfWork.getStore() ?? {};
}

/** Drops everything. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} };

const correlationIdShape = /^[\w.:@/+=-]{1,128}$/;

/**
 * The id under which one piece of work can be followed from its caller to ServiceNow's log. The caller's own is kept when it
 * is short and plain: without spaces and control characters it can break neither a log line nor a header.
 */
export function correlationIdFrom(given: string | undefined): string {
  return given !== undefined && correlationIdShape.test(given) ? given : randomUUID();
}

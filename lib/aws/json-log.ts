import { Logger } from '@aws-lambda-powertools/logger';
import { currentLogFields, type Log, type LogFields } from '../core/log.ts';
import { processRedactor, type Redactor } from '../core/redaction.ts';

export type LogOptions = {
  /** Shown in every line. */
  readonly service: string;
  /** @default the level that Lambda is configured with, INFO without one */
  readonly level?: 'DEBUG' | 'INFO' | 'WARN' | 'ERROR';
  readonly redactor?: Redactor;
};

/**
 * A log that writes one JSON line per event to standard output, where Lambda takes it from. Secrets that the redactor
 * knows are cut out of every string, regardless of its source.
 */
export function createJsonLog({ service, level, redactor = processRedactor }: LogOptions): Log {
  const logger = new Logger({
    serviceName: service,
    ...(level ? { logLevel: level } : {}),
    jsonReplacerFn: (_key, value) => (typeof value === 'string' ? redactor.redact(value) : value),
  });
  const line = (message: string, fields: LogFields = {}) => ({ ...currentLogFields(), ...fields, message });
  return {
    debug: (event, fields) => logger.debug(line(event, fields)),
    info: (event, fields) => logger.info(line(event, fields)),
    warn: (event, fields) => logger.warn(line(event, fields)),
    error: (event, fields) => logger.error(line(event, fields)),
  };
}

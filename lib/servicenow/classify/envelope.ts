import { processRedactor } from '../../core/redaction.ts';

/** What ServiceNow's error envelope says: `{"error":{"message","detail"},"status":"failure"}` (contract 1.7). */
export type ErrorText = { readonly message: string; readonly detail: string };

/** The error inside a body; undefined when there is none. It can stand beside a partial `result`, also in a 200. */
export function errorIn(body: unknown): ErrorText | undefined {
  if (!isObject(body) || !('error' in body) || !body.error) return undefined;
  if (!isObject(body.error))
    return { message: String(body.error), detail: textOf(body, 'error_description') };
  return { message: textOf(body.error, 'message'), detail: textOf(body.error, 'detail') };
}

const longestText = 400;

/**
 * The error as one phrase for a message. Database and parser texts quote what was sent, so the quoted parts are left out:
 * a record's contents never reach a log line. Whoever quotes the secrets he was sent is not quoted in turn.
 */
export function phrase({ message, detail }: ErrorText): string {
  const safeDetail = /^Exception while reading request/.test(message)
    ? detail.replace(/^(?!Rejected large).*$/s, 'the body could not be read')
    : detail.replaceAll(/Duplicate entry '.*?' for key/gs, 'Duplicate entry for key');
  const said = [message, safeDetail].filter(Boolean).join(': ');
  // Before it is cut: half a secret would not be known as one.
  const text = processRedactor.redact(said).replaceAll(/\s+/g, ' ').trim();
  return text.length > longestText ? `${text.slice(0, longestText)}…` : text;
}

function textOf(value: object, key: string): string {
  const found: unknown = Object.entries(value).find(([name]) => name === key)?.[1];
  return typeof found === 'string' ? found : '';
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

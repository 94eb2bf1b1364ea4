import { unescape as decodePercent } from 'node:querystring';
import * as z from 'zod/mini';
import { ConfigurationError } from '../core/errors.ts';
import type { Redactor } from '../core/redaction.ts';

const text = z.string().check(z.minLength(1));
const scope = z.optional(z.string());
/** What a header may contain; a line break at the end is the usual mistake. */
const headerText = text.check(z.regex(/^[\x21-\x7e]*$/));
/** Basic authentication ends the name at its first colon (RFC 7617, 2). */
const basicName = text.check(z.regex(/^[^:]*$/));

const auth = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('basic'), username: basicName, password: text }),
  z.strictObject({
    type: z.literal('oauth-password'),
    clientId: text,
    clientSecret: text,
    username: text,
    password: text,
    scope,
  }),
  z.strictObject({
    type: z.literal('oauth-refresh-token'),
    clientId: text,
    clientSecret: text,
    refreshToken: text,
    scope,
  }),
  z.strictObject({ type: z.literal('oauth-client-credentials'), clientId: text, clientSecret: text, scope }),
  z.strictObject({
    type: z.literal('oauth-jwt-bearer'),
    clientId: text,
    clientSecret: text,
    privateKey: text,
    keyId: text,
    sub: text,
    scope,
  }),
  z.strictObject({ type: z.literal('api-key'), apiKey: headerText }),
]);

const tls = z.strictObject({
  cert: z.optional(text),
  key: z.optional(text),
  passphrase: z.optional(z.string()),
  ca: z.optional(text),
});

/** The secret of an instance; published in `schemas/secret.schema.json`. */
export const connectionSecret = z.strictObject({
  /** Where an editor finds the JSON Schema of the document. */
  $schema: z.optional(z.string()),
  instanceUrl: text,
  auth: z.optional(auth),
  tls: z.optional(tls),
  proxyUrl: z.optional(text),
});

/** How a connection authenticates; absent means by client certificate alone. */
export type Auth = z.infer<typeof auth>;
/** PEM texts. `cert` and `key` make mutual TLS; `ca` is trusted in addition to the public authorities. */
export type TlsSettings = z.infer<typeof tls>;
/** The secret of one instance: where it is, how to reach it and how to authenticate. */
export type ConnectionSecret = z.infer<typeof connectionSecret>;

/**
 * Reads the JSON document of a secret.
 * @throws ConfigurationError naming the field that is wrong, never its value
 */
export function parseConnectionSecret(json: string): ConnectionSecret {
  const parsed = connectionSecret.safeParse(parseJson(json));
  if (!parsed.success) throw invalidSecret(parsed.error.issues);
  const { tls: settings, auth: given } = parsed.data;
  if ((settings?.cert === undefined) !== (settings?.key === undefined)) {
    throw new ConfigurationError('secret.tls', 'cert and key must be given together or not at all');
  }
  if (!given && !settings?.cert)
    throw new ConfigurationError('secret.auth', 'is required unless tls has cert and key');
  return parsed.data;
}

function parseJson(json: string): unknown {
  try {
    // Editors put a byte order mark in front.
    return JSON.parse(json.replace(/^\uFEFF/, ''));
  } catch {
    // The parser's own message quotes the text, so it is not kept as the cause.
    throw new ConfigurationError('secret', 'is not valid JSON');
  }
}

type Issue = {
  readonly code?: string | undefined;
  readonly path: readonly PropertyKey[];
  readonly keys?: readonly string[];
};

function invalidSecret(issues: readonly Issue[]): ConfigurationError {
  const fields = issues.map((issue) => ['secret', ...issue.path].map(String).join('.'));
  const reasons: Record<string, string> = {
    unrecognized_keys: `has an unknown field${nameOf(issues[0]?.keys?.[0])}`,
    invalid_format:
      'contains a character that is not allowed there, such as a line break, or a colon in a user name',
    invalid_union: 'is not one of the known types',
    too_small: 'must not be empty',
  };
  const reason = reasons[issues[0]?.code ?? ''] ?? 'is missing or has the wrong type';
  return new ConfigurationError(fields[0] ?? 'secret', reason);
}

/** Only what looks like a name; anything else might be a secret on the wrong side of the colon. */
function nameOf(key = ''): string {
  return /^[a-z_]{1,30}$/i.test(key) ? ` (${key})` : '';
}

/** Fields of `auth` that are not secret: they are names. */
const openFields = new Set(['type', 'username', 'clientId', 'sub', 'keyId', 'scope']);

/** Registers everything confidential in a secret with the redactor. */
export function protectSecret({ auth, tls }: ConnectionSecret, redactor: Redactor): void {
  for (const [field, value] of Object.entries(auth ?? {})) {
    if (!openFields.has(field)) redactor.protect(value);
  }
  if (auth?.type === 'basic') redactor.protect(`${auth.username}:${auth.password}`);
  if (auth?.type === 'oauth-jwt-bearer') redactor.protect(...keyLines(auth.privateKey));
  redactor.protect(tls?.key, tls?.passphrase, ...keyLines(tls?.key ?? ''));
}

/** Registers the password in a proxy's URL, or the token in its place, both URL-encoded and decoded. */
export function protectProxy(proxyUrl: string, redactor: Redactor): void {
  const { username = '', password = '' } = URL.parse(proxyUrl) ?? {};
  const secret = password || username;
  if (secret) redactor.protect(secret, decodePercent(secret));
}

/** The lines of a key, since a part of it is likely to be printed line by line. */
function keyLines(pem: string): string[] {
  return pem.split(/\r?\n/).filter((line) => line !== '' && !line.startsWith('-----'));
}

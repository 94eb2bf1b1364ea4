import * as z from 'zod/mini';
import { ConfigurationError } from '../core/errors.ts';

const text = z.string().check(z.minLength(1));
const scope = z.optional(z.string());
/** What a header takes; a line break at the end is the usual slip. */
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

const secret = z.strictObject({
  instanceUrl: text,
  auth: z.optional(auth),
  tls: z.optional(tls),
  proxyUrl: z.optional(text),
});

/** How a connection proves who it is; absent means by client certificate alone. */
export type Auth = z.infer<typeof auth>;
/** PEM texts. `cert` and `key` make mutual TLS; `ca` is trusted beside the public authorities. */
export type TlsSettings = z.infer<typeof tls>;
/** The secret of one instance: where it is and how to reach and convince it. */
export type ConnectionSecret = z.infer<typeof secret>;

/**
 * Reads the JSON document of a secret.
 * @throws ConfigurationError naming the field that is wrong, never its value
 */
export function parseConnectionSecret(json: string): ConnectionSecret {
  const parsed = secret.safeParse(parseJson(json));
  if (!parsed.success) throw invalidSecret(parsed.error.issues);
  const { tls: settings, auth: proof } = parsed.data;
  if ((settings?.cert === undefined) !== (settings?.key === undefined)) {
    throw new ConfigurationError('secret.tls', 'cert and key are given together or not at all');
  }
  if (!proof && !settings?.cert)
    throw new ConfigurationError('secret.auth', 'is needed, unless tls has cert and key');
  return parsed.data;
}

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
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
    unrecognized_keys: `has a field that is not known here${nameOf(issues[0]?.keys?.[0])}`,
    invalid_format:
      'holds a character that cannot be sent there, such as a line break or a colon in a user name',
    invalid_union: 'is not one of the known types',
    too_small: 'must not be empty',
  };
  const reason = reasons[issues[0]?.code ?? ''] ?? 'is missing or has the wrong type';
  return new ConfigurationError(fields[0] ?? 'secret', reason);
}

/** A name that looks like one; anything else might be a secret that went to the wrong side of the colon. */
function nameOf(key = ''): string {
  return /^[a-z_]{1,30}$/i.test(key) ? ` (${key})` : '';
}

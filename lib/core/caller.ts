import * as z from 'zod/mini';
import { ConfigurationError } from './errors.ts';

/** Who made a call, as AWS attests it: nothing that a caller writes by itself. */
export type Caller = {
  /** For log lines: `arn:aws:sts::…:assumed-role/app/session`, `jwt:<sub>` for a token. */
  readonly name: string;
  /** What rights may be given to: the ARN of the role or user without its session and path, `sub:<sub>`, `scope:<scope>`. */
  readonly principals: readonly string[];
};

/** How a caller is written down in a record: the role or user without the session, so that it is the same for each of its processes. */
export function lastingName({ name, principals }: Caller): string {
  return principals.find((principal) => !principal.startsWith('scope:')) ?? name;
}

/**
 * The role or user behind an id that AWS attests: the `SenderId` of a message (`AROA…:session`) or the principal of an S3 event
 * (`AWS:AROA…:session`), without its session. Anything else, such as an ARN, stays as it is.
 */
export function lastingId(id: string): string {
  return /^(?:AWS:)?([A-Z0-9]+)(?::.*)?$/.exec(id)?.[1] ?? id;
}

/** The caller of an API Gateway event (payload format 2.0); undefined for a direct Invoke, of which Lambda says nothing. */
export function callerOf(event: unknown): Caller | undefined {
  const authorizer = at(at(event, 'requestContext'), 'authorizer');
  const userArn = at(at(authorizer, 'iam'), 'userArn');
  if (typeof userArn === 'string') return { name: userArn, principals: [principalOf(userArn)] };
  const claims = at(at(authorizer, 'jwt'), 'claims');
  if (typeof claims !== 'object' || claims === null) return undefined;
  const subject = textOf(at(claims, 'sub') ?? at(claims, 'client_id'));
  const granted = [at(at(authorizer, 'jwt'), 'scopes'), at(claims, 'scope'), at(claims, 'scp')];
  const scopes = new Set(granted.flatMap(wordsOf));
  return {
    name: `jwt:${subject ?? 'unknown'}`,
    principals: [
      ...(subject === undefined ? [] : [`sub:${subject}`]),
      ...[...scopes].map((scope) => `scope:${scope}`),
    ],
  };
}

/**
 * The ARN by which rights are given: of a session the role's (`assumed-role/app/session` is `role/app`), and always without the path,
 * which sessions do not have.
 */
export function principalOf(arn: string): string {
  const assumed = /^arn:([\w-]+):sts::(\d+):assumed-role\/([^/]+)\//.exec(arn);
  if (assumed) return `arn:${assumed[1]}:iam::${assumed[2]}:role/${assumed[3]}`;
  return arn.replace(/^(arn:[\w-]+:iam::\d+:(?:role|user))\/.*\//, '$1/');
}

function wordsOf(value: unknown): string[] {
  return (textOf(value) ?? '').split(/\s+/).filter(Boolean);
}

/** API Gateway hands a claim that is an array over as the text `[read write]`. */
function textOf(claim: unknown): string | undefined {
  if (claim === undefined || claim === null) return undefined;
  const text = Array.isArray(claim) ? claim.join(' ') : String(claim);
  return text.replace(/^\[(.*)\]$/s, '$1');
}

function at(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

/** Tables (or `*`) and the HTTP methods that are allowed on each (or `*`). */
type Rights = ReadonlyMap<string, readonly string[]>;

/** Who may do what: rights by principal. Undefined when every caller of the API may do everything that the deployment allows. */
export type CallerRights = ReadonlyMap<string, Rights> | undefined;

/** No caller has an ARN with a wildcard, and a session is not its role. */
const principalForm = /^(arn:aws[\w-]*:iam::\d{12}:(role|user)\/[\w+=,.@/-]*[\w+=,.@-]|sub:.+|scope:\S+|\*)$/;

const rightsSchema = z.record(
  z.string().check(z.regex(principalForm)),
  z.record(
    z.string().check(z.regex(/^(\*|[a-z0-9_]+)$/i)),
    z.array(z.string().check(z.regex(/^(\*|GET|HEAD|POST|PUT|PATCH|DELETE)$/i))),
  ),
);

/**
 * Reads the setting `CALLERS`, e.g. `{"arn:aws:iam::123456789012:role/app": {"incident": ["GET", "POST"]}, "scope:read": {"*": ["GET"]}}`.
 * @throws ConfigurationError
 */
export function parseCallerRights(setting: string): CallerRights {
  if (setting.trim() === '') return undefined;
  const parsed = z.safeParse(rightsSchema, parsedOrNothing(setting));
  if (!parsed.success)
    throw new ConfigurationError(
      'CALLERS',
      'must be a JSON object of principals (an IAM role or user without session or wildcard, sub:…, scope:… or *), tables and methods (GET, HEAD, POST, PUT, PATCH, DELETE or *)',
    );
  const rights = new Map<string, Map<string, readonly string[]>>();
  for (const [given, tables] of Object.entries(parsed.data)) {
    const principal = given.startsWith('arn:') ? principalOf(given) : given;
    const held = rights.get(principal) ?? new Map<string, readonly string[]>();
    rights.set(principal, held);
    for (const [table, methods] of Object.entries(tables)) {
      const known = held.get(table.toLowerCase()) ?? [];
      held.set(table.toLowerCase(), [...known, ...methods.map((method) => method.toUpperCase())]);
    }
  }
  return rights;
}

function parsedOrNothing(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

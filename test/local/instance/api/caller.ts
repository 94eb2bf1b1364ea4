import type { Instance } from '../../../../local/instance/index.ts';

export type Called = { status: number; headers: Headers; bytes: Buffer; json: unknown };

type CallOptions = { headers?: Record<string, string>; body?: unknown; method?: string };

/** Calls the instance as its administrator, over HTTP. A body that is neither text nor bytes goes as JSON. */
export async function call(instance: Instance, path: string, options: CallOptions = {}): Promise<Called> {
  const { body, method = body === undefined ? 'GET' : 'POST' } = options;
  const response = await fetch(`${instance.url}${path}`, {
    method,
    headers: { authorization: basic(instance), ...(isJson(body) && jsonHeader), ...options.headers },
    ...(body !== undefined && { body: encode(body) }),
  });
  const bytes = Buffer.from(await response.arrayBuffer());
  const type = response.headers.get('content-type') ?? '';
  const json: unknown = type.includes('json') && bytes.length > 0 ? JSON.parse(bytes.toString()) : undefined;
  return { status: response.status, headers: response.headers, bytes, json };
}

/** The value of the Authorization header that `call` sends. */
export function basic({ username, password }: Pick<Instance, 'username' | 'password'>): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

const jsonHeader = { 'content-type': 'application/json' };

function isJson(body: unknown): boolean {
  return (
    body !== undefined &&
    typeof body !== 'string' &&
    !(body instanceof Uint8Array) &&
    !(body instanceof FormData)
  );
}

function encode(body: unknown): string | Uint8Array<ArrayBuffer> | FormData {
  if (typeof body === 'string' || body instanceof FormData) return body;
  return body instanceof Uint8Array ? new Uint8Array(body) : JSON.stringify(body);
}

import type { Instance } from '../../../emulator/instance/index.ts';

/** An answer of the instance over real HTTP; `json` is undefined when the body is none. */
export type Reply = {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly bytes: Buffer;
  readonly json: unknown;
};

export type Sending = {
  readonly json?: unknown;
  readonly form?: Readonly<Record<string, string>>;
  /** A body as it is; its type goes into the headers, but for a multipart form, which knows its own. */
  readonly body?: string | Uint8Array<ArrayBuffer> | FormData;
  readonly headers?: Readonly<Record<string, string>>;
  /** Basic credentials `user:password`; the administrator's by default, none for `''`. */
  readonly as?: string;
};

/** Sends one request to the instance, as the administrator by default. */
export async function call(
  instance: Instance,
  method: string,
  path: string,
  sending: Sending = {},
): Promise<Reply> {
  const as = sending.as ?? `${instance.username}:${instance.password}`;
  const response = await fetch(instance.url + path, {
    method,
    redirect: 'manual',
    headers: {
      Accept: 'application/json',
      ...(as !== '' && { Authorization: `Basic ${Buffer.from(as).toString('base64')}` }),
      ...(sending.json !== undefined && { 'Content-Type': 'application/json' }),
      ...sending.headers,
    },
    ...bodyOf(sending),
  });
  const bytes = Buffer.from(await response.arrayBuffer());
  const text = bytes.toString();
  return { status: response.status, headers: response.headers, text, bytes, json: parsed(text) };
}

function bodyOf({ json, form, body }: Sending): RequestInit {
  if (body !== undefined) return { body };
  if (form) return { body: new URLSearchParams(form) };
  return json === undefined ? {} : { body: JSON.stringify(json) };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Not JSON: the caller looks at the text.
    return undefined;
  }
}

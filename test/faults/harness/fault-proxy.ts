import { Agent, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { type LoopbackServer, listenOnLoopback } from '../../../emulator/aws/loopback-server.ts';

/** One request on its way to the service behind the proxy. */
export type Passage = {
  /** From 1, in the order of arrival. */
  readonly number: number;
  readonly method: string;
  readonly path: string;
  /** `x-amz-target` without its prefix, e.g. `SendMessageBatch`; empty for other protocols. */
  readonly action: string;
  readonly body: Buffer;
};

export type ProxyAnswer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Buffer;
};

/** What the proxy does to a request instead of passing it on. */
export type Treatment =
  /** The connection breaks, and the service never sees the request. */
  | { readonly kind: 'cut-before' }
  /** The service does its work; the connection breaks instead of its answer. */
  | { readonly kind: 'cut-after' }
  /** The connection breaks at once; the service does the work so much later. */
  | { readonly kind: 'late'; readonly delayMs: number }
  /** The caller's process dies, by `kill`, before or after the service does its work. */
  | { readonly kind: 'die-before' | 'die-after'; readonly kill: () => Promise<unknown> }
  | { readonly kind: 'answer'; readonly answer: ProxyAnswer }
  /** Another request is sent in its place, and its answer is changed on the way back. */
  | {
      readonly kind: 'replace';
      readonly body: Buffer;
      readonly change: (answer: ProxyAnswer) => ProxyAnswer;
    };

/** Decides what happens to a request; `undefined` passes it on. */
export type Decide = (passage: Passage) => Treatment | undefined;

export type FaultProxy = LoopbackServer & {
  /** Requests so far. */
  readonly count: number;
  decide: Decide;
};

/** A reverse proxy on loopback that breaks what passes through it: the service behind it need not know of the fault. */
export async function startFaultProxy(
  target: () => string,
  decide: Decide = () => undefined,
): Promise<FaultProxy> {
  const agent = new Agent({ keepAlive: true });
  let count = 0;
  const server = await listenOnLoopback((incoming, outgoing) => {
    count += 1;
    const number = count;
    const serve = async () => {
      const body = await readAll(incoming);
      const passage = toPassage(incoming, body, number);
      const forward = (sent = body) => send(agent, target(), incoming, sent);
      await treat(proxy.decide(passage), forward, outgoing);
    };
    // A service that is gone, or a caller: either way there is no one to answer to.
    serve().catch(() => abort(outgoing));
  });
  const proxy: FaultProxy = {
    ...server,
    get count() {
      return count;
    },
    decide,
    async close() {
      await server.close();
      agent.destroy();
    },
  };
  return proxy;
}

function toPassage(
  { method = '', url = '', headers }: IncomingMessage,
  body: Buffer,
  number: number,
): Passage {
  const action =
    String(headers['x-amz-target'] ?? '')
      .split('.')
      .at(-1) ?? '';
  return { number, method, path: url, action, body };
}

async function treat(
  treatment: Treatment | undefined,
  forward: (body?: Buffer) => Promise<ProxyAnswer>,
  outgoing: ServerResponse,
): Promise<void> {
  switch (treatment?.kind) {
    case undefined:
      return answer(outgoing, await forward());
    case 'cut-before':
      return abort(outgoing);
    case 'cut-after':
      await forward();
      return abort(outgoing);
    case 'late':
      abort(outgoing);
      await delay(treatment.delayMs);
      await forward();
      return;
    case 'die-before':
      await treatment.kill();
      return abort(outgoing);
    case 'die-after':
      await forward();
      await treatment.kill();
      return abort(outgoing);
    case 'answer':
      return answer(outgoing, treatment.answer);
    case 'replace':
      return answer(outgoing, treatment.change(await forward(treatment.body)));
  }
}

async function readAll(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function send(agent: Agent, target: string, incoming: IncomingMessage, body: Buffer): Promise<ProxyAnswer> {
  const { method, url = '/', headers } = incoming;
  const { 'transfer-encoding': _chunked, ...rest } = headers;
  const ownBody = body.length > 0 || headers['content-length'] !== undefined;
  return new Promise((resolve, reject) => {
    const outgoing = request(
      new URL(url, target),
      { method, agent, headers: { ...rest, ...(ownBody && { 'content-length': String(body.length) }) } },
      (response) => {
        readAll(response).then(
          (read) => resolve({ status: response.statusCode ?? 502, headers: response.headers, body: read }),
          reject,
        );
      },
    );
    outgoing.once('error', reject);
    outgoing.end(body);
  });
}

function answer(outgoing: ServerResponse, { status, headers, body }: ProxyAnswer): void {
  const { 'transfer-encoding': _chunked, connection: _connection, ...rest } = headers;
  for (const [name, value] of Object.entries(rest)) if (value !== undefined) outgoing.setHeader(name, value);
  // An answer without a body (204, HEAD) must not promise one.
  if (body.length > 0) outgoing.setHeader('content-length', body.length);
  outgoing.writeHead(status);
  outgoing.end(body);
}

function abort({ socket }: ServerResponse): void {
  socket?.resetAndDestroy();
}

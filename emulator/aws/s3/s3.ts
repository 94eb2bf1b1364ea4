import { randomUUID } from 'node:crypto';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ACCOUNT_ID } from '../account.ts';
import { AwsError } from '../aws-error.ts';
import { type Clock, systemClock } from '../clock.ts';
import { type IdOf, type Permit, permitAll } from '../iam/access-control.ts';
import { type Log, silentLog } from '../log.ts';
import { type LoopbackServer, listenOnLoopback } from '../loopback-server.ts';
import { type EventFaults, eventPlan } from './event-faults.ts';
import type { S3Answer, S3Request } from './exchange.ts';
import type { Deliver } from './outbox.ts';
import { listing, requiredRights } from './rights.ts';
import { route } from './routes.ts';
import { S3State } from './state.ts';
import { xmlError } from './xml.ts';

/** https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html */
const MOST_KEY_BYTES = 1024;

export type S3Options = {
  /** Keeps the objects' bytes. */
  readonly folder: string;
  /** What S3 keeps in addition to the bytes. @default `s3.db` in the folder */
  readonly databaseFile?: string;
  /** @default 0, a free one */
  readonly port?: number;
  /** Where event notifications go. @default dropped */
  readonly deliver?: Deliver;
  /** Delays and repeats events, as S3 may. @default every event once and at once */
  readonly eventFaults?: EventFaults;
  readonly clock?: Clock;
  /** Where events that could not be delivered are logged. @default dropped */
  readonly log?: Log;
  /** @default every caller may do everything */
  readonly permit?: Permit | undefined;
  /** Who stores, for events. @default the account */
  readonly idOf?: IdOf | undefined;
};

type Access = { readonly permit: Permit; readonly idOf: IdOf };

export type LocalS3 = LoopbackServer & { readonly state: S3State };

/**
 * The calls of S3 that the bundle and its users make, path style, for the real SDK. Objects stream to and from disk.
 * Signatures are not checked.
 */
export async function startS3(options: S3Options): Promise<LocalS3> {
  const { folder, deliver = () => {}, clock = systemClock, log = silentLog, permit = permitAll } = options;
  const idOf = options.idOf ?? (() => ACCOUNT_ID);
  const state = new S3State(
    folder,
    deliver,
    clock,
    log,
    eventPlan(options.eventFaults),
    options.databaseFile,
  );
  const listener: RequestListener = (request, response) =>
    void answer(state, request, response, { permit, idOf });
  const server = await listenOnLoopback(listener, options.port, 'S3');
  state.deliverEvents();
  return { ...server, state, close: () => server.close().then(() => state.close()) };
}

async function answer(
  state: S3State,
  incoming: IncomingMessage,
  response: ServerResponse,
  access: Access,
): Promise<void> {
  try {
    const request = takeApart(incoming, access);
    await send(incoming, response, await carryOut(request, state));
  } catch (error) {
    if (response.headersSent || response.destroyed) response.destroy();
    else
      await send(incoming, response, xmlError(asAwsError(error), incoming.url ?? '')).catch(() =>
        response.destroy(),
      );
  }
}

async function carryOut(request: S3Request, state: S3State): Promise<S3Answer> {
  const { action, right } = route(request);
  request.permit(...requiredRights(request, right));
  try {
    return await action(request, state);
  } catch (error) {
    // Only who may list a bucket learns that it holds no such object.
    if (error instanceof AwsError && error.code === 'NoSuchKey') request.permit(listing(request.bucket));
    throw error;
  }
}

function takeApart(incoming: IncomingMessage, { permit, idOf }: Access): S3Request {
  // Not through URL, which would fold the `..` of a key.
  const [path = '/', query] = (incoming.url ?? '/').split(/\?(.*)/s);
  const [, bucket = '', key = ''] = /^\/([^/]*)\/?(.*)$/s.exec(path) ?? [];
  return {
    method: incoming.method ?? 'GET',
    bucket: decode(bucket),
    key: checkedKey(decode(key)),
    query: new URLSearchParams(query),
    headers: incoming.headers,
    body: incoming,
    callerId: idOf(incoming.headers.authorization),
    permit: (...calls) => permit(incoming.headers.authorization, ...calls),
  };
}

function checkedKey(key: string): string {
  const size = Buffer.byteLength(key);
  if (size > MOST_KEY_BYTES) throw new AwsError('KeyTooLongError', `Your key is too long (${size} bytes)`);
  return key;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw new AwsError('InvalidURI', `Couldn't parse the specified URI: ${String(cause)}`);
  }
}

async function send(incoming: IncomingMessage, response: ServerResponse, answer: S3Answer): Promise<void> {
  // What is left of a refused upload is thrown away, so that the connection can go on.
  incoming.resume();
  const { body } = answer;
  const bodiless = incoming.method === 'HEAD' || answer.status === 304 || answer.status === 204;
  const length = typeof body === 'string' ? { 'content-length': `${Buffer.byteLength(body)}` } : {};
  response.writeHead(answer.status, { ...length, ...answer.headers, 'x-amz-request-id': randomUUID() });
  if (body instanceof Readable && !bodiless) await pipeline(body, response);
  else response.end(bodiless ? undefined : body);
}

function asAwsError(error: unknown): AwsError {
  return error instanceof AwsError ? error : new AwsError('InternalError', String(error), 500);
}

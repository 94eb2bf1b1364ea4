import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { type LoopbackServer, listenUnguarded } from '../../emulator/aws/loopback-server.ts';
import type { StackEvent, StackFeed } from '../feed/feed.ts';
import { Breaker, readForm, redriveLetters, sendAgain, tries } from './actions.ts';
import { apiPageHeaders, fileHeaders, foreignRequest, safetyHeaders } from './guard.ts';
import type { Html } from './html.ts';
import { apiPage, callsPath, consentHeader, passCallOn, readApiFile } from './open-api.ts';
import {
  batchContent,
  deadLettersContent,
  eventContent,
  importsContent,
  layout,
  messageContent,
  overviewPage,
  recordContent,
  recordsContent,
  tablesContent,
} from './pages.ts';
import { isEmulated, type PageData, sections, toneOf } from './sections.ts';
import { type PageStack, StackView } from './stack-view.ts';
import { Tally } from './tally.ts';

const shownEvents = 500;
const shownRecords = 100;

type Answer =
  | {
      readonly status: number;
      readonly type: string;
      readonly body: string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  | { readonly location: string }
  /** An object of the bucket. */
  | { readonly file: string }
  /** What the HTTP API at this address answers. */
  | { readonly api: string };

/** The page of a local stack. */
export type LocalPage = LoopbackServer;

/**
 * Serves the page of a local stack on 127.0.0.1: what comes in, what it came to, and what the instance holds. It answers only to its
 * own origin, and changes nothing on a GET.
 * @param port 0 takes a free one
 * @param watchSeconds for how long a redrive waits for letters that fail again
 * @throws PortUnavailableError
 */
export async function startPage(
  stack: PageStack,
  feed: StackFeed,
  port: number,
  watchSeconds = 10,
): Promise<LocalPage> {
  const page = new Page(stack, feed, watchSeconds);
  const server = await listenUnguarded(
    createServer((request, response) => {
      const foreign = foreignRequest(request, server.port);
      const answered = foreign === undefined ? page.answer(request) : Promise.resolve(refused(403, foreign));
      answered
        .catch((error: unknown) => refused(500, error instanceof Error ? error.message : String(error)))
        .then((answer) => page.send(answer, request, response))
        .catch(() => response.destroy());
    }),
    port,
    'Local page',
  );
  return server;
}

function refused(status: number, text: string): Answer {
  return { status, type: 'text/plain; charset=utf-8', body: `${text}\n` };
}

function shown(content: Html, status = 200): Answer {
  return { status, type: 'text/html; charset=utf-8', body: content.text };
}

class Page {
  readonly #stack: PageStack;
  readonly #feed: StackFeed;
  readonly #view: StackView;
  readonly #tally: Tally;
  readonly #breaker: Breaker;
  readonly #watchSeconds: number;

  constructor(stack: PageStack, feed: StackFeed, watchSeconds: number) {
    this.#stack = stack;
    this.#feed = feed;
    this.#watchSeconds = watchSeconds;
    this.#view = new StackView(stack);
    this.#tally = new Tally(feed);
    this.#breaker = new Breaker(stack);
  }

  async answer(request: IncomingMessage): Promise<Answer> {
    const url = new URL(request.url ?? '/', 'http://127.0.0.1');
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    if (url.pathname.startsWith(callsPath))
      return isRead || isEmulated(this.#view) || request.headers[consentHeader] === 'yes'
        ? { api: this.#stack.endpoints.api }
        : refused(403, askFirst);
    if (isRead) {
      const answer = await this.#show(url);
      // A browser logs each 404 of a page that it draws again and again.
      const isGone = url.searchParams.has('fragment') && 'status' in answer && answer.status === 404;
      return isGone ? { status: 204, type: answer.type, body: '' } : answer;
    }
    if (request.method !== 'POST') return refused(405, 'GET and POST only');
    const notice = await this.#act(url.pathname, await readForm(request));
    if (notice === undefined) return refused(404, 'There is no such action');
    // page.js shows the text; without scripts the browser goes back to the page.
    if (request.headers['accept'] === 'text/plain')
      return { status: 200, type: 'text/plain; charset=utf-8', body: notice };
    return { location: url.pathname === '/redrive' ? '/dead-letters' : '/' };
  }

  async send(answer: Answer, request: IncomingMessage, response: ServerResponse): Promise<void> {
    if ('location' in answer) {
      response.writeHead(303, { ...safetyHeaders, Location: answer.location }).end();
    } else if ('file' in answer) {
      await this.#sendFile(answer.file, response);
    } else if ('api' in answer) {
      await passCallOn(answer.api, request, response);
    } else {
      response.writeHead(answer.status, { ...safetyHeaders, ...answer.headers, 'Content-Type': answer.type });
      response.end(request.method === 'HEAD' ? undefined : answer.body);
    }
  }

  async #show(url: URL): Promise<Answer> {
    const [first = '', ...rest] = url.pathname.slice(1).split('/').map(decoded);
    const whole = (title: string, content: Html) =>
      shown(url.searchParams.has('fragment') ? content : layout(title, content));
    switch (first) {
      case '':
        return shown(overviewPage(await this.#data(url)));
      case 'sections':
        return this.#sections(url);
      case 'page.css':
        return asset('page.css', 'text/css; charset=utf-8');
      case 'page.js':
        return asset('page.js', 'text/javascript; charset=utf-8');
      case 'events':
        return rest.length === 1 ? this.#event(Number(rest[0]), whole) : missing();
      case 'batches': {
        const events = this.#feed.recent().filter(({ requestId }) => requestId === rest[0]);
        return events.length > 0 ? whole('Batch', batchContent(events)) : missing();
      }
      case 'favicon.ico':
        return { status: 204, type: 'image/x-icon', body: '' };
      case 'dead-letters':
        return whole(
          'Dead letters',
          deadLettersContent(this.#view.deadLetters(), this.#view.countByCode(), !isEmulated(this.#view)),
        );
      case 'imports':
        return whole('Imports', importsContent(await this.#view.imports()));
      case 'files':
        return rest[0] === 'results' && this.#view.find(rest.join('/'))
          ? { file: rest.join('/') }
          : missing();
      case 'tables':
        return this.#tables(rest, whole);
      case 'openapi':
        return this.#openApi(rest);
      default:
        return missing();
    }
  }

  async #openApi([file]: readonly string[]): Promise<Answer> {
    if (file === undefined || file === '')
      return { ...shown(apiPage(!isEmulated(this.#view))), headers: apiPageHeaders };
    const found = await readApiFile(file, this.#stack.endpoints.api);
    return found ? { status: 200, ...found } : missing();
  }

  #event(id: number, whole: (title: string, content: Html) => Answer): Answer {
    const event = this.#feed.find(id);
    if (!event) return missing();
    const { record, requestId } = event;
    const { ledger } = this.#stack.instance.state;
    const requests = record ? ledger.select({ sysId: record.sysId, limit: 20 }) : [];
    const lines = this.#feed.logLines(requestId);
    return whole(event.subject, eventContent(event, lines, requests, isEmulated(this.#view)));
  }

  #tables([table, sysId]: readonly string[], whole: (title: string, content: Html) => Answer): Answer {
    if (!isEmulated(this.#view)) return whole('Records', messageContent('Records', ownRecords));
    if (table === undefined || table === '') return whole('Records', tablesContent(this.#view.tables()));
    if (sysId === undefined) {
      const found = this.#view.rows(table, shownRecords);
      if (!found) return missing();
      const total = this.#stack.instance.state.store.count(table);
      return whole(table, recordsContent(table, found.columns, found.rows, total));
    }
    const row = this.#view.record(table, sysId);
    if (!row) return missing();
    const requests = this.#stack.instance.state.ledger.select({ sysId, limit: 20 });
    return whole(row['number'] || table, recordContent(table, row, requests));
  }

  async #sections(url: URL): Promise<Answer> {
    const changed = sections(await this.#data(url));
    const body = Object.fromEntries(Object.entries(changed).map(([id, { text }]) => [id, text]));
    return { status: 200, type: 'application/json', body: JSON.stringify(body) };
  }

  async #data(url: URL): Promise<PageData> {
    const isProblemsOnly = url.searchParams.get('only') === 'problems';
    const isWanted = (event: StackEvent) => !isProblemsOnly || toneOf(event) !== 'good';
    return {
      view: this.#view,
      totals: this.#tally.totals,
      events: this.#feed.recent().filter(isWanted).slice(-shownEvents).toReversed(),
      imports: await this.#view.imports(),
      breaker: this.#breaker,
      isProblemsOnly,
    };
  }

  /** @returns what was done; undefined for an unknown action */
  async #act(path: string, form: URLSearchParams): Promise<string | undefined> {
    const what = form.get('what') ?? '';
    const isOwn = !isEmulated(this.#view);
    if (path === '/break') return isOwn ? cannotBreak : this.#breaker.start(what);
    if (path === '/repair') return this.#breaker.repair();
    // All that follows writes to the instance.
    if (isOwn && form.get('sure') !== 'yes') return askFirst;
    if (path === '/try') return Object.hasOwn(tries, what) ? tries[what]?.run(this.#stack) : undefined;
    if (path === '/redrive')
      return redriveLetters(this.#stack, form.get('code') || undefined, this.#watchSeconds);
    const again = /^\/events\/(\d+)\/send-again$/.exec(path);
    const event = again && this.#feed.find(Number(again[1]));
    return event ? sendAgain(this.#stack, event) : undefined;
  }

  async #sendFile(key: string, response: ServerResponse): Promise<void> {
    const object = this.#view.find(key);
    if (!object) {
      response.writeHead(404, safetyHeaders).end();
      return;
    }
    const name = key.split('/').at(-1) ?? 'file';
    const type = typesByEnding[name.split('.').at(-1) ?? ''];
    response.writeHead(200, {
      ...fileHeaders,
      'Content-Type': type ?? 'application/octet-stream',
      'Content-Length': object.size,
      ...(type === undefined && {
        'Content-Disposition': `attachment; filename*=UTF-8''${encodeURIComponent(name)}`,
      }),
    });
    await pipeline(this.#view.read(object), response);
  }
}

const typesByEnding: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  json: 'application/json; charset=utf-8',
};

const ownRecords =
  'The functions talk to your own instance: look there. The page shows records of the emulated one alone.';
const askFirst = 'Nothing was sent: the functions write to your own instance. Agree to that first.';
const cannotBreak = 'The functions talk to your own instance, which cannot be broken from here.';

function missing(): Answer {
  return shown(
    layout('Not found', messageContent('Not found', 'It does not exist, or is no longer kept.')),
    404,
  );
}

async function asset(name: string, type: string): Promise<Answer> {
  return { status: 200, type, body: await readFile(new URL(`./${name}`, import.meta.url), 'utf8') };
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    // A broken escape names nothing.
    return segment;
  }
}

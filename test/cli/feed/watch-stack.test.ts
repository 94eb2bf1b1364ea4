import { describe, expect, it, onTestFinished } from 'vitest';
import { StackFeed } from '../../../cli/feed/feed.ts';
import { watchStack } from '../../../cli/feed/watch-stack.ts';
import { Tally } from '../../../cli/page/tally.ts';
import { eventLine } from '../../../cli/start/event-line.ts';
import { startEventBridge } from '../../../emulator/aws/event-bridge/event-bridge.ts';
import { startInstance } from '../../../emulator/instance/index.ts';
import { deriveEpisodeSysId, deriveSysId } from '../../../lib/operations/identity.ts';

const requestId = '0a1b2c3d-4e5f-4a6b-8c7d-001122334455';
const startedAtMs = Date.parse('2026-05-04T10:20:30Z');

/** A log line of the invocation, as the functions write it. */
const logLine = (fields: object) =>
  JSON.stringify({ level: 'INFO', xray_trace_id: '1-6b0b8e21-0a1b2c3d4e5f4a6b8c7d0011', ...fields });

const answerOf = (payload: object, functionError?: 'Unhandled') => ({
  payload: Buffer.from(JSON.stringify(payload)),
  ...(functionError && { functionError }),
});
const callOf = (event: object) => ({
  requestId,
  event: Buffer.from(JSON.stringify(event)),
  startedAtMs,
  durationMs: 84,
});
const message = (messageId: string, body: unknown, receives = 1) => ({
  messageId,
  body: typeof body === 'string' ? body : JSON.stringify(body),
  attributes: { ApproximateReceiveCount: String(receives) },
});

/** The events, each as its line without the time. */
const linesOf = (feed: StackFeed) => feed.recent().map((event) => eventLine(event).slice(10));

describe('the feed of a local stack', () => {
  it('names the record of a message, once its log line and the answer of its batch are there', async () => {
    const watch = watchStack();
    const instance = await startInstance({ demoData: false });
    watch.connect({ instance });
    const sys_id = deriveSysId('servicenow-functions/dev', 'incident', 'alarm-7');
    instance.control.seed({ incident: [{ sys_id, number: 'INC0010012' }] });
    const event = { Records: [message('m1', { table: 'incident', key: 'alarm-7', record: {} })] };
    watch.options.onAnswer(answerOf({ batchItemFailures: [] }), 'writeRecords', callOf(event));
    expect(watch.feed.recent()).toEqual([]);
    watch.options.onLog(logLine({ message: 'record-written', messageId: 'm1', how: 'done' }), 'writeRecords');
    expect(linesOf(watch.feed)).toEqual(['SQS     alarm-7 → INC0010012  84 ms']);
    expect(watch.feed.recent()[0]).toMatchObject({
      at: '2026-05-04T10:20:30.000Z',
      record: { table: 'incident', sysId: sys_id },
      messageId: 'm1',
    });
    expect(watch.feed.logLines(requestId)).toHaveLength(1);
    await instance.close();
  });

  it('names the newest record of the thing that a signal is about', async () => {
    const watch = watchStack();
    const instance = await startInstance({ demoData: false });
    watch.connect({ instance });
    const thing = { source: 'shop', key: 'orders' };
    const sysIdOf = (episode: number) =>
      deriveEpisodeSysId('servicenow-functions/dev', 'incident', thing, episode);
    const rows = [1, 2].map((episode) => ({ sys_id: sysIdOf(episode), number: `INC000${episode}` }));
    instance.control.seed({ incident: rows });
    const signals = [
      { signal: 'resolve', ...thing },
      { signal: 'open', ...thing, key: 'returns', target: 'problem' },
    ];
    const event = { Records: signals.map((body, index) => message(`m${index}`, body)) };
    for (const messageId of ['m0', 'm1'])
      watch.options.onLog(logLine({ message: 'record-written', messageId, how: 'done' }), 'writeRecords');
    watch.options.onAnswer(answerOf({ batchItemFailures: [] }), 'writeRecords', callOf(event));
    expect(linesOf(watch.feed)).toEqual([
      'SQS     resolve orders → INC0002  84 ms',
      'SQS     open returns → problem  84 ms',
    ]);
    await instance.close();
  });

  it('shows what an event was mapped to, and one that no file maps', () => {
    const watch = watchStack();
    const fromBus = (state: string) => ({
      source: 'my.shop',
      'detail-type': 'Queue state',
      detail: { state },
    });
    const bodies = [fromBus('late'), fromBus('odd'), [fromBus('late'), fromBus('late')], 'not JSON'];
    const event = { Records: bodies.map((body, index) => message(`m${index}`, body)) };
    const log = (fields: object) => watch.options.onLog(logLine(fields), 'mapEvents');
    const mapped = { message: 'event-mapped', file: 'shop.yaml', signals: 1 };
    log({ ...mapped, messageId: 'm0' });
    log({ ...mapped, messageId: 'm2' });
    log({ ...mapped, messageId: 'm2', signals: 0, ignoredBecause: 'signal.2 says ignore' });
    const refused = { message: 'message-dead-lettered', code: 'INVALID_INPUT', reason: 'no file' };
    for (const messageId of ['m0', 'm2']) log({ message: 'record-written', messageId, how: 'done' });
    for (const messageId of ['m1', 'm3']) log({ ...refused, messageId });
    watch.options.onAnswer(answerOf({ batchItemFailures: [] }), 'mapEvents', callOf(event));
    expect(linesOf(watch.feed)).toEqual([
      'Event   my.shop Queue state → shop.yaml: 1 signal  84 ms',
      'Event   ✗ my.shop Queue state: INVALID_INPUT no file → dead letter  84 ms',
      'Event   2 events → shop.yaml: 1 signal, shop.yaml: no signal (signal.2 says ignore)  84 ms',
      'Event   ✗ m3: INVALID_INPUT no file → dead letter  84 ms',
    ]);
  });

  it('distinguishes dead letters, deferred messages and duplicates', () => {
    const watch = watchStack();
    const bodies = ['incidnt', 'incident', 'problem'].map((table) => ({
      table,
      key: `${table}-1`,
      record: {},
    }));
    const event = { Records: bodies.map((body, index) => message(`m${index}`, body, index + 1)) };
    const facts = [
      { message: 'message-dead-lettered', code: 'TABLE_NOT_ALLOWED', reason: 'table: not served' },
      { message: 'message-deferred', code: 'UNAVAILABLE', reason: '503', delaySeconds: 10 },
      { message: 'record-written', how: 'duplicate' },
    ];
    for (const [index, fact] of facts.entries())
      watch.options.onLog(logLine({ messageId: `m${index}`, ...fact }), 'writeRecords');
    watch.options.onAnswer(answerOf({}), 'writeRecords', callOf(event));
    expect(linesOf(watch.feed)).toEqual([
      'SQS     ✗ incidnt-1: incidnt TABLE_NOT_ALLOWED table: not served (here: start --tables) → dead letter  84 ms',
      'SQS     … incident-1: incident UNAVAILABLE 503 → again in 10 s (receive 2)  84 ms',
      'SQS     problem-1 → problem, had been written before (receive 3)  84 ms',
    ]);
  });

  it('makes a failed batch one event for each message, also for one that cannot be read', () => {
    const watch = watchStack();
    const event = { Records: [message('m1', 'not JSON'), message('m2', { table: 'incident', record: {} })] };
    const thrown = { errorType: 'Runtime.ExitError', errorMessage: 'killed' };
    watch.options.onAnswer(answerOf(thrown, 'Unhandled'), 'writeRecords', callOf(event));
    expect(linesOf(watch.feed)).toEqual([
      'SQS     ✗ m1: Runtime.ExitError killed  84 ms',
      'SQS     ✗ m2: incident Runtime.ExitError killed  84 ms',
    ]);
  });

  it('shows calls over HTTP with their record, their number of records or their reason', () => {
    const watch = watchStack();
    const call = (method: string, rawPath: string, answer: object) =>
      watch.options.onAnswer(
        answerOf(answer),
        'anyFunction',
        callOf({ rawPath, requestContext: { http: { method } } }),
      );
    const body = (value: unknown) => JSON.stringify(value);
    const path = '/api/now/v2/table/incident';
    call('POST', path, { statusCode: 201, body: body({ result: { sys_id: 'a', number: 'INC1' } }) });
    call('GET', path, { statusCode: 200, body: body({ result: [{}, {}] }) });
    call('DELETE', `${path}/a`, { statusCode: 204 });
    const error = { message: 'Table not allowed', detail: 'incidnt' };
    const headers = { 'x-error-code': 'TABLE_NOT_ALLOWED' };
    call('POST', '/api/now/table/incidnt', { statusCode: 403, headers, body: body({ error }) });
    expect(linesOf(watch.feed)).toEqual([
      'HTTP    POST incident → INC1  84 ms',
      'HTTP    GET incident → 2 records  84 ms',
      'HTTP    DELETE incident/a → 204  84 ms',
      'HTTP    ✗ POST incidnt: 403 TABLE_NOT_ALLOWED Table not allowed: incidnt (here: start --tables)  84 ms',
    ]);
  });

  it('shows an import from its drop to its counts, and a file that is none', () => {
    const watch = watchStack();
    const drop = { timestamp: '2026-05-04T10:20:30Z', requestId, key: 'imports/imp_user/people.csv' };
    watch.options.onLog(logLine({ ...drop, message: 'drop-received', table: 'imp_user' }), 'startImport');
    watch.options.onAnswer(answerOf({ Status: 'PENDING' }), 'importCsv', callOf({}));
    const summary = {
      status: 'completed',
      source: { key: drop.key },
      stagingTable: 'imp_user',
      lines: { rows: 3 },
      counts: { inserted: 2, updated: 0, error: 1 },
      seconds: { total: 1.25 },
    };
    const answer = { Status: 'SUCCEEDED', Result: JSON.stringify(summary) };
    watch.options.onAnswer(answerOf(answer), 'importCsv', callOf({}));
    const refused = { ...drop, key: 'imports/imp_user/p.txt', message: 'drop-refused', reason: 'the name' };
    watch.options.onLog(logLine(refused), 'startImport');
    expect(linesOf(watch.feed)).toEqual([
      'S3      people.csv → imp_user, started',
      'S3      people.csv → imp_user: 3 rows, 2 inserted, 1 error  1250 ms',
      'S3      ✗ p.txt: DROP_REFUSED the name',
    ]);
  });

  it('takes the settings of a folder for no failure', () => {
    const watch = watchStack();
    const drop = { timestamp: '2026-05-04T10:20:30Z', requestId, key: 'imports/imp_user/_import.json' };
    const ignored = { ...drop, message: 'drop-ignored', reason: 'settings, not data' };
    watch.options.onLog(logLine(ignored), 'startImport');
    expect(linesOf(watch.feed)).toEqual([
      'S3      _import.json → settings of imp_user, for every file that follows',
    ]);
    expect(new Tally(watch.feed).totals.imports).toEqual({ done: 0, refused: 0, failed: 0 });
  });

  it('shows an event that no rule of the bus matches, which no function sees', async () => {
    const watch = watchStack();
    const eventBridge = await startEventBridge({ deliver() {}, log: watch.options.log });
    onTestFinished(() => eventBridge.close());
    const event = { source: 'my.shop', detailType: 'Queue state', detail: {} };
    eventBridge.bus.put(event);
    expect(linesOf(watch.feed)).toEqual([
      'Event   ✗ my.shop Queue state: NO_RULE no rule of the bus matches it; the rules of mappings/ are made when the stack starts',
    ]);
  });

  it('keeps what a caller sent from acting on the terminal', () => {
    const watch = watchStack();
    const event = { Records: [message('m1', { table: 'incident', key: 'a\u001b[2J\nb\u202e', record: {} })] };
    watch.options.onAnswer(answerOf({}, 'Unhandled'), 'writeRecords', callOf(event));
    expect(linesOf(watch.feed)[0]).toBe('SQS     ✗ a [2J b : incident no reason given  84 ms');
  });

  it('keeps lines of DEBUG, which only it needs, from those who read the log', () => {
    const seen: string[] = [];
    const watch = watchStack((line) => seen.push(line));
    watch.options.onLog(logLine({ level: 'DEBUG', message: 'record-written' }), 'writeRecords');
    watch.options.onLog('no JSON', 'writeRecords');
    expect(seen).toEqual(['no JSON']);
  });
});

describe('StackFeed', () => {
  const event = (subject: string, body?: string) => ({
    at: '2026-05-04T10:20:30Z',
    way: 'SQS' as const,
    functionKey: 'writeRecords',
    requestId,
    subject,
    outcome: 'done' as const,
    durationMs: 1,
    ...(body !== undefined && { body }),
  });

  it('keeps the newest 10,000 events and the bodies of the newest 1,000', () => {
    const feed = new StackFeed();
    for (let n = 1; n <= 10_050; n += 1) feed.add(event(`${n}`, 'x'.repeat(20_000)));
    const kept = feed.recent();
    expect([kept.length, kept[0]?.id, kept.at(-1)?.id, feed.count]).toEqual([10_000, 51, 10_050, 10_050]);
    expect(kept.filter(({ body }) => body !== undefined)).toHaveLength(1_000);
    expect(kept.at(-1)?.body).toHaveLength(16_384);
    expect(feed.recent(2, 10_000).map(({ id }) => id)).toEqual([10_049, 10_050]);
  });

  it('hands events to those who subscribed, until they no longer want them', () => {
    const feed = new StackFeed();
    const seen: number[] = [];
    const end = feed.subscribe(({ id }) => seen.push(id));
    feed.add(event('a'));
    end();
    feed.add(event('b'));
    expect(seen).toEqual([1]);
  });
});

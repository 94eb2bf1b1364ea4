import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createEmfMetrics, createJsonLog, createTelemetry } from '../../../lib/aws/telemetry.ts';
import { readConfig } from '../../../lib/core/config.ts';
import { withLogFields } from '../../../lib/core/log.ts';
import { createRedactor } from '../../../lib/core/redaction.ts';

const written: string[] = [];

beforeEach(() => {
  written.length = 0;
  vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => written.push(String(chunk)) > 0);
  vi.spyOn(process.stderr, 'write').mockImplementation((chunk) => written.push(String(chunk)) > 0);
});
afterEach(() => vi.restoreAllMocks());

const lines = () =>
  written
    .join('')
    .trim()
    .split('\n')
    .map((line): unknown => JSON.parse(line));

describe('the log of a function', () => {
  it('writes one JSON line per event', () => {
    const log = createJsonLog({ service: 'getRecords', redactor: createRedactor() });
    log.info('servicenow-call', { correlationId: 'order-77', status: 200 });
    log.error('credentials-rejected', { path: '/api/now/table/incident' });
    expect(lines()).toMatchObject([
      {
        level: 'INFO',
        message: 'servicenow-call',
        service: 'getRecords',
        correlationId: 'order-77',
        status: 200,
      },
      { level: 'ERROR', message: 'credentials-rejected', path: '/api/now/table/incident' },
    ]);
  });

  it('has the fields of the work that runs in every line, also of clients that invocations share', async () => {
    const log = createJsonLog({ service: 'getRecords', redactor: createRedactor() });
    const work = (caller: string) =>
      withLogFields({ caller, requestId: `of ${caller}` }, async () => {
        await Promise.resolve();
        log.info('servicenow-call', { status: 200 });
      });
    await Promise.all([work('ada'), work('eve')]);
    log.info('later');
    expect(lines()).toMatchObject([
      { message: 'servicenow-call', caller: 'ada', requestId: 'of ada', status: 200 },
      { message: 'servicenow-call', caller: 'eve', requestId: 'of eve' },
      { message: 'later' },
    ]);
    expect(lines()[2]).not.toHaveProperty('caller');
  });

  it('cuts protected secrets out of every field, in any spelling', () => {
    const redactor = createRedactor();
    redactor.protect('hunter2-hunter2');
    const log = createJsonLog({ service: 's', redactor });
    const base64 = Buffer.from('user:hunter2-hunter2').toString('base64');
    log.warn('x hunter2-hunter2', {
      reason: `Basic ${base64}`,
      hex: Buffer.from('hunter2-hunter2').toString('hex'),
    });
    const [line] = lines();
    expect(JSON.stringify(line).match(/\[redacted\]/g)).toHaveLength(3);
    expect(written.join('')).not.toContain('hunter2');
  });
});

const metricsOf = (choice: 'alarms' | 'all') => {
  const service = { deployment: 'servicenow-functions/dev', functionName: 'getRecords' };
  return createEmfMetrics({ ...service, choice }, createJsonLog({ service: 'getRecords' }));
};

describe('the metrics of a function', () => {
  it('are gathered and written as one line in embedded metric format', () => {
    const metrics = metricsOf('all');
    metrics.add('Requests');
    metrics.add('Requests');
    metrics.add('LatencyMs', 12);
    expect(written).toEqual([]);
    metrics.flush();
    metrics.flush();
    expect(lines()).toMatchObject([
      {
        service: 'servicenow-functions/dev',
        function: 'getRecords',
        Requests: [1, 1],
        LatencyMs: 12,
        _aws: { CloudWatchMetrics: [{ Namespace: expect.any(String) }] },
      },
    ]);
    expect(JSON.stringify(lines())).toContain('"Unit":"Milliseconds"');
  });

  it('have the deployment as their only dimension; what no alarm or dashboard uses is a field', () => {
    const metrics = metricsOf('all');
    for (const name of ['Retries', 'Retries', 'SecretReads', 'Requests'] as const) metrics.add(name);
    metrics.flush();
    expect(lines()).toMatchObject([
      {
        Retries: '2',
        SecretReads: '1',
        _aws: { CloudWatchMetrics: [{ Dimensions: [['service']], Metrics: [{ Name: 'Requests' }] }] },
      },
    ]);
  });

  it('count a cold start once, with the first invocation', () => {
    const environment = { SERVICENOW_SECRET_ID: 'demo', ALLOWED_TABLES: '*', METRICS: 'all' };
    const { metrics } = createTelemetry(readConfig(environment));
    for (const _ of [1, 2]) {
      metrics.add('Requests');
      metrics.flush();
    }
    expect(lines().map((line) => Object.keys(line ?? {}).includes('ColdStarts'))).toEqual([true, false]);
  });

  it('are only those of alarms unless the deployment asks for all', () => {
    const metrics = metricsOf('alarms');
    for (const name of ['Requests', 'Throttles', 'CredentialRejections'] as const) metrics.add(name);
    metrics.add('LatencyMs', 12);
    metrics.flush();
    expect(lines()).toMatchObject([
      { CredentialRejections: 1, Throttles: '1', _aws: { CloudWatchMetrics: [{ Metrics: [{}] }] } },
    ]);
    expect(lines()[0]).not.toHaveProperty('LatencyMs');
  });

  it('have their old names for this release, in a line that says so', () => {
    const metrics = metricsOf('alarms');
    for (const name of ['DeferredByOutage', 'Parked'] as const) metrics.add(name);
    metrics.flush();
    const Metrics = [{ Name: 'DeferredByOutage' }, { Name: 'Parked' }];
    const deprecated = expect.stringContaining('Parked is now DeferredByOutage');
    expect(lines()).toMatchObject([
      { DeferredByOutage: 1, Parked: 1, deprecated, _aws: { CloudWatchMetrics: [{ Metrics }] } },
    ]);
    metrics.add('DeferredByOutage');
    metrics.flush();
    expect(lines()[1]).not.toHaveProperty('deprecated');
  });

  it('cost no line where the lines of the calls say it all, and a plain one where they do not', () => {
    const metrics = metricsOf('alarms');
    metrics.add('Requests');
    metrics.flush();
    expect(written).toEqual([]);
    metrics.add('Retries', 2);
    metrics.flush();
    metrics.flush();
    expect(lines()).toMatchObject([{ message: 'figures', Retries: 2 }]);
    expect(lines()[0]).not.toHaveProperty('_aws');
  });
});

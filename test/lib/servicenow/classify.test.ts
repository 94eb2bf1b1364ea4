import { describe, expect, it } from 'vitest';
import { processRedactor } from '../../../lib/core/redaction.ts';
import type { Method } from '../../../lib/servicenow/call.ts';
import { classifyAnswer } from '../../../lib/servicenow/classify/answer.ts';
import { ServiceNowError } from '../../../lib/servicenow/service-now-error.ts';
import { processorTime } from '../../processor-time.ts';

const nowMs = Date.parse('2026-03-01T12:00:00Z');
const path = '/api/now/table/incident';
const jsonType = { 'content-type': 'application/json;charset=UTF-8' };
const envelope = (message: string, detail: string | null = null) => ({
  error: { message, detail },
  status: 'failure',
});

function verdict(method: Method, status: number, body: unknown, headers: Record<string, string> = jsonType) {
  const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
  try {
    return classifyAnswer(
      { method, path, repeatable: method === 'GET' || method === 'HEAD' ? 'read' : 'never' },
      { status, headers, body: bytes },
      nowMs,
    );
  } catch (error) {
    if (error instanceof ServiceNowError) return error;
    throw error;
  }
}

describe('classifying an answer', () => {
  it.each([
    [401, 'User Not Authenticated', 'Required to provide Auth information', 'NOT_AUTHENTICATED'],
    [403, 'Operation Failed', 'Error during insert of incident (INC0010001)', 'INSERT_REFUSED'],
    [
      403,
      'Operation Failed',
      'Data Policy Exception: The following fields are mandatory: Resolution code',
      'DATA_POLICY',
    ],
    [
      403,
      'Operation Failed',
      "Operation against file 'incident' was aborted by Business Rule 'x^1'",
      'BUSINESS_RULE',
    ],
    [403, 'Operation Failed', 'ACL Exception Insert Failed due to security constraints', 'ACCESS_DENIED'],
    [403, 'User Not Authorized', 'Failed API level ACL Validation', 'ACCESS_DENIED'],
    [403, 'Access to unscoped api is not allowed', null, 'SCOPE_MISSING'],
    [
      404,
      'No Record found',
      'Record doesn’t exist or ACL restricts the record retrieval',
      'RECORD_NOT_FOUND',
    ],
    [400, 'Invalid table incidnet', null, 'INVALID_TABLE'],
    [400, 'Requested URI does not represent any resource', null, 'REQUEST_REFUSED'],
    [415, 'Unsupported Media Type', null, 'REQUEST_REFUSED'],
    [429, 'Rate limit exceeded', 'Rate limit of 100 requests per hour for Table API exceeded', 'THROTTLED'],
    [500, 'boom', null, 'INSTANCE_ERROR'],
    [502, 'x', null, 'INSTANCE_UNAVAILABLE'],
    [503, 'x', null, 'INSTANCE_UNAVAILABLE'],
    [504, 'x', null, 'INSTANCE_UNAVAILABLE'],
  ])('%i %j %j is %s', (status, message, detail, code) => {
    const body = envelope(message, detail);
    expect(verdict('POST', status, body)).toMatchObject({ code, status, body, headers: jsonType });
  });

  it('finds an error next to a partial result in a 200', () => {
    const body = {
      ...envelope('Transaction cancelled: maximum execution time exceeded'),
      result: [{ number: 'INC1' }],
    };
    expect(verdict('GET', 200, body)).toMatchObject({ code: 'TRANSACTION_CANCELLED', status: 200 });
    expect(verdict('GET', 200, { ...envelope('something else'), result: [] })).toMatchObject({
      code: 'INSTANCE_ERROR',
    });
  });

  it('does not take an empty error for one', () => {
    expect(verdict('GET', 200, { result: [], error: null })).toMatchObject({
      status: 200,
      body: { result: [] },
    });
  });

  it('knows JSON by its content type in any case, with any parameter', () => {
    for (const type of [
      'application/json',
      'Application/JSON; charset=utf-8',
      'application/problem+json',
      'application/vnd.api+json;x=1',
    ]) {
      expect(verdict('GET', 200, { result: [] }, { 'content-type': type })).toMatchObject({
        body: { result: [] },
      });
    }
    expect(verdict('GET', 200, { result: [] }, { 'content-type': 'application/jsonp' })).toBeInstanceOf(
      ServiceNowError,
    );
    expect(verdict('GET', 200, { result: [] }, {})).toBeInstanceOf(ServiceNowError);
  });

  it.each([
    [
      'a hibernating page',
      200,
      { 'content-type': 'text/html', connection: 'close' },
      '<html><title>Hibernating Instance</title><form>',
      'INSTANCE_ASLEEP',
    ],
    [
      'an unknown page of the balancer',
      200,
      { 'content-type': 'text/html' },
      '<html><h1>Your instance</h1></html>',
      'INSTANCE_ASLEEP',
    ],
    [
      'a single sign-on form',
      200,
      { 'content-type': 'text/html' },
      '<form><input name="SAMLRequest"></form>',
      'NOT_SERVICENOW',
    ],
    [
      'ServiceNow’s own login page',
      200,
      { 'content-type': 'text/html', 'x-is-logged-in': 'false' },
      '<html></html>',
      'NOT_SERVICENOW',
    ],
    ['a firewall’s page', 403, { 'content-type': 'text/html' }, '<h1>Request blocked</h1>', 'NOT_SERVICENOW'],
    [
      'a redirect',
      302,
      { location: 'https://sso.example.com/login?token=canary', 'content-type': 'text/html' },
      '',
      'NOT_SERVICENOW',
    ],
    [
      'a redirect that calls itself JSON',
      307,
      { location: 'https://sso.example.com/?x=canary', 'content-type': 'application/json' },
      '{}',
      'NOT_SERVICENOW',
    ],
    [
      'a restart',
      503,
      { 'content-type': 'text/html', 'retry-after': '30' },
      '<h1>Service Unavailable</h1>',
      'INSTANCE_UNAVAILABLE',
    ],
    ['a page with 500', 500, { 'content-type': 'text/html' }, '<h1>Error</h1>', 'INSTANCE_UNAVAILABLE'],
    [
      'a balancer’s throttle',
      429,
      { 'content-type': 'text/html', 'retry-after': '30' },
      'slow down',
      'THROTTLED',
    ],
    [
      'a proxy’s limit of sizes',
      413,
      { 'content-type': 'text/html' },
      '<center>nginx</center>',
      'REQUEST_REFUSED',
    ],
    ['an address that is too long', 414, { 'content-type': 'text/html' }, '', 'REQUEST_REFUSED'],
    ['headers that are too long', 431, { 'content-type': 'text/html' }, '', 'REQUEST_REFUSED'],
    ['a 401 of a proxy', 401, { 'content-type': 'text/html' }, 'who are you', 'NOT_SERVICENOW'],
  ])('recognizes %s', (_name, status, headers, page, code) => {
    const error = verdict('GET', status, page, headers);
    expect(error).toMatchObject({ code, status });
    expect(String(error)).not.toContain('canary');
  });

  it.each([
    ['at its first byte', 0, 'NOT_SERVICENOW'],
    ['that ends within 8 KB', 8 * 1024 - 'squid'.length, 'NOT_SERVICENOW'],
    ['that ends behind them, which is not searched', 8 * 1024 - 'squid'.length + 1, 'INSTANCE_ASLEEP'],
  ])('knows who answered by a mark in the page %s', (_where, at, code) => {
    const page = `${'.'.repeat(at)}squid`;
    expect(verdict('GET', 200, page, { 'content-type': 'text/html' })).toMatchObject({ code });
  });

  it.each([
    [403, { message: 'Forbidden' }, jsonType],
    [404, { message: 'no Route matched with those values' }, { ...jsonType, server: 'kong' }],
    [404, '', {}],
    [400, [], jsonType],
  ])(
    'takes a %i with %j as not from ServiceNow, so that it says nothing about the record',
    (status, body, headers) => {
      const foreign = { code: 'NOT_SERVICENOW', status, effect: 'none' };
      expect(verdict('DELETE', status, body, headers)).toMatchObject(foreign);
    },
  );

  it.each([
    [{ message: 'no' }, jsonType],
    ['', {}],
  ])('takes a 401 with %j as ServiceNow’s, which sends it without its own headers', (body, headers) => {
    expect(verdict('GET', 401, body, headers)).toMatchObject({
      code: 'NOT_AUTHENTICATED',
      scope: 'instance',
    });
  });

  it.each([{ 'x-transaction-id': 'abc' }, { 'x-is-logged-in': 'true' }, { server: 'snow_adc' }])(
    'takes a refusal without a body as ServiceNow’s by its headers %j',
    (headers) => {
      expect(verdict('DELETE', 404, '', headers)).toMatchObject({ code: 'RECORD_NOT_FOUND' });
      expect(verdict('GET', 405, {}, { ...jsonType, ...headers })).toMatchObject({ code: 'REQUEST_REFUSED' });
    },
  );

  it('counts every status from 400 on as a refusal, also without ServiceNow’s envelope', () => {
    const headers = { ...jsonType, 'x-is-logged-in': 'true' };
    expect(verdict('GET', 400, {}, headers)).toMatchObject({ code: 'REQUEST_REFUSED', attempts: 1 });
    expect(verdict('GET', 400, '', { 'x-is-logged-in': 'true' })).toMatchObject({ code: 'REQUEST_REFUSED' });
  });

  it.each([300, 399])('takes %i for a redirect, whatever its body claims', (status) => {
    expect(verdict('GET', status, { result: [] })).toMatchObject({ code: 'NOT_SERVICENOW', status });
  });

  it('names the host of a redirect, and none where it does not say', () => {
    const said = (headers: Record<string, string>) => String(verdict('GET', 302, '', headers));
    expect(said({ location: 'https://sso.example.com/x' })).toContain('302 redirect to sso.example.com;');
    expect(said({ location: '/login.do' })).toContain('302 redirect to another place;');
    expect(said({})).toContain('302 redirect to another place;');
  });

  it('reads Retry-After in seconds, and as a date by the instance’s clock if that is known', () => {
    expect(verdict('GET', 429, envelope('x'), { ...jsonType, 'retry-after': '17' })).toMatchObject({
      retryAfterMs: 17_000,
    });
    for (const skewMs of [0, 600_000]) {
      const date = (ms: number) => new Date(nowMs + skewMs + ms).toUTCString();
      const headers = { ...jsonType, 'retry-after': date(9_000), ...(skewMs > 0 && { date: date(0) }) };
      expect(verdict('GET', 503, envelope('x'), headers)).toMatchObject({ retryAfterMs: 9_000 });
    }
  });

  it('takes a cut-off body as a lost answer: without effect for a read, of unknown effect for a write', () => {
    expect(verdict('GET', 200, '{"result":[{"num')).toMatchObject({
      code: 'ANSWER_LOST',
      effect: 'none',
    });
    expect(verdict('POST', 201, '{"result":{"num')).toMatchObject({
      code: 'OUTCOME_UNKNOWN',
      effect: 'unknown',
    });
    expect(verdict('GET', 200, '')).toMatchObject({ code: 'ANSWER_LOST' });
  });

  it('takes 202 as an unknown effect, since its result is never reported', () => {
    expect(verdict('POST', 202, { result: {} })).toMatchObject({ code: 'OUTCOME_UNKNOWN' });
    expect(verdict('POST', 202, '')).toMatchObject({ code: 'OUTCOME_UNKNOWN' });
  });

  it('accepts writes without a body', () => {
    expect(verdict('DELETE', 204, '', {})).toMatchObject({ status: 204, body: undefined });
    expect(verdict('POST', 201, '', { location: 'x' })).toMatchObject({ status: 201, body: undefined });
  });

  it('takes a bare 500 in JSON as the instance’s, which is no outage', () => {
    expect(verdict('GET', 500, { message: 'no' })).toMatchObject({
      code: 'INSTANCE_ERROR',
      scope: 'request',
    });
  });

  it('leaves open whether a write was carried out when the server failed, and only then', () => {
    expect(verdict('POST', 500, envelope('x'))).toMatchObject({ effect: 'unknown' });
    expect(verdict('PATCH', 504, envelope('x'))).toMatchObject({ effect: 'unknown' });
    expect(verdict('POST', 403, envelope('x'))).toMatchObject({ effect: 'none' });
    expect(verdict('GET', 500, envelope('x'))).toMatchObject({ effect: 'none' });
  });

  it('summarizes a huge error text in no time, whatever it repeats', () => {
    const elapsedMs = processorTime();
    for (const piece of ["Duplicate entry '", ' ', "' for key ", 'a\n']) {
      const error = verdict(
        'POST',
        403,
        envelope('Operation Failed', piece.repeat(8_000_000 / piece.length)),
      );
      expect(String(error).length).toBeLessThan(600);
    }
    // Quadratic, these would take hours; this takes a second.
    expect(elapsedMs()).toBeLessThan(8_000);
  });

  it('leaves out the value of a duplicate entry, whatever the value itself holds', () => {
    const said = (detail: string) => String(verdict('POST', 403, envelope('Operation Failed', detail)));
    const twice = "Duplicate entry 'canary' for key 'canary' for key 'k2'";
    expect(said(`violation (${twice})`)).toContain("violation (Duplicate entry for key 'k2')");
    expect(said(`violation (${twice})`)).not.toContain('canary');
    expect(said("cut off: Duplicate entry 'canary")).not.toContain('canary');
    const first = String(verdict('POST', 403, envelope("Duplicate entry 'canary' for key 'k'")));
    expect(first).toContain("403 Duplicate entry for key 'k'");
    expect(first).not.toContain('canary');
  });

  it('shows the end of a text that is just short enough to be searched as a whole', () => {
    const text = (length: number) => `x: ${' '.repeat(length - 'x: end'.length)}end`;
    const said = (length: number) =>
      String(verdict('POST', 400, envelope('x', text(length).slice('x: '.length))));
    expect(said(64 * 1024)).toContain('x: end');
    expect(said(64 * 1024 + 1)).not.toContain('end');
  });

  it('shows no half of a secret where a huge text is cut', () => {
    const secret = 'correct horse battery staple';
    processRedactor.protect(secret);
    for (const cut of [5, 12, 20]) {
      const padding = ' '.repeat(64 * 1024 - 'x: '.length - cut);
      const error = verdict('POST', 400, envelope('x', `${padding}${secret}`));
      expect(String(error)).not.toMatch(/corre|horse|staple/);
    }
  });

  it('keeps what was sent out of its messages', () => {
    const parser = verdict(
      'POST',
      400,
      envelope('Exception while reading request', 'Unexpected token canary at 7'),
    );
    const unique = verdict(
      'POST',
      403,
      envelope('Operation Failed', "Unique Key violation: Duplicate entry 'canary' for key 'k'"),
    );
    expect(`${parser} ${unique}`).not.toContain('canary');
    const large =
      'Rejected large REST payload with content-length = 11000000 bytes. Max allowed: 10485760 bytes.';
    expect(String(verdict('POST', 400, envelope('Exception while reading request', large)))).toContain(
      'Max allowed: 10485760',
    );
  });

  it('shows neither headers nor body when an error is printed', async () => {
    const { inspect } = await import('node:util');
    const error = verdict('POST', 403, envelope('Operation Failed', 'x'), {
      ...jsonType,
      'set-cookie': 'JSESSIONID=canary',
    });
    expect(inspect(error, { depth: 9 }) + JSON.stringify(error)).not.toContain('canary');
  });
});

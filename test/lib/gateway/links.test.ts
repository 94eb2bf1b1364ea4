import { describe, expect, it } from 'vitest';
import { ourAddress, readHttpEvent } from '../../../lib/gateway/http-event.ts';
import { linkHeaderToOurs, toOurs } from '../../../lib/gateway/links.ts';
import { httpEvent, type TestRequest } from './lambda-events.ts';

function addressOf(request: Partial<TestRequest>, prefix = ''): string {
  return ourAddress(readHttpEvent(httpEvent({ url: '/', ...request })), prefix);
}

describe('our own address', () => {
  it('is the host that API Gateway routed by', () => {
    expect(addressOf({})).toBe('https://abc123.execute-api.eu-west-1.amazonaws.com');
  });

  it('has the stage in it, whether or not the path shows it', () => {
    expect(addressOf({ stage: 'dev' })).toBe('https://abc123.execute-api.eu-west-1.amazonaws.com/dev');
    expect(addressOf({ stage: 'dev' }, '/dev')).toBe(
      'https://abc123.execute-api.eu-west-1.amazonaws.com/dev',
    );
  });

  it('has the base path of a custom domain, and not its stage', () => {
    expect(addressOf({ domainName: 'api.example.com', stage: 'dev' }, '/itsm')).toBe(
      'https://api.example.com/itsm',
    );
    expect(addressOf({ domainName: 'api.example.com', stage: 'dev' })).toBe('https://api.example.com');
  });

  it('takes port and scheme of the local run', () => {
    const headers = { host: '127.0.0.1:3000', 'x-forwarded-proto': 'http' };
    expect(addressOf({ domainName: '127.0.0.1', headers })).toBe('http://127.0.0.1:3000');
  });

  it('does not believe a Host header that names another host', () => {
    expect(addressOf({ headers: { host: 'evil.example:80', 'x-forwarded-proto': 'gopher' } })).toBe(
      'https://abc123.execute-api.eu-west-1.amazonaws.com',
    );
  });
});

describe('URLs of the instance', () => {
  it('become ours, query and version included', () => {
    const location = 'https://dev1.service-now.com/api/now/v2/table/incident/abc?x=1';
    expect(toOurs(location, 'https://us/dev')).toBe('https://us/dev/api/now/v2/table/incident/abc?x=1');
  });

  it('stay as they are when they do not point to its REST API', () => {
    expect(toOurs('https://dev1.service-now.com/login.do', 'https://us')).toBe(
      'https://dev1.service-now.com/login.do',
    );
  });

  it('leave the next page alone in a Link header that clients would not take, or nothing', () => {
    const parts = (query: string) =>
      ['first', 'prev', 'next', 'last'].map((rel) => `<https://i/api/now/table/t?q=${query}>;rel="${rel}"`);
    expect(linkHeaderToOurs(parts('x'.repeat(1_900)).join(','), 'https://us')).toContain('rel="last"');
    const long = 'x'.repeat(4_000);
    expect(linkHeaderToOurs(parts(long).join(','), 'https://us')).toBe(
      `<https://us/api/now/table/t?q=${long}>;rel="next"`,
    );
    expect(linkHeaderToOurs(parts('x'.repeat(9_000)).join(','), 'https://us')).toBeUndefined();
  });

  it('become ours in every part of a Link header', () => {
    const link =
      '<https://i/api/now/table/t?sysparm_offset=0>;rel="first",<https://i/api/now/table/t?sysparm_offset=5>;rel="next"';
    expect(linkHeaderToOurs(link, 'https://us')).toBe(link.replaceAll('https://i', 'https://us'));
  });
});

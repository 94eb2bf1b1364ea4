import { describe, expect, it } from 'vitest';
import { parseInstanceUrl } from '../../../lib/servicenow/address.ts';

describe('an instance URL', () => {
  it.each([
    ['https://dev1.service-now.com', [], 'https://dev1.service-now.com'],
    ['https://DEV1.Service-Now.com/', [], 'https://dev1.service-now.com'],
    ['https://gov.servicenowservices.com', [], 'https://gov.servicenowservices.com'],
    ['https://snow.example.com', ['snow.example.com'], 'https://snow.example.com'],
    ['https://snow.example.com:8443', ['snow.example.com:8443'], 'https://snow.example.com:8443'],
    ['https://a.b.example.com', ['*.example.com'], 'https://a.b.example.com'],
    ['http://127.0.0.1:8080', ['127.0.0.1'], 'http://127.0.0.1:8080'],
    ['http://localhost:8080', ['localhost'], 'http://localhost:8080'],
    ['http://127.0.0.1:8080', ['127.0.0.1:8080'], 'http://127.0.0.1:8080'],
  ])('%s with the list %j is taken', (url, allowedHosts, origin) => {
    expect(parseInstanceUrl(url, allowedHosts).origin).toBe(origin);
  });

  it.each([
    ['http://dev1.service-now.com', 'plain http'],
    ['https://service-now.com', 'the bare domain'],
    ['https://dev1.service-now.com.evil.test', 'a look-alike'],
    ['https://evilservice-now.com', 'a look-alike without the dot'],
    ['https://dev1.service-now.com@evil.test', 'user info'],
    ['https://user:pw@dev1.service-now.com', 'user info'],
    ['https://dev1.service-now.com:8443', 'an odd port'],
    ['https://dev1.service-now.com:443@evil.test', 'user info after a port'],
    ['https://dev1.service-now.com.', 'a trailing dot'],
    ['https://dev1.service-now.com/api', 'a path'],
    ['https://dev1.service-now.com?x=.service-now.com', 'a query'],
    ['https://evil.test#.service-now.com', 'a fragment'],
    ['https://evil.test\\.service-now.com', 'a backslash'],
    ['https://10.0.0.1', 'an IPv4 address'],
    ['https://0x7f.1', 'an address in hex'],
    ['https://0251.0376.0251.0376', 'an address in octal'],
    ['https://0xa9fea9fe', 'an address as one number in hex'],
    ['https://127.1', 'a shortened address'],
    ['https://[::ffff:a9fe:a9fe]', 'an IPv4 address in IPv6'],
    ['https://localhost.', 'localhost with a dot'],
    ['https://.service-now.com', 'an empty name'],
    ['https://dev1%2eservice-now.com', 'an encoded dot'],
    ['https://dev1.service-now。com', 'a full-width dot'],
    ['https://ⓔvil.service-now.com', 'a circled letter'],
    [' https://dev1.service-now.com', 'a space before it'],
    ['https:dev1.service-now.com', 'no slashes'],
    ['https:///dev1.service-now.com', 'three slashes'],
    ['https://2130706433', 'an address as one number'],
    ['https://[::1]', 'an IPv6 address'],
    ['https://169.254.169.254', 'the metadata address'],
    ['https://ѕervice-now.com', 'a look-alike letter'],
    ['https://dev1.xn--service-now-xyz.com', 'punycode'],
    ['https://xn--service-now-xyz.com', 'punycode, though it is listed'],
    ['https://snow.example.com.', 'a trailing dot, though it is listed'],
    ['https://dev1.service-now.com\n', 'a line break'],
    ['ftp://dev1.service-now.com', 'another scheme'],
    ['http://127.0.0.1:8080', 'loopback that is not listed'],
    ['http://localhost', 'localhost that is not listed'],
    ['not a url', 'no URL'],
  ])('%j is refused: %s', (url) => {
    const refused = expect.objectContaining({ code: 'CONFIGURATION_INVALID', setting: 'secret.instanceUrl' });
    expect(() => parseInstanceUrl(url, ['xn--service-now-xyz.com', '10.0.0.1', 'snow.example.com.'])).toThrow(
      refused,
    );
  });

  it('says nothing of the value in its errors', () => {
    expect(() => parseInstanceUrl('https://user:hunter2@dev1.service-now.com', [])).toThrow(/^(?!.*hunter2)/);
  });
});

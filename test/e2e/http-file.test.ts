import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { endpoints } from './running-stack.ts';

type Request = {
  readonly title: string;
  readonly name: string | undefined;
  readonly method: string;
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly body: string;
};

/** The requests of an .http file, as editors read it: `###` begins one, a blank line its body. */
function readHttpFile(file: string): Request[] {
  const [, ...parts] = readFileSync(file, 'utf8').split(/^### /m);
  return parts.map((part) => {
    const [title = '', ...lines] = part.split('\n');
    const head = lines.filter((line) => !line.startsWith('#'));
    const blank = head.indexOf('');
    const [first = '', ...fields] = head.slice(0, blank);
    const [method = '', url = ''] = first.split(' ');
    const headers = Object.fromEntries(fields.map((field) => field.split(': ')));
    const name = /^# @name (\w+)$/m.exec(part)?.[1];
    return {
      title,
      name,
      method,
      url,
      headers,
      body: head
        .slice(blank + 1)
        .join('\n')
        .trim(),
    };
  });
}

describe('docs/api.http', () => {
  it('works from top to bottom as it stands', async () => {
    const requests = readHttpFile('docs/api.http');
    expect(requests.length).toBeGreaterThan(10);
    const sysIds = new Map<string, string>();
    for (const { title, name, method, url, headers, body } of requests) {
      const target = url
        .replace('{{api}}', endpoints.api)
        .replace(
          /\{\{(\w+)\.response\.body\.result\.sys_id\}\}/g,
          (_, from) => sysIds.get(from) ?? 'unknown',
        );
      const response = await fetch(target, { method, headers, ...(body !== '' && { body }) });
      const text = await response.text();
      expect(response.ok, `${title}: ${response.status} ${text}`).toBe(true);
      if (name) sysIds.set(name, JSON.parse(text).result.sys_id);
    }
  });
});

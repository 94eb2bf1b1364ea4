import { expect, it } from 'vitest';
import {
  correlationIdFrom,
  currentLogFields,
  type LogFields,
  logWith,
  withLogFields,
} from '../../../lib/core/log.ts';

it('puts the fixed fields into every line, and lets those of the line win', () => {
  const lines: unknown[] = [];
  const write = (level: string) => (event: string, fields?: LogFields) =>
    void lines.push([level, event, fields]);
  const log = logWith(
    { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') },
    { stage: 'dev', status: 1 },
  );
  log.debug('a');
  log.info('b', { status: 2 });
  log.warn('c');
  log.error('d');
  expect(lines).toEqual([
    ['debug', 'a', { stage: 'dev', status: 1 }],
    ['info', 'b', { stage: 'dev', status: 2 }],
    ['warn', 'c', { stage: 'dev', status: 1 }],
    ['error', 'd', { stage: 'dev', status: 1 }],
  ]);
});

it('gives work its fields for as long as it runs, and other work none of them', async () => {
  const fields = await withLogFields({ requestId: 'r1' }, async () => {
    await new Promise((resolve) => setImmediate(resolve));
    return currentLogFields();
  });
  expect(fields).toEqual({ requestId: 'r1' });
  expect(currentLogFields()).toEqual({});
});

it.each(['a', 'req-1:2@x/y+z=', 'a'.repeat(128)])('keeps the plain correlation id %s', (given) => {
  expect(correlationIdFrom(given)).toBe(given);
});

it.each([undefined, '', 'a b', 'a\nb', '"', 'a'.repeat(129)])('replaces the correlation id %j', (given) => {
  expect(correlationIdFrom(given)).toMatch(/^[0-9a-f-]{36}$/);
});

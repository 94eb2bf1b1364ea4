import { beforeEach, describe, expect, it } from 'vitest';
import { startWorld, type World } from '../world.ts';

let world: World;

beforeEach(async () => {
  world = await startWorld({ demoData: false });
  return () => world.close();
});

/** Imports a file and gives what it rejected. */
async function rejected(name: string, body: string | Uint8Array, settings: object = {}): Promise<string> {
  await world.settings('imp_load', settings);
  const summary = await world.run(await world.drop(`imports/imp_load/${name}`, body));
  return world.read(summary.results['rejected'] ?? '');
}

const codes = () => world.rows('imp_load').map((row) => row['u_code']);

describe('a file of rejected lines that is dropped again', () => {
  it('carries the new line and reason, not those of the first time', async () => {
    const first = await rejected('a.csv', 'u_code,u_text\nx,1\n,"say ""no"", 2"\ny,3\nz\n');
    expect(first.split('\r\n')).toEqual([
      '_line,_reason,u_code,u_text',
      expect.stringMatching(/^3,"skipped: .*",,"say ""no"", 2"$/),
      '5,"1 fields where the header has 2 (set acceptShortRows if only its last ones are missing)",z',
      '',
    ]);
    const second = await rejected('a-again.csv', first.replace(',z', ',again-z,4,5'));
    expect(second.split('\r\n')).toEqual([
      '_line,_reason,u_code,u_text',
      expect.stringMatching(/^2,"skipped: [^"]*",,"say ""no"", 2"$/),
      '3,"5 fields where the header has 4",again-z,4,5',
      '',
    ]);
    expect(await rejected('a-third.csv', second.replace(',4,5', ',4'))).not.toContain('again-z');
    expect(codes()).toContain('again-z');
  });

  it.each([
    ['utf-16le', (text: string) => Buffer.from(text, 'utf16le')],
    ['windows-1252', (text: string) => Buffer.from(text, 'latin1')],
    ['utf-8', (text: string) => Buffer.from(text)],
  ])('may be JSON Lines in %s, umlauts in rows and reasons included', async (encoding, encode) => {
    const text = `{"u_code":"ö-${encoding}","nö":"ä"}\n`;
    const key = `b-${encoding}`;
    await world.settings('imp_load', { encoding });
    const summary = await world.run(await world.drop(`imports/imp_load/${key}.jsonl`, encode(text)));
    const stored = await world.bytes(summary.results['rejected'] ?? '');
    const repaired = Buffer.from(stored.toString('latin1').replace(/,"n[^:]*:"[^"]*"/, ''), 'latin1');
    await world.run(await world.drop(`imports/imp_load/${key}-again.jsonl`, repaired));
    expect(codes()).toContain(`ö-${encoding}`);
    expect(stored.toString('latin1')).toContain('"_reason":"n\\u00f6: no such column');
  });

  it('has one remark in JSON Lines, too', async () => {
    const first = await rejected('c.jsonl', '{"u_code":"","u_text":"x"}\n');
    const second = await rejected('c-again.jsonl', `\n${first}`);
    expect(second).toMatch(/^\{"_line":"2","_reason":"skipped: [^"]*","u_code":"","u_text":"x"\}\n$/);
  });

  it('is read as tab-separated again, by its name, where it has one column', async () => {
    const body = 'u_code\na,b\n"x\nc,d\n';
    await world.settings('imp_load', {});
    const summary = await world.run(await world.drop('imports/imp_load/d.tsv', body));
    const key = summary.results['rejected'] ?? '';
    expect(key).toMatch(/\/rejected\.tsv$/);
    const repaired = (await world.read(key)).replaceAll('"x', 'x');
    await world.run(await world.drop('imports/imp_load/d-again.tsv', repaired));
    expect(codes().some((code) => code?.includes(','))).toBe(true);
  });
});

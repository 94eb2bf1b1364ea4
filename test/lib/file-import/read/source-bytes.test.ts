import fc from 'fast-check';
import { expect, it } from 'vitest';
import { openRows } from '../../../../lib/file-import/encode/chunk-reader.ts';
import type { ImportPlan } from '../../../../lib/file-import/plan/import-plan.ts';
import { defaultSettings } from '../../../../lib/file-import/plan/settings.ts';
import { importRequest } from '../import-request.ts';

const seed = Number(process.env['SEED'] ?? 20_261_124);
const request = importRequest();

function planOf(name: string, format: 'csv' | 'jsonl'): ImportPlan {
  const encoding = { name, bomBytes: 0, way: 'transcode' } as const;
  const start = { byte: 0, line: 1 };
  return {
    request,
    startedAt: request.droppedAt,
    folder: 'results/',
    settings: defaultSettings,
    content: { format, gzip: false, encoding, delimiter: ',', start, headerBytes: '' },
    row: {
      header: [format === 'csv' ? 'code' : 'a'],
      targets: [{ column: 'a', jsonKey: 'a' }],
      constants: [],
      emptyAsAbsent: false,
    },
  };
}

/** The rejected lines of a UTF-16 file that comes in pieces, read on from behind its first chunk. */
async function reasons(bytes: Uint8Array, plan: ImportPlan, pieceSize: number): Promise<string[]> {
  async function* object(fromByte: number) {
    for (let at = fromByte; at < bytes.length; at += pieceSize) yield bytes.slice(at, at + pieceSize);
  }
  const limits = { rows: 1, bytes: 5_000_000, rejectedBytes: 1_000_000 };
  const first = openRows(plan, object, { byte: 0, line: 1 }, limits);
  const chunk = await first.next();
  const rest = openRows(plan, object, chunk?.next ?? { byte: 0, line: 1 }, limits);
  while (!rest.ended) await rest.next();
  return rest.takeRejected().map(({ line, reason }) => `${line}: ${reason}`);
}

function utf16(text: string, name: string): Buffer {
  const bytes = Buffer.from(text, 'utf16le');
  return name === 'utf-16le' ? bytes : bytes.swap16();
}

const word = fc.string({
  unit: fc.constantFrom('a', 'é', '€', '\u{1F600}', '\u{10000}'),
  minLength: 1,
  maxLength: 8,
});

it.each([
  ['csv', 'utf-16le'],
  ['csv', 'utf-16be'],
  ['jsonl', 'utf-16le'],
] as const)('names the byte of the file, not of what was made of it: %s in %s', async (format, name) => {
  const row = (text: string) => (format === 'csv' ? text : `{"a":"${text}"}`);
  await fc.assert(
    fc.asyncProperty(
      fc.array(word, { minLength: 1, maxLength: 6 }),
      word,
      fc.array(word, { maxLength: 6 }),
      fc.integer({ min: 1, max: 30 }),
      async (before, broken, after, pieceSize) => {
        const text = [...before.map(row), row(`${broken}!`), ...after.map(row)].join('\n');
        const bytes = utf16(text, name);
        const at = bytes.indexOf(utf16('!', name));
        bytes.set(utf16('\uDC00', name), at);
        const found = await reasons(bytes, planOf(name, format), pieceSize);
        expect(found).toEqual([`${before.length + 1}: not valid ${name} at byte ${at}`]);
      },
    ),
    { seed, numRuns: 100 },
  );
});

it('names the half character that a UTF-16 file ends with', async () => {
  const bytes = Buffer.concat([utf16('a\né\n€x', 'utf-16le'), Buffer.from([0x41])]);
  const found = await reasons(bytes, planOf('utf-16le', 'csv'), 3);
  expect(found).toEqual([`3: not valid utf-16le at byte ${bytes.length - 1}`]);
});

it('names the line alone where an encoding has to be made UTF-8 and its characters cannot be counted', async () => {
  const bytes = Buffer.from([0x61, 0x0a, 0x1b, 0x24, 0x42, 0xff, 0x1b, 0x28, 0x42, 0x0a, 0x62]);
  const found = await reasons(bytes, planOf('iso-2022-jp', 'csv'), 4);
  expect(found).toEqual(['2: not valid iso-2022-jp']);
});

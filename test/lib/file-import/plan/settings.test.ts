import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { parseSettings } from '../../../../lib/file-import/plan/settings.ts';

function messageOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return String(error);
  }
  return '';
}

describe('_import.json', () => {
  it('reads the old name of a setting for one release, with a warning', () => {
    const settings = parseSettings('{"settleAfterSeconds":7}');
    expect(settings).toMatchObject({
      inDoubtSeconds: 7,
      warnings: [expect.stringMatching(/now called inDoubtSeconds/)],
    });
    expect(settings).not.toHaveProperty('settleAfterSeconds');
    expect(parseSettings('{"inDoubtSeconds":7}')).not.toHaveProperty('warnings');
    expect(messageOf(() => parseSettings('{"settleAfterSeconds":7,"inDoubtSeconds":8}'))).toMatch(
      /old name of inDoubtSeconds/,
    );
    expect(messageOf(() => parseSettings('{"settleAfterSeconds":-1}'))).toMatch(
      /inDoubtSeconds: must be at least 0/,
    );
  });

  it.each([
    ['{"rowsPerRequest":"many"}', 'rowsPerRequest: must be a number'],
    ['{"rowsPerRequest":1.5}', 'rowsPerRequest: must be a whole number'],
    ['{"rowsPerRequest":0}', 'rowsPerRequest: must be at least 1'],
    ['{"concurrency":17}', 'concurrency: must be at most 16'],
    ['{"maxErrorPercent":101}', 'maxErrorPercent: must be at most 100'],
    ['{"ordered":"yes"}', 'ordered: must be true or false'],
    ['{"mode":"row"}', 'mode: must be one of insertMultiple, rows'],
    ['{"columns":["a"]}', 'columns: must be an object'],
    ['{"columns":{"A":""}}', 'columns.A: must not be empty'],
    ['{"constants":{"u_a":5}}', 'constants.u_a: must be text'],
    ['{"ignoredColumns":"a"}', 'ignoredColumns: must be a list'],
    ['{"encoding":"utf9"}', 'encoding: is not a known encoding'],
    ['{"delimiter":";;"}', 'delimiter: must be one ASCII character and no quote'],
    ['{"resultsPrefix":"elsewhere/"}', 'resultsPrefix: must be results/ or a folder in it'],
    ['{"resultsPrefix":"results/../x/"}', 'resultsPrefix: must be results/ or a folder in it'],
    [
      '{"dateColumns":{"D":{"fromat":"iso"}}}',
      'dateColumns.D: unknown setting fromat; there are: format, zone',
    ],
    ['{"dateColumns":{"D":{"format":"HH:mm"}}}', 'dateColumns.D.format: names no year'],
    [
      '{"dateColumns":{"D":{"format":"iso","zone":"Berlin"}}}',
      'dateColumns.D.zone: is not an IANA time zone',
    ],
    ['[]', 'must be an object'],
    ['', 'is empty; delete it, or write {}'],
    [Buffer.from('\uFEFF{"maxErrors":5}', 'utf16le').toString('utf8'), 'is not UTF-8; save it as UTF-8'],
    [Buffer.from('{"maxErrors":5}', 'utf16le').toString('utf8'), 'is not UTF-8; save it as UTF-8'],
    ['{', 'is not JSON'],
  ])('says in words what is wrong with %s', (json, message) => {
    expect(() => parseSettings(json)).toThrow(`_import.json${json.startsWith('{"') ? '.' : ': '}${message}`);
  });

  it('lists what there is when a name is misspelt', () => {
    expect(() => parseSettings('{"rowsPerReqest":5}')).toThrow(
      /unknown setting rowsPerReqest; there are: .*rowsPerRequest/,
    );
  });

  it('is explained in docs/imports.md, every setting of it', async () => {
    const page = await readFile('docs/imports.md', 'utf8');
    const settings = /there are: (.*)/.exec(messageOf(() => parseSettings('{"nope":1}')))?.[1]?.split(', ');
    expect(settings?.length).toBeGreaterThan(20);
    expect(settings?.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
  });

  it('must be UTF-8, also where another encoding shows in a name only', () => {
    const latin = Buffer.from('{"columns":{"Größe":"size"}}', 'latin1').toString('utf8');
    expect(() => parseSettings(latin)).toThrow('_import.json: is not UTF-8');
  });

  it('may begin with a byte order mark', () => {
    expect(parseSettings('\uFEFF{"ordered":true}').ordered).toBe(true);
  });
});

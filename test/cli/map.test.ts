import { describe, expect, it } from 'vitest';
import { readSequences } from '../../cli/map/sequences.ts';
import { loadMappings } from '../../lib/events/load-mappings.ts';

const mappings = await loadMappings();

describe('the shipped mappings', () => {
  for (const { file, name, run } of readSequences('mappings', mappings)) it(`${file}: ${name}`, run);

  it('have a test each', () => {
    const tested = new Set(readSequences('mappings', mappings).map(({ file }) => file.replace('.test', '')));
    expect(mappings.mappings.map(({ file }) => file).filter((file) => !tested.has(file))).toEqual([]);
  });
});

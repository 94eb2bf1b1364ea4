import { expect, it } from 'vitest';
import { endsGroup } from '../../../../lib/file-import/load/send-group.ts';

/** Rows of a group of a long file. */
function rowsOfGroup(mode: 'rows' | 'insertMultiple'): number {
  let chunks = 0;
  while (!endsGroup({ mode }, 9, chunks, chunks * 200)) chunks++;
  return chunks * 200;
}

it('makes groups small in rows mode, where the ledger with a verdict for each row is stored before each batch', () => {
  expect(rowsOfGroup('rows')).toBe(4_000);
  expect(rowsOfGroup('insertMultiple')).toBe(80_000);
});

import * as z from 'zod/mini';

const namesOf = (columns: unknown): readonly string[] =>
  typeof columns === 'object' && columns !== null ? Object.keys(columns) : [];

/**
 * Refuses an object with a name that no column can have. Two are told here because the schemas of objects do not: they leave
 * out `__proto__` without a word, which would turn a filter by it into no filter at all.
 */
export const columnNames = z.unknown().check(
  z.refine((columns) => !namesOf(columns).includes(''), 'a column name is empty'),
  z.refine((columns) => !namesOf(columns).includes('__proto__'), '__proto__ is no name of a column'),
);

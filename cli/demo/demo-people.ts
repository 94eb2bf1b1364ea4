const ROWS = 1_000;
const HEADER = 'user_id,first_name,last_name,email,department';
const FIRST = ['Ada', 'Bo', 'Chidi', 'Dana', 'Émile', 'Fatima', 'Goran', 'Hana', 'Iñigo', 'Jun'];
const LAST = ['Abara', 'Berg', 'Castillo', 'Dvořák', 'Eriksen', 'Fofana', 'Grün', 'Haddad', 'Ito', 'Jansen'];

/** Index → a row that is wrong in its own way. */
const BAD: Readonly<Record<number, (row: string) => string>> = {
  /** Ragged: a column is missing. */
  100: (row) => row.slice(0, row.lastIndexOf(',')),
  /** Longer than the column. */
  500: (row) => row.replace('@', `${'x'.repeat(120)}@`),
  /** A reference that the transform map rejects. */
  900: (row) => `${row}Department of Nothing`,
};

/** What must come of the file. Line 1 is the header. */
export const EXPECTED = {
  counts: {
    inserted: ROWS - 3,
    updated: 0,
    ignored: 0,
    skipped: 0,
    error: 1,
    rejected: 2,
    unknown: 0,
    notSent: 0,
  },
  badLines: [102, 502, 902],
};

/** A CSV of people, each of whom is new to the instance. */
export function demoPeople(): { readonly file: string; readonly rows: number } {
  const lines = Array.from({ length: ROWS }, (_, n) => (BAD[n] ?? ((row) => row))(person(n)));
  return { file: `${[HEADER, ...lines].join('\n')}\n`, rows: ROWS };
}

function person(n: number): string {
  const first = FIRST[n % FIRST.length];
  const last = LAST[Math.floor(n / FIRST.length) % LAST.length];
  return `demo.${n},${first},${last},demo.${n}@example.com,`;
}

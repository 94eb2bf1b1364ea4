import type { Route } from '../../http/router.ts';
import { getResult } from './get-result.ts';
import { insertMultiple } from './insert-multiple.ts';
import { insertRow } from './insert-row.ts';

/** The Import Set API. */
export const importRoutes: readonly Route[] = [
  { path: 'import/:stagingTable', methods: { POST: insertRow } },
  { path: 'import/:stagingTable/insertMultiple', methods: { POST: insertMultiple } },
  { path: 'import/:stagingTable/:sysId', methods: { GET: getResult } },
];

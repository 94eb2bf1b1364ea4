import { negotiated } from '../../http/media-types.ts';
import type { Route } from '../../http/router.ts';
import { getResult } from './get-result.ts';
import { insertMultiple } from './insert-multiple.ts';
import { insertRow } from './insert-row.ts';

/** The Import Set API. */
export const importRoutes: readonly Route[] = [
  { path: 'import/:stagingTable', methods: { POST: negotiated(insertRow) } },
  { path: 'import/:stagingTable/insertMultiple', methods: { POST: negotiated(insertMultiple, 'json') } },
  { path: 'import/:stagingTable/:sysId', methods: { GET: negotiated(getResult) } },
];

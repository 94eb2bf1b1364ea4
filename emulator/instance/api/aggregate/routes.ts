import { negotiated } from '../../http/media-types.ts';
import type { Route } from '../../http/router.ts';
import { getStats } from './get-stats.ts';

export const aggregateRoutes: readonly Route[] = [
  { path: 'stats/:table', methods: { GET: negotiated(getStats) } },
];

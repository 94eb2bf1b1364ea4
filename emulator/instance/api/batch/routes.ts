import { negotiated } from '../../http/media-types.ts';
import type { Route } from '../../http/router.ts';
import { runBatch } from './run-batch.ts';

export const batchRoutes: readonly Route[] = [
  { path: 'batch', methods: { POST: negotiated(runBatch, 'json') } },
];

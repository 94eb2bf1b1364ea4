import type { Route } from '../http/router.ts';
import { aggregateRoutes } from './aggregate/routes.ts';
import { attachmentRoutes } from './attachment/routes.ts';
import { batchRoutes } from './batch/routes.ts';
import { importRoutes } from './import/routes.ts';
import { tableRoutes } from './table/routes.ts';

/** Every action under `/api/now`. */
export const routes: readonly Route[] = [
  tableRoutes,
  aggregateRoutes,
  importRoutes,
  attachmentRoutes,
  batchRoutes,
].flat();

import type { Apis } from '../http/router.ts';
import { aggregateRoutes } from './aggregate/routes.ts';
import { importRoutes } from './import/routes.ts';
import { tableRoutes } from './table/routes.ts';

/** Every action under `/api`; the name spaces other than `now` begin with `@`. */
export const apis: Apis = {
  table: () => tableRoutes,
  stats: () => aggregateRoutes,
  import: () => importRoutes,
  // Loaded when they are first asked for, as few runs of the instance are.
  attachment: async () => (await import('./attachment/routes.ts')).attachmentRoutes,
  batch: async () => (await import('./batch/routes.ts')).batchRoutes,
  cmdb: async () => (await import('./cmdb.ts')).cmdbRoutes,
  tinyurl: async () => (await import('./tiny-url.ts')).tinyUrlRoutes,
  '@sn_sc': async () => (await import('./service-catalog.ts')).serviceCatalogRoutes,
  '@global': async () => (await import('./events.ts')).eventRoutes,
};

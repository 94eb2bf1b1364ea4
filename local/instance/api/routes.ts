import type { Route } from '../http/router.ts';
import { tableRoutes } from './table/routes.ts';

/** Every action under `/api/now`. */
export const routes: readonly Route[] = [...tableRoutes];

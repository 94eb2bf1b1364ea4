import * as z from 'zod/mini';
import { InvalidInputError } from '../core/errors.ts';
import type { Operation } from './define-operation.ts';

/**
 * Takes a POST that stands for another method (`X-HTTP-Method-Override`) on the paths where a POST means nothing by itself. The
 * gateway carries out the operation of that method instead, where the deployment allows it.
 */
export const postMethodOverride: Operation = {
  name: 'postMethodOverride',
  routes: [
    '/table/{tableName}/{sysId}',
    '/stats/{tableName}',
    '/import/{tableName}/{sysId}',
    '/attachment',
    '/attachment/{sysId}',
    '/attachment/{sysId}/file',
    '/cmdb/instance/{tableName}/{sysId}',
    '/cmdb/instance/{tableName}/{sysId}/relation/{relationSysId}',
  ].map((path) => ({ method: 'POST', path })),
  isKeyed: true,
  parameterNames: [],
  schema: z.object({}),
  prepare() {
    throw new InvalidInputError(
      'x-http-method-override',
      'required; this path takes a POST only in place of another method',
    );
  },
};

import * as z from 'zod/mini';
import { InvalidInputError } from '../core/errors.ts';
import { tinyUrlRequest } from '../servicenow/requests.ts';
import { defineOperation } from './define-operation.ts';
import { apiVersion } from './parameters.ts';
import { pathNotAllowed } from './table-access.ts';

/**
 * Keeps a long query under a short name: answers 201 with `<table>_list.do?sysparm_tiny=<id>`, and any list takes
 * `sysparm_tiny=<id>` in place of the query. What a short name stands for cannot be seen when it is used, so that it is served
 * only where callers may read every table.
 */
export const postTinyUrl = defineOperation({
  name: 'postTinyUrl',
  routes: [{ method: 'POST', path: '/tinyurl' }],
  body: 'parameters',
  schema: z.object({ apiVersion, url: z.string('required; the URL with the long query') }),
  request: ({ url }) => tinyUrlRequest(pathOf(url)),
  async send(request, _parameters, { client, context, access }) {
    if (access.isBounded)
      throw pathNotAllowed('url', 'hides what it reads; send the query itself, allow all tables');
    return client.send(request, context);
  },
});

/** Path and query: the host in it is ours, which the instance does not know. */
function pathOf(url: string): string {
  const { pathname, search } = URL.parse(url, 'https://instance') ?? { pathname: '', search: '' };
  const path = /\/api\/now\/.*$/.exec(pathname)?.[0];
  if (path === undefined) throw new InvalidInputError('url', 'must lead to /api/now/…');
  return `${path}${search}`;
}

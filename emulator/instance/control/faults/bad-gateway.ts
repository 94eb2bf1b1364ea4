import { defineFault } from '../fault.ts';
import { htmlPage } from './html-page.ts';

/** 502 with HTML: the balancer got no sense out of the node. */
export const badGateway = defineFault(
  'bad-gateway',
  (z) => z.strictObject({}),
  () => ({
    edge: () => htmlPage(502, '502 Bad Gateway', 'The server returned an invalid or incomplete response.'),
  }),
);

import { defineFault } from '../fault.ts';
import { htmlPage } from './html-page.ts';

/** The 200 with HTML that a sleeping developer instance gives on every URL, `/oauth_token.do` included. */
export const hibernate = defineFault(
  'hibernate',
  (z) => z.strictObject({}),
  () => ({
    edge: () =>
      htmlPage(
        200,
        'Instance Hibernating page',
        'Your instance is hibernating. Sign in to the developer site to wake it.',
      ),
  }),
);

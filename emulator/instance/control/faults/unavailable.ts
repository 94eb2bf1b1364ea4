import { defineFault } from '../fault.ts';
import { htmlPage } from './html-page.ts';

/** `{ retryAfterS? }`: 503 with HTML, as during a restart or an upgrade. */
export const unavailable = defineFault(
  'unavailable',
  (z) => z.strictObject({ retryAfterS: z.number().int().nonnegative().optional() }),
  (fault) => ({
    edge() {
      const page = htmlPage(503, '503 Service Unavailable', 'The instance is restarting.');
      if (fault.retryAfterS === undefined) return page;
      return { ...page, headers: { ...page.headers, 'Retry-After': String(fault.retryAfterS) } };
    },
  }),
);

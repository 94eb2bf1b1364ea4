import type { Zod } from '../../lazy-schema.ts';
import { defineFault } from '../fault.ts';

const parameters = (z: Zod) =>
  z.strictObject({
    location: z.string().default('/login_redirect.do?sysparm_stack=no'),
    status: z.number().int().min(300).max(399).default(302),
  });

/** `{ location?, status? }`: sent elsewhere, as by single sign-on in front of the instance. */
export const redirect = defineFault('redirect', parameters, (fault) => ({
  edge: () => ({
    status: fault.status,
    bare: true,
    headers: { Location: fault.location, Connection: 'close' },
  }),
}));

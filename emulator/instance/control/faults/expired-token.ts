import { defineFault } from '../fault.ts';

/** The bearer token of the request dies before it is looked at: the 401 follows by itself. Basic calls pass. */
export const expiredToken = defineFault(
  'expired-token',
  (z) => z.strictObject({}),
  () => ({
    edge(scene) {
      const [scheme, token] = (scene.headers.authorization ?? '').split(' ');
      if (scheme?.toLowerCase() === 'bearer' && token) scene.revokeToken(token);
      return undefined;
    },
  }),
);

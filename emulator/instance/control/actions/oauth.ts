import { lazySchema } from '../../lazy-schema.ts';
import type { ControlAction } from '../action.ts';

const jwk = lazySchema((z) => z.looseObject({ kty: z.string() }));

const client = lazySchema((z) =>
  z.strictObject({
    clientId: z.string(),
    clientSecret: z.string(),
    applicationUser: z.string().exactOptional(),
    redirectUris: z.array(z.string()).exactOptional(),
    accessTokenLifeS: z.number().positive().exactOptional(),
    refreshTokenLifeS: z.number().positive().exactOptional(),
    jwt: z.strictObject({ key: jwk(), userColumn: z.string().exactOptional() }).exactOptional(),
  }),
);

/** `POST /__emulator/oauth-clients`: an application, new or replaced. */
export const oauthClientAction: ControlAction = ({ body }, { auth }) => {
  auth.clients.add(client().parse(body));
  return {};
};

const revokeTokens: ControlAction = (_, { auth }) => {
  auth.tokens.revokeAll();
  return {};
};

export const tokenActions = { 'DELETE tokens': revokeTokens };

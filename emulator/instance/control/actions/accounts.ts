import { addAccount } from '../../auth/add-account.ts';
import { lazySchema } from '../../lazy-schema.ts';
import { isTimeZone } from '../../time/zone.ts';
import type { ControlAction } from '../action.ts';

const account = lazySchema((z) =>
  z.strictObject({
    userName: z.string(),
    password: z.string(),
    roles: z.array(z.string()).exactOptional(),
    timeZone: z.string().refine(isTimeZone, 'no time zone that there is').exactOptional(),
    apiKeys: z.array(z.string()).exactOptional(),
    mfaToken: z.string().exactOptional(),
    certificateCommonName: z.string().exactOptional(),
  }),
);

/** `POST /__emulator/accounts`: somebody new, or new credentials for somebody known. */
export const accountAction: ControlAction = ({ body }, { auth }) => {
  const given = account().parse(body);
  addAccount(auth, given);
  return {};
};

import type { ControlAction } from '../router.ts';

/** `POST /__emulator/reset` */
export const resetAction: ControlAction = (_, control) => {
  control.reset();
  return {};
};

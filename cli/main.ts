import { runProgram } from './command-line.ts';
import { explainError } from './explain-error.ts';
import { commandLine, program } from './program.ts';

// Set and empty is not set, and the AWS CLI reads the second variable, which the SDK does not.
for (const name of ['AWS_REGION', 'AWS_DEFAULT_REGION']) if (!process.env[name]) delete process.env[name];
const { AWS_REGION, AWS_DEFAULT_REGION } = process.env;
if (!AWS_REGION && AWS_DEFAULT_REGION) process.env['AWS_REGION'] = AWS_DEFAULT_REGION;
// The built program is tested on the Node that it says it runs on.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true';

// What reads the output may have gone (`… | head`): the exit code is then that of a process that SIGPIPE ended.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(141);
  process.stderr.write(`standard output: ${explainError(error)}\n`);
  process.exit(1);
});
process.stderr.on('error', () => process.exit(1));

await runProgram(program, commandLine());

import { runProgram } from './command-line.ts';
import { commandLine, program } from './program.ts';

// The AWS CLI reads this variable, the SDK does not.
const { AWS_REGION, AWS_DEFAULT_REGION } = process.env;
if (!AWS_REGION && AWS_DEFAULT_REGION) process.env['AWS_REGION'] = AWS_DEFAULT_REGION;
// The built program is tested on the Node that it says it runs on.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true';

// What reads the output may have gone (`… | head`): the exit code is then that of a process that SIGPIPE ended.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(141);
});

await runProgram(program, commandLine());

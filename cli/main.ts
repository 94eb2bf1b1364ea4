import { runProgram } from './command-line.ts';
import { program } from './program.ts';

// The AWS CLI reads this variable, the SDK does not.
const { AWS_REGION, AWS_DEFAULT_REGION } = process.env;
if (!AWS_REGION && AWS_DEFAULT_REGION) process.env['AWS_REGION'] = AWS_DEFAULT_REGION;
// The built program is tested on the Node that it says it runs on.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] = 'true';

await runProgram(program);

import { runProgram } from './command-line.ts';
import { program } from './program.ts';

// The AWS CLI reads this variable, the SDK does not.
const { AWS_REGION, AWS_DEFAULT_REGION } = process.env;
if (!AWS_REGION && AWS_DEFAULT_REGION) process.env['AWS_REGION'] = AWS_DEFAULT_REGION;

await runProgram(program);

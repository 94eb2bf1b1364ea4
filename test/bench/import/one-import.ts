import { deadlineAt } from '../../../lib/core/clock.ts';
import { silentLog } from '../../../lib/core/log.ts';
import { importActivities } from '../../../lib/file-import/activities.ts';
import { favourSpeed } from '../../../lib/file-import/execution.ts';
import type { ImportInput } from '../../../lib/file-import/import-input.ts';
import type { ImportSummary } from '../../../lib/file-import/report/summary.ts';
import type { ImportRequest } from '../../../lib/file-import/schedule/import-request.ts';
import { runImport } from '../../../lib/file-import/workflow.ts';
import type { ServiceNowClient } from '../../../lib/servicenow/call.ts';
import { createClient } from '../../../lib/servicenow/client.ts';
import { memoryDurable } from '../../lib/file-import/memory-durable.ts';
import { jumpingClock } from '../../lib/file-import/world.ts';
import type { Outside } from './outside.ts';
import type { Measured } from './processes.ts';
import { connectS3 } from './upload.ts';

favourSpeed();
/** A process of its own that runs one import and reports its time and memory. */
const [outsideJson = '', requestJson = ''] = process.argv.slice(2);
const outside: Outside = JSON.parse(outsideJson);
const request: ImportRequest = JSON.parse(requestJson);
const s3 = connectS3(outside);

const { url: instanceUrl, username, password } = outside.instance;
const secret = JSON.stringify({ instanceUrl, auth: { type: 'basic', username, password } });
// The secret is at hand at once, as from the function's own cache.
const client = createClient({ readSecret: () => secret, allowedHosts: ['127.0.0.1'] });

/** Counts the calls that are not for verdicts. */
const counted = { calls: 0 };
const counting: ServiceNowClient = {
  send(call, context) {
    const isForVerdicts = /^\/api\/now\/(stats|table)\/(imp_load|sys_import_set_run)$/.test(call.path);
    if (!isForVerdicts) counted.calls++;
    return client.send(call, context);
  },
  close: () => client.close(),
};

const clock = jumpingClock();
const scope = {
  s3,
  clientFor: () => counting,
  clock,
  log: silentLog,
  deadline: deadlineAt(clock.now() + 36_000_000, clock),
  correlationId: 'bench',
};
const timed = { loadingMs: 0 };
const startMs = performance.now();
const answer = await runChained();
const seconds = (performance.now() - startMs) / 1000;
if (answer.status !== 'completed') throw new Error(JSON.stringify(answer));
const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
const measured: Measured = {
  seconds,
  cpuSeconds: (userCPUTime + systemCPUTime) / 1e6,
  loadingSeconds: timed.loadingMs / 1000,
  maxRssMegabytes: maxRSS / 1024,
  rows: answer.lines.rows,
  requestsBeforeVerdicts: counted.calls,
  executions: answer.executions,
};
process.send?.(measured);
await client.close();
s3.destroy();
process.disconnect?.();

/** All executions of the import, each with activities and a memory of its own, as if in an invocation of its own. */
async function runChained(): Promise<ImportSummary> {
  let input: ImportInput = { request };
  for (;;) {
    let next: ImportInput | undefined;
    const activities = importActivities({
      scope,
      // The only import always holds the lease.
      schedule: { renew: async () => true, leave: async () => undefined },
      startExecution: async (_name, resume) => {
        next = JSON.parse(JSON.stringify(resume));
      },
    });
    const advance: typeof activities.advance = async (requested, state, continuesHere) => {
      const fromMs = performance.now();
      const progress = await activities.advance(requested, state, continuesHere);
      if (state.phase === 'loading') timed.loadingMs += performance.now() - fromMs;
      return progress;
    };
    const answer = await runImport(memoryDurable(new Map(), clock), { ...activities, advance }, input);
    if (!('continuedBy' in answer)) return answer;
    if (!next) throw new Error(`${answer.continuedBy} was never started`);
    input = next;
  }
}

import { RecordRefused } from '../store/refusals.ts';
import type { Answer } from './exchange.ts';
import { Failure } from './failure.ts';

/** Runs the work; what it throws becomes the answer that an instance would give. */
export async function answerOf(run: () => Answer | Promise<Answer>): Promise<Answer> {
  try {
    return await run();
  } catch (cause) {
    if (cause instanceof Failure) return cause.toAnswer();
    if (cause instanceof RecordRefused) return new Failure(403, 'Operation Failed', cause.message).toAnswer();
    // A fault of the emulator itself: the caller gets what an instance says of its own, whoever runs it the trace.
    console.error(cause);
    return new Failure(
      500,
      cause instanceof Error ? cause.message : String(cause),
      'Check logs for error trace or enable glide.rest.debug property to verify REST request processing',
    ).toAnswer();
  }
}

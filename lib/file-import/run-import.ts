import { type Durable, growingWait } from './durable.ts';
import type { ImportInput, ImportState } from './import-state.ts';
import type { ImportSteps } from './import-steps.ts';
import type { ImportSummary } from './report/summary.ts';

/** Operations that are kept for the end of an execution. */
const reservedOperations = 6;

/** What an execution answers; a chained one goes on elsewhere. */
export type ImportAnswer = ImportSummary | { readonly continuedBy: string };

/**
 * One import from its turn to its summary. Everything that touches the world is an operation of the durable engine,
 * so that it can stop at any point and go on in another process; what has become of the rows is in the state.
 */
export async function runImport(
  durable: Durable,
  steps: ImportSteps,
  input: ImportInput,
): Promise<ImportAnswer> {
  const { request } = input;
  let operations = 0;
  const step = <T>(name: string, run: () => Promise<T>) => {
    operations++;
    return durable.step(name, run);
  };
  const chainIsDue = (state: ImportState) => operations + reservedOperations > state.operationsPerExecution;
  let state = input.resume ?? (await step('start', () => steps.start(request)));
  let isPlanned = input.resume !== undefined;
  const giveUp = (broken: ImportState, error: unknown) =>
    step('give-up', () => Promise.resolve(steps.giveUp(broken, error, isPlanned)));
  const load = async () => {
    while (!state.ended) {
      if (chainIsDue(state)) return step('continue', () => steps.continueElsewhere(request, state));
      const before = state;
      state = await step(`load-${state.loadedGroups}`, () =>
        steps.load(request, before, !chainIsDue(before)),
      );
    }
    return undefined;
  };
  try {
    if (!isPlanned) {
      await durable.poll(
        'turn',
        { granted: false },
        () => steps.takeTurn(request),
        ({ granted }, attempt) => (granted ? 'done' : growingWait(attempt, 30)),
      );
      operations++;
      const before = state;
      state = await step('pre-flight', () => steps.preflight(request, before));
      isPlanned = true;
    }
    const continued = await load();
    if (continued) return continued;
    const waiting = state;
    if (!state.isGivenUp && state.settledGroups < state.loadedGroups) {
      const initial = await step('follow', () => Promise.resolve(steps.startFollowing(waiting)));
      const followed = await durable.poll(
        'settle',
        initial,
        (following) => steps.follow(request, following),
        ({ state: { settledGroups, loadedGroups } }, attempt) =>
          settledGroups === loadedGroups ? 'done' : growingWait(attempt, 60),
      );
      state = followed.state;
    }
  } catch (error) {
    state = await giveUp(state, error);
    try {
      const continued = await load();
      if (continued) return continued;
    } catch (again) {
      state = await giveUp(state, again);
    }
  }
  const complete = state;
  return step('finish', () => steps.finish(request, complete));
}

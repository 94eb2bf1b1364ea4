import { StateUnavailableError } from '../../../lib/aws/state-calls.ts';
import type { StateTable } from '../../../lib/aws/state-table.ts';
import type { ServiceNowClient, ServiceNowRequest } from '../../../lib/servicenow/call.ts';
import { AnswerLostError, UnknownOutcomeError } from '../../../lib/servicenow/errors.ts';

/**
 * What goes wrong at one call of the function: the process dies before the call or after its effect, or the call takes effect
 * and its answer is lost, or it is not made at all.
 */
export type Interruption = 'death before' | 'death after' | 'lost answer' | 'not made';

/** Stands between the function and everything that it calls, and makes one of the calls fail. */
export class Interruptions {
  /** Calls since the interruption was planned, or since `count`. */
  calls = 0;
  #planned: { readonly at: number; readonly interruption: Interruption } | undefined;
  #isDead = false;
  #death = Promise.withResolvers<'died'>();

  /** @param at the number of the call, from 1 */
  plan(at: number, interruption: Interruption): void {
    this.calls = 0;
    this.#planned = { at, interruption };
    this.revive();
  }

  /** Lets every call succeed from now on, and counts them. */
  count(): void {
    this.calls = 0;
    this.#planned = undefined;
    this.revive();
  }

  /** A new process. */
  revive(): void {
    this.#isDead = false;
    this.#death = Promise.withResolvers();
  }

  /** True once the planned call was made. */
  get hasHappened(): boolean {
    return this.#planned !== undefined && this.calls >= this.#planned.at;
  }

  get death(): Promise<'died'> {
    return this.#death.promise;
  }

  readonly throughClient = (client: ServiceNowClient): ServiceNowClient => ({
    ...client,
    send: (request, context) =>
      this.#make(
        () => client.send(request, context),
        () => lost(request),
      ),
  });

  readonly throughTable = (table: StateTable): StateTable => {
    const away = () => new StateUnavailableError('away');
    return {
      read: (...given) => this.#make(() => table.read(...given), away),
      readMany: (...given) => this.#make(() => table.readMany(...given), away),
      writeMany: (...given) => this.#make(() => table.writeMany(...given), away),
      put: (...given) => this.#make(() => table.put(...given), away),
      update: (...given) => this.#make(() => table.update(...given), away),
      delete: (...given) => this.#make(() => table.delete(...given), away),
      query: (...given) => this.#make(() => table.query(...given), away),
    };
  };

  async #make<T>(call: () => Promise<T>, loss: () => Error): Promise<T> {
    if (this.#isDead) return never();
    this.calls += 1;
    const interruption = this.calls === this.#planned?.at ? this.#planned.interruption : undefined;
    if (interruption === 'death before') return this.#die();
    if (interruption === 'not made') throw loss();
    const answer = await call();
    if (interruption === 'death after') return this.#die();
    if (this.#isDead) return never();
    if (interruption === 'lost answer') throw loss();
    return answer;
  }

  #die(): Promise<never> {
    this.#isDead = true;
    this.#death.resolve('died');
    return never();
  }
}

/** A process that has died never gets an answer. */
function never(): Promise<never> {
  return new Promise(() => undefined);
}

function lost({ method, path, repeatable }: ServiceNowRequest): Error {
  const failure = { method, path };
  return repeatable === 'read'
    ? new AnswerLostError('lost', failure)
    : new UnknownOutcomeError('lost', { ...failure, effect: 'unknown' });
}

import type { Decide, FaultProxy, Passage } from '../harness/fault-proxy.ts';
import type { FaultStack } from '../harness/fault-stack.ts';

/** The moment of a death: at which call, counted from the arming, and on which side of its effect. */
export type Moment = { readonly call: number; readonly side: 'before' | 'after' };

/** Kills a function's process at a chosen call, whichever service it is to. */
export class Executioner {
  readonly #stack: FaultStack;
  readonly #functionKey: string;
  #calls = 0;
  #moment: Moment | undefined;
  #struck: string | undefined;

  constructor(stack: FaultStack, functionKey: string) {
    this.#stack = stack;
    this.#functionKey = functionKey;
    const { instances, sqsProxy, s3Proxy, dynamoDbProxy } = stack;
    const named: readonly (readonly [string, FaultProxy])[] = [
      ['ServiceNow', instances.first.proxy],
      ['ServiceNow', instances.second.proxy],
      ['SQS', sqsProxy],
      ['S3', s3Proxy],
      ['DynamoDB', dynamoDbProxy],
    ];
    for (const [name, proxy] of named) proxy.decide = this.#decideFor(name);
  }

  /** Calls since the last arming. */
  get calls(): number {
    return this.#calls;
  }

  /** The call at which the process died, in words; undefined as long as it lives. */
  get struck(): string | undefined {
    return this.#struck;
  }

  /** Counts calls from now on; without a moment, no process dies. */
  arm(moment?: Moment): void {
    this.#calls = 0;
    this.#struck = undefined;
    this.#moment = moment;
  }

  #decideFor(service: string): Decide {
    return (passage) => {
      this.#calls += 1;
      const moment = this.#moment;
      if (moment === undefined || this.#calls !== moment.call) return undefined;
      this.#moment = undefined;
      this.#struck = `${moment.side} call ${moment.call} (${service} ${nameOf(passage)})`;
      return { kind: `die-${moment.side}`, kill: () => this.#stack.kill(this.#functionKey) };
    };
  }
}

const nameOf = ({ action, method, path }: Passage) => action || `${method} ${path.split('?')[0]}`;

/** Each call from the first to the last, once before its effect and once after it. */
export function everyMoment(calls: number): readonly Moment[] {
  return Array.from({ length: calls }, (_, index) => index + 1).flatMap((call) => [
    { call, side: 'before' as const },
    { call, side: 'after' as const },
  ]);
}

/** So many of them, in random order. */
export function draw<T>(all: readonly T[], count: number, random: () => number): readonly T[] {
  return all
    .map((item) => [random(), item] as const)
    .sort(([a], [b]) => a - b)
    .slice(0, count)
    .map(([, item]) => item);
}

import { join } from 'node:path';
import { type LocalCloudWatch, startCloudWatch } from '../aws/cloudwatch/cloudwatch.ts';
import type { NewEvent } from '../aws/event-bridge/bus.ts';
import { type LocalEventBridge, startEventBridge } from '../aws/event-bridge/event-bridge.ts';
import type { Permit } from '../aws/iam/access-control.ts';
import type { LambdaHost } from '../aws/lambda/host.ts';
import type { Log } from '../aws/log.ts';
import { type LocalSecurityHub, startSecurityHub } from '../aws/security-hub/security-hub.ts';
import { type LocalSns, startSns } from '../aws/sns/sns.ts';
import { measureQueues } from '../aws/sqs/queue-metrics.ts';
import type { LocalSqs } from '../aws/sqs/sqs.ts';
import type { StackResources } from '../aws/template/stack-resources.ts';
import { handOverTo } from './hand-over.ts';

/** Where events come from, and what the functions ask about them. */
export type EventSources = {
  readonly eventBridge: LocalEventBridge;
  readonly sns: LocalSns;
  readonly cloudWatch: LocalCloudWatch;
  readonly securityHub: LocalSecurityHub;
};

/** The ports of these services. */
export type EventSourcePorts = {
  readonly eventBridge?: number;
  readonly sns?: number;
  readonly cloudWatch?: number;
  readonly securityHub?: number;
};

export type EventSourceOptions = {
  readonly dataFolder: string;
  readonly ports: EventSourcePorts;
  readonly sqs: LocalSqs;
  readonly enforceQueuePolicies: boolean;
  readonly permit?: Permit;
  readonly log: Log;
};

/** Event sources that are not connected yet: rules cannot call functions, and no schedule runs. */
export type StartedEventSources = EventSources & {
  /** Takes over rules and topics of the template; from now on rules can call functions, and those with a schedule run. */
  connect(resources: StackResources, host: Pick<LambdaHost, 'invoke'>): void;
};

/** Starts EventBridge, SNS, CloudWatch and Security Hub; what was opened is closed with `opened`. */
export async function startEventSources(
  { dataFolder, ports, sqs, enforceQueuePolicies, permit, log }: EventSourceOptions,
  opened: AsyncDisposableStack,
): Promise<StartedEventSources> {
  const open = async <Part extends { close(): Promise<void> }>(starting: Promise<Part>): Promise<Part> =>
    opened.adopt(await starting, (part) => part.close());
  let topics: LocalSns | undefined;
  let invoke: LambdaHost['invoke'] | undefined;
  const deliver = handOverTo({
    sqs: sqs.state,
    sns: () => topics,
    invoke: () => invoke,
    enforceQueuePolicies,
    log,
  });
  const file = (name: string) => join(dataFolder, `${name}.db`);
  const eventBridge = await open(
    startEventBridge({
      port: ports.eventBridge ?? 0,
      databaseFile: file('event-bridge'),
      deliver,
      permit,
      log,
    }),
  );
  const publish = (event: NewEvent) => {
    eventBridge.bus.put(event);
  };
  const sns = await open(startSns({ port: ports.sns ?? 0, databaseFile: file('sns'), deliver, permit, log }));
  topics = sns;
  const cloudWatch = await open(
    startCloudWatch({
      port: ports.cloudWatch ?? 0,
      databaseFile: file('cloudwatch'),
      publish,
      deliver,
      measure: measureQueues(sqs.state),
      permit,
      log,
    }),
  );
  const securityHub = await open(
    startSecurityHub({ port: ports.securityHub ?? 0, databaseFile: file('security-hub'), publish, permit }),
  );
  return {
    eventBridge,
    sns,
    cloudWatch,
    securityHub,
    connect(resources, host) {
      invoke = host.invoke;
      takeOver(resources, eventBridge, sns);
      eventBridge.bus.startSchedules();
    },
  };
}

/** Rules, topics and subscriptions of an earlier template that are gone go here too. */
function takeOver(
  { rules, sns: { topicArns, subscriptions } }: StackResources,
  eventBridge: LocalEventBridge,
  sns: LocalSns,
): void {
  eventBridge.bus.rules.replaceTemplateRules(rules);
  const names = topicArns.map((arn) => arn.slice(arn.lastIndexOf(':') + 1));
  sns.topics.replaceTemplate(names, subscriptions);
}

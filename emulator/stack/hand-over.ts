import { AwsError } from '../aws/aws-error.ts';
import type { Deliver, Delivery } from '../aws/delivery.ts';
import type { InvocationOutcome } from '../aws/lambda/invocation.ts';
import type { Log } from '../aws/log.ts';
import type { LocalSns } from '../aws/sns/sns.ts';
import { letsSend } from '../aws/sqs/queue-policy.ts';
import { send } from '../aws/sqs/send.ts';
import type { SqsState } from '../aws/sqs/state.ts';

/** What can be a target of rules and topics. */
export type Targets = {
  readonly sqs: SqsState;
  /** Undefined until it is started. */
  readonly sns: () => LocalSns | undefined;
  /** Undefined until functions run. */
  readonly invoke: () => ((functionArn: string, event: unknown) => Promise<InvocationOutcome>) | undefined;
  /** True refuses what the policies of the queues do not allow; else such a message is only logged. */
  readonly enforceQueuePolicies: boolean;
  readonly log: Log;
};

/** Hands what rules, topics and alarms send to queues, topics and functions. */
export function handOverTo(targets: Targets): Deliver {
  return (delivery) => {
    const service = delivery.targetArn.split(':')[2];
    switch (service) {
      case 'sqs':
        return toQueue(targets, delivery);
      case 'sns':
        return toTopic(targets, delivery);
      case 'lambda':
        return toFunction(targets, delivery);
      default:
        throw new AwsError('NO_RESOURCE', `${delivery.targetArn} is nothing that exists here`, 404);
    }
  };
}

function toQueue({ sqs, enforceQueuePolicies, log }: Targets, delivery: Delivery): void {
  const { targetArn, sourceArn, service, body, attributes = {}, groupId, deduplicationId } = delivery;
  const queue = sqs.queues.findByArn(targetArn);
  if (!queue) throw new AwsError('NO_RESOURCE', `The queue ${targetArn} does not exist`, 404);
  if (!letsSend(queue.attributes['Policy'], { service, sourceArn })) {
    if (enforceQueuePolicies)
      throw new AwsError('NO_PERMISSIONS', `The policy of ${queue.name} does not let ${sourceArn} send`, 403);
    log.warn('queue-policy-would-refuse', { queue: queue.name, sourceArn });
  }
  send(sqs, queue, {
    MessageBody: body,
    MessageAttributes: attributes,
    ...(groupId !== undefined && { MessageGroupId: groupId }),
    ...(deduplicationId !== undefined && { MessageDeduplicationId: deduplicationId }),
  });
}

function toTopic({ sns }: Targets, { targetArn, body, subject }: Delivery): void {
  const topics = sns();
  if (!topics) throw new AwsError('NO_RESOURCE', 'SNS is not running', 404);
  topics.publish(targetArn, { Message: body, MessageAttributes: {}, ...(subject && { Subject: subject }) });
}

/** The call does not wait for the function, whose errors are in its own log. */
function toFunction({ invoke, log }: Targets, { targetArn, body, sourceArn }: Delivery): void {
  const run = invoke();
  if (!run) throw new AwsError('NO_RESOURCE', 'Lambda is not running', 404);
  run(targetArn, JSON.parse(body)).then(
    ({ functionError }) => {
      if (functionError !== undefined)
        log.warn('target-failed', { targetArn, sourceArn, reason: functionError });
    },
    (error: unknown) => log.warn('target-failed', { targetArn, sourceArn, reason: String(error) }),
  );
}

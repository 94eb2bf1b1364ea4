import type { MessageAttributes } from './sqs/message-attributes.ts';

/** What one AWS service hands to a resource of another. */
export type Delivery = {
  /** The service that delivers, as policies name it, e.g. `events.amazonaws.com`. */
  readonly service: string;
  /** What delivers: the ARN of a rule or a topic. */
  readonly sourceArn: string;
  /** Queue, function or topic. */
  readonly targetArn: string;
  readonly body: string;
  /** For a FIFO queue. */
  readonly groupId?: string | undefined;
  readonly deduplicationId?: string | undefined;
  readonly attributes?: MessageAttributes;
  /** For a topic. */
  readonly subject?: string;
};

/**
 * Hands something over.
 * @throws {AwsError} why the target did not take it
 */
export type Deliver = (delivery: Delivery) => void;

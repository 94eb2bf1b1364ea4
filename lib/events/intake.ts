import { InvalidInputError } from '../core/errors.ts';
import { parseJson } from '../core/parse-json.ts';

/** SNS inside a pipe inside a queue is as deep as events come. */
const deepest = 4;

/**
 * The events in the body of a message: as EventBridge sends one, bare or transformed, as SNS sends it, raw or in its envelope,
 * and as a pipe sends several, each bare or as the record of the queue that it came from. An alarm's own notification becomes
 * the event that EventBridge sends for the same change, so that both mean one record.
 * @throws InvalidInputError for anything else
 */
export function readEvents(body: string): readonly object[] {
  return eventsIn(parse(body, 'body'), 'body', deepest);
}

function eventsIn(given: unknown, path: string, depth: number): readonly object[] {
  if (depth === 0) throw new InvalidInputError(path, 'holds envelopes in envelopes');
  if (Array.isArray(given))
    return given.flatMap((one, index) => eventsIn(one, `${path}[${index}]`, depth - 1));
  if (!isObject(given)) throw new InvalidInputError(path, 'must be an event: a JSON object');
  if (given['Type'] === 'SubscriptionConfirmation' || given['Type'] === 'UnsubscribeConfirmation')
    throw new InvalidInputError(
      path,
      'asks to confirm a subscription of SNS; events come once it is confirmed',
    );
  if (given['Type'] === 'Notification' && typeof given['Message'] === 'string')
    return eventsIn(parse(given['Message'], `${path}.Message`), `${path}.Message`, depth - 1);
  if (typeof given['body'] === 'string' && 'messageId' in given)
    return eventsIn(parse(given['body'], `${path}.body`), `${path}.body`, depth - 1);
  return [isAlarmNotification(given) ? toAlarmEvent(given) : given];
}

function parse(text: string, path: string): unknown {
  try {
    return parseJson(text);
  } catch {
    // The parser's message quotes the text.
    throw new InvalidInputError(path, 'is not valid JSON');
  }
}

type JsonObject = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html */
function isAlarmNotification(given: JsonObject): boolean {
  return ['AlarmName', 'AlarmArn', 'NewStateValue', 'StateChangeTime'].every(
    (name) => typeof given[name] === 'string',
  );
}

function toAlarmEvent(given: JsonObject): object {
  const arn = String(given['AlarmArn']);
  const trigger = isObject(given['Trigger']) ? given['Trigger'] : {};
  const dimensions: readonly unknown[] = Array.isArray(trigger['Dimensions']) ? trigger['Dimensions'] : [];
  const pairs = dimensions.flatMap((one) =>
    isObject(one) ? [[String(one['name'] ?? ''), one['value']] as const] : [],
  );
  const { MetricName: name, Namespace: namespace } = trigger;
  const metricStat = { metric: { name, namespace, dimensions: Object.fromEntries(pairs) } };
  return {
    'detail-type': 'CloudWatch Alarm State Change',
    source: 'aws.cloudwatch',
    account: given['AWSAccountId'],
    time: given['StateChangeTime'],
    // The notification names the region in words.
    region: arn.split(':')[3] ?? '',
    resources: [arn],
    detail: {
      alarmName: given['AlarmName'],
      state: {
        value: given['NewStateValue'],
        reason: given['NewStateReason'],
        timestamp: given['StateChangeTime'],
      },
      previousState: { value: given['OldStateValue'] },
      configuration: {
        description: given['AlarmDescription'] ?? undefined,
        ...(name !== undefined && { metrics: [{ id: 'm1', metricStat, returnData: true }] }),
      },
    },
  };
}

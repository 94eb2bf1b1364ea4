import { InvalidInputError } from '../core/errors.ts';
import { isTooDeepText, parseJson, tooDeep } from '../core/parse-json.ts';
import { shortenId } from '../operations/event-id.ts';
import { readTime } from './time.ts';

/** SNS inside a pipe inside a queue is as deep as events come. */
const deepest = 4;

/** What names an event that does not say its id and its time: milliseconds since the Unix epoch. */
export type Arrival = { readonly atMs: number; readonly messageId: string };

/** An event, and what names it by the way it came. */
export type ReceivedEvent = { readonly event: object; readonly arrival: Arrival };

/**
 * The events in the body of a message: as EventBridge sends one, bare or transformed, as SNS sends it, raw or in its envelope,
 * and as a pipe sends several, each bare or as the record of the queue that it came from. What CloudWatch, Cost Anomaly Detection
 * and Config publish to a topic becomes the event that EventBridge sends for the same change, so that both mean one record.
 * @param message id and time of the message. An envelope inside it goes before: it stays the same when the event is delivered again
 * in another message
 * @throws InvalidInputError for anything else
 */
export function readEvents(body: string, message: Arrival): readonly ReceivedEvent[] {
  const counts = new Map<Arrival, number>();
  return eventsIn(parse(body, 'body'), 'body', message, deepest).map(({ event, arrival }) => {
    const index = counts.get(arrival) ?? 0;
    counts.set(arrival, index + 1);
    return {
      event,
      arrival: { ...arrival, messageId: `${shortenId(arrival.messageId, longestId)}/${index}` },
    };
  });
}

/** Leaves room for the numbers of the events of a message and of the elements of an event. */
const longestId = 200;

/** @param arrival of the innermost envelope; its events share it @param depth how many envelopes may still come; lists are none */
function eventsIn(given: unknown, path: string, arrival: Arrival, depth: number): readonly ReceivedEvent[] {
  if (depth === 0) throw new InvalidInputError(path, 'holds envelopes in envelopes');
  if (Array.isArray(given))
    return given.flatMap((one, index) => eventsIn(one, `${path}[${index}]`, arrival, depth));
  if (!isObject(given)) throw new InvalidInputError(path, 'must be an event: a JSON object');
  if (given['Type'] === 'SubscriptionConfirmation' || given['Type'] === 'UnsubscribeConfirmation')
    throw new InvalidInputError(path, 'is an SNS subscription confirmation; confirm it to receive events');
  const open = (name: string, text: string, id: unknown, time: unknown) =>
    eventsIn(parse(text, `${path}.${name}`), `${path}.${name}`, within(arrival, id, time), depth - 1);
  if (given['Type'] === 'Notification' && typeof given['Message'] === 'string')
    return open('Message', given['Message'], given['MessageId'], given['Timestamp']);
  if (typeof given['body'] === 'string' && 'messageId' in given) {
    const attributes = isObject(given['attributes']) ? given['attributes'] : {};
    return open('body', given['body'], given['messageId'], attributes['SentTimestamp']);
  }
  return [
    { event: isAlarmNotification(given) ? toAlarmEvent(given) : (bareDetail(given) ?? given), arrival },
  ];
}

/** What an envelope with this id and time says of its events; one without an id says nothing. */
function within(outer: Arrival, id: unknown, time: unknown): Arrival {
  if (typeof id !== 'string' || id.trim() === '') return outer;
  return { messageId: id, atMs: readTime(time) ?? outer.atMs };
}

function parse(text: string, path: string): unknown {
  if (isTooDeepText(text)) throw new InvalidInputError(path, tooDeep);
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

/**
 * The event of a service that publishes to a topic what EventBridge has as `detail`; undefined for anything else.
 * @see https://docs.aws.amazon.com/cost-management/latest/userguide/ad-SNS.html
 * @see https://docs.aws.amazon.com/config/latest/developerguide/example-config-rule-compliance-notification.html
 */
function bareDetail(detail: JsonObject): object | undefined {
  if ('detail-type' in detail || 'source' in detail) return undefined;
  const hasTexts = (...names: readonly string[]) => names.every((name) => typeof detail[name] === 'string');
  if (hasTexts('anomalyId', 'monitorArn') && isObject(detail['impact']))
    return {
      ...{ 'detail-type': 'Anomaly Detected', source: 'aws.ce', account: detail['accountId'] },
      ...{ resources: [detail['monitorArn']], detail },
    };
  if (hasTexts('configRuleName', 'resourceId') && detail['messageType'] === 'ComplianceChangeNotification')
    return {
      ...{ 'detail-type': 'Config Rules Compliance Change', source: 'aws.config' },
      ...{ account: detail['awsAccountId'], region: detail['awsRegion'] },
      ...{ time: detail['notificationCreationTime'], resources: [], detail },
    };
  return undefined;
}

/** https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html */
function isAlarmNotification(given: JsonObject): boolean {
  return ['AlarmName', 'AlarmArn', 'NewStateValue', 'StateChangeTime'].every(
    (name) => typeof given[name] === 'string',
  );
}

function toAlarmEvent(given: JsonObject): object {
  const arn = String(given['AlarmArn']);
  const metrics = metricsIn(isObject(given['Trigger']) ? given['Trigger'] : {});
  const contributor = given['AlarmContributorId'];
  return {
    'detail-type': `CloudWatch Alarm ${typeof contributor === 'string' ? 'Contributor ' : ''}State Change`,
    source: 'aws.cloudwatch',
    account: given['AWSAccountId'],
    time: given['StateChangeTime'],
    // The notification names the region in words.
    region: arn.split(':')[3] ?? '',
    resources: [arn],
    detail: {
      alarmName: given['AlarmName'],
      ...(typeof contributor === 'string' && {
        alarmContributor: { id: contributor, attributes: given['AlarmContributorAttributes'] ?? {} },
      }),
      state: {
        value: given['NewStateValue'],
        reason: given['NewStateReason'],
        timestamp: given['StateChangeTime'],
      },
      previousState: { value: given['OldStateValue'] },
      alarmTags: tagsIn(given['AlarmTags']),
      alarmTagsStatus: given['AlarmTagsStatus'],
      configuration: {
        description: given['AlarmDescription'] ?? undefined,
        ...(metrics.length > 0 && { metrics }),
      },
    },
  };
}

/**
 * The tags of an alarm, by key: a notification may hold them so or as a list of pairs.
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-tags-in-notifications.html
 */
function tagsIn(given: unknown): object | undefined {
  if (!Array.isArray(given)) return isObject(given) ? given : undefined;
  const pairs = given
    .filter(isObject)
    .map((one) => [String(one['Key'] ?? one['key'] ?? ''), one['Value'] ?? one['value']] as const);
  return Object.fromEntries(pairs);
}

/** The metrics of a notification in the form of an event: of a plain alarm, or of one over a formula or an expected range. */
function metricsIn(trigger: JsonObject): readonly object[] {
  if (trigger['MetricName'] !== undefined)
    return [{ id: 'm1', metricStat: { metric: metricIn(trigger) }, returnData: true }];
  const given: readonly unknown[] = Array.isArray(trigger['Metrics']) ? trigger['Metrics'] : [];
  return given
    .filter(isObject)
    .map(({ Id: id, Expression: expression, Label: label, ReturnData: returnData, MetricStat }) => {
      const { Metric, Period: period, Stat: stat } = isObject(MetricStat) ? MetricStat : {};
      return {
        ...{ id, expression, label, returnData },
        ...(isObject(Metric) && { metricStat: { metric: metricIn(Metric), period, stat } }),
      };
    });
}

function metricIn({ MetricName: name, Namespace: namespace, Dimensions }: JsonObject): object {
  const dimensions: readonly unknown[] = Array.isArray(Dimensions) ? Dimensions : [];
  const pairs = dimensions.filter(isObject).map((one) => [String(one['name'] ?? ''), one['value']] as const);
  return { name, namespace, dimensions: Object.fromEntries(pairs) };
}

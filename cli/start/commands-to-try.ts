import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Endpoints } from '../../emulator/stack/describe-stack.ts';

const RECORD = { short_description: 'Disk full on web-01', urgency: '2' };
const MESSAGE = { table: 'incident', record: { short_description: 'From a queue', urgency: '3' } };
const EVENT = {
  Source: 'my.app',
  DetailType: 'ServiceNow signal',
  Detail: JSON.stringify({
    key: 'orders/import',
    status: 'open',
    summary: 'The import of orders has stopped',
    severity: 2,
  }),
};
const CSV = [
  'user_id,first_name,last_name,email',
  'ada.example,Ada,Example,ada@example.com',
  'bo.example,Bo,Example,bo@example.com',
];

/** What a command does, and the command, ready to paste into a shell. */
export type CommandToTry = {
  readonly title: string;
  readonly command: string;
  /** An address that opens in a browser and shows the outcome. */
  readonly look: string;
};

/** An incident, a message, a file and an event. curl is enough, since nothing needs a signature; without curl, node is used. */
export function commandsToTry(endpoints: Endpoints): CommandToTry[] {
  const { api, sqs, s3, eventBridge } = endpoints;
  const message = { QueueUrl: sqs.recordsQueueUrl, MessageBody: JSON.stringify(MESSAGE) };
  return [
    {
      title: 'Create an incident over HTTP',
      command: request('POST', `${api}/api/now/table/incident`, JSON_TYPE, JSON.stringify(RECORD)),
      look: list(api, 'incident', 'number,short_description,urgency'),
    },
    {
      title: 'Send a message that becomes an incident',
      command: request('POST', sqs.endpoint, SEND_MESSAGE, JSON.stringify(message)),
      look: list(api, 'incident', 'number,short_description,urgency'),
    },
    {
      title: 'Drop a CSV that becomes users',
      command: request(
        'PUT',
        `${s3.endpoint}/${s3.bucket}/imports/imp_user/people.csv`,
        {},
        `${CSV.join('\n')}\n`,
      ),
      look: list(api, 'sys_user', 'user_name,name,email'),
    },
    {
      title: 'Report that something broke, by an event; with "status":"resolve" its incident is resolved',
      command: request('POST', eventBridge.endpoint, PUT_EVENTS, JSON.stringify({ Entries: [EVENT] })),
      look: list(api, 'incident', 'number,short_description,state'),
    },
  ];
}

const PUT_EVENTS = {
  'Content-Type': 'application/x-amz-json-1.1',
  'X-Amz-Target': 'AWSEvents.PutEvents',
};

/** The newest records of a table, which a browser shows as JSON. */
function list(api: string, table: string, fields: string): string {
  return `${api}/api/now/table/${table}?sysparm_query=ORDERBYDESCsys_created_on&sysparm_limit=5&sysparm_fields=${fields}`;
}

const JSON_TYPE = { 'Content-Type': 'application/json' };
const SEND_MESSAGE = {
  'Content-Type': 'application/x-amz-json-1.0',
  'X-Amz-Target': 'AmazonSQS.SendMessage',
};

function request(method: string, url: string, headers: Record<string, string>, body: string): string {
  return hasCurl() ? curl(method, url, headers, body) : nodeFetch(method, url, headers, body);
}

function curl(method: string, url: string, headers: Record<string, string>, body: string): string {
  const parts = ['curl', '-sS', '-X', method, quote(url)];
  for (const [name, value] of Object.entries(headers)) parts.push('-H', quote(`${name}: ${value}`));
  return [...parts, '--data-binary', quote(body)].join(' ');
}

function nodeFetch(method: string, url: string, headers: Record<string, string>, body: string): string {
  const options = JSON.stringify({ method, headers, body });
  return `node -e ${quote(`fetch(${JSON.stringify(url)},${options}).then(async (r) => console.log(r.status, await r.text()))`)}`;
}

function quote(text: string): string {
  return /^[\w:/.=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

function hasCurl(): boolean {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return folders.some((folder) =>
    existsSync(join(folder, process.platform === 'win32' ? 'curl.exe' : 'curl')),
  );
}

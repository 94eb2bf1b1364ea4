/** What the published JSON Schemas say in words, and their examples. `json-schemas.ts` puts them to the schemas. */
export type Texts = {
  readonly title: string;
  readonly description: string;
  readonly examples: readonly unknown[];
};

/** Of the property by which a document names its schema. */
export const schemaText = 'Where an editor finds this schema; it changes nothing.';

const instance = 'Name of the instance, where the deployment has several. Default: the first.';

const signalParts = {
  fields: 'Columns of a new record and their values.',
  update: 'Columns of `fields` that are written again while the record is open. Default: none.',
  note: 'Work note at a change of state.',
  'note.text': 'The work note.',
  onResolved: 'Writes the note on a resolved record too.',
  resolve: 'Columns that resolve the record, with their values.',
  reopen: 'When a resolved record is opened again in place of a new one.',
  within: 'How long after its end a record is opened again: an ISO 8601 duration such as PT4H.',
  'reopen.state': 'The state that the record gets again.',
  atMost: 'After so many reopens a recovery is a note, until the source has been quiet for `within`.',
  find: 'The table in which the record is looked up.',
  by: 'Columns and values that find it. A condition without a value is not asked.',
  take: 'The column that is taken. Default: sys_id.',
  else: 'When no record is found: none leaves the column out, fail refuses the signal, anything else is the name of another record.',
};

export const recordMessage = {
  title: 'A message on the records queue of servicenow-functions',
  description:
    'One write on the instance, or a signal. Without an action the message is a create. See docs/record-queue.md and docs/events.md.',
  properties: {
    record: {
      action: 'What is done to the record. Default: create.',
      table: 'Name of the table; the deployment must allow it.',
      key: 'Names this piece of work: a second message with the same key changes nothing. Default: the message attribute IdempotencyKey, else the message id.',
      instance,
      options: 'How values are read.',
      inputDisplayValue: 'Values are display values: references by name, choices by label.',
      record: 'Columns and values; "" clears a column.',
      sysId: 'The sys_id of the record to update or delete.',
      match: 'Columns and values that find the record; without one, it is created.',
    },
    signal: {
      action: 'A signal: the life cycle of its record decides what is written.',
      signal: 'What happened to the thing: it broke, changed or recovered, or there is something to note.',
      source: 'Name of the source; part of the name of every record.',
      key: 'Names the thing that is broken, not the message about it.',
      at: 'Time of the state, in ISO 8601.',
      eventId: 'Names this message: a second one with the same id has no effect.',
      target: 'Table of the record. Default: incident.',
      life: 'For a table without states: the first signal of a key creates a record.',
      lookups: 'Columns of a new record whose values are looked up in other tables.',
      unless: 'Only notes the recovery once a person has the record.',
      confirmed: 'When the source was asked and confirmed the state, as the reconciler does.',
      instance,
      ...signalParts,
    },
  },
  examples: [
    {
      table: 'incident',
      key: 'alarm-4711',
      record: { short_description: 'Disk full on web-01', urgency: '1' },
    },
    {
      action: 'update',
      table: 'incident',
      sysId: 'c0ffee00c0ffee00c0ffee00c0ffee00',
      key: 'alarm-4711-note',
      record: { work_notes: 'Still full' },
    },
    {
      action: 'upsert',
      table: 'cmdb_ci_computer',
      match: { serial_number: 'SN-4711' },
      record: { name: 'web-01', ram: '65536' },
    },
    { action: 'delete', table: 'incident', sysId: 'c0ffee00c0ffee00c0ffee00c0ffee00' },
    {
      action: 'signal',
      signal: 'open',
      source: 'disk-check',
      key: 'web-01 /var',
      at: '2026-11-29T08:00:00Z',
      eventId: 'run-4711',
      fields: { short_description: 'Disk full on web-01' },
      lookups: { assignment_group: { find: 'sys_user_group', by: { name: 'Hardware' }, else: 'none' } },
      note: '/var is 98 % full',
      resolve: { state: '6', close_code: 'Solution provided', close_notes: 'Recovered' },
      reopen: { within: 'PT4H', state: '2', atMost: 5 },
    },
  ],
};

export const importSettings = {
  title: 'Settings of an import: _import.json',
  description:
    'How the files dropped into the same folder are imported. Every setting is optional; comments and trailing commas are allowed. See docs/imports.md.',
  properties: {
    $schema: schemaText,
    instance: 'Name of the instance, where the deployment has several; the param dropInstances must list it.',
    delimiter: 'One ASCII character. Default: detected among comma, semicolon, tab and |.',
    encoding: 'A WHATWG label such as windows-1252. Default: UTF-8, or what a byte order mark says.',
    columns: 'Header of the file → column of the staging table, where the names do not match by themselves.',
    constants: 'Column of the staging table → value for every row.',
    ignoredColumns:
      'Headers that are left out, unless `columns` names them; "" stands for columns without a header.',
    keyColumn:
      'A staging column for text of at least 23 characters that gets <version>:<line>. With it, a lost answer never stores a row twice.',
    dateColumns: 'Header → how its dates are written.',
    format: 'Luxon’s tokens, such as dd.MM.yyyy HH:mm, or iso.',
    zone: 'IANA time zone of the times, such as Europe/Zurich.',
    emptyAsAbsent: 'Leaves empty values out instead of sending them.',
    acceptShortRows:
      'Takes rows that end before their last columns: the values of these are empty. Otherwise such rows are rejected.',
    mode: 'insertMultiple sends many rows in a request; rows sends one, with its verdict at once.',
    insertMultipleKeys:
      'What insertMultiple calls the columns, where the user may not read sys_rest_insert_multiple.',
    rowsPerRequest: 'Rows in one request of insertMultiple.',
    concurrency: 'Requests at the same time.',
    ordered: 'Sends one request after another, transformed in the order of the file.',
    maxErrors: 'The import stops when more rows than this have failed.',
    maxErrorPercent: 'The import stops when more of the rows of the file than this have failed, in percent.',
    resendUnknown: 'Resends rows whose outcome cannot be determined; they may be stored twice.',
    inDoubtSeconds: 'How long after a lost answer the instance may still be storing rows.',
    settleAfterSeconds: 'The old name of inDoubtSeconds.',
    verdictTimeoutSeconds: 'How long no verdict may arrive before the remaining rows count as unknown.',
    resultsPrefix: 'results/, or a folder in it.',
    operationsPerExecution: 'The import continues in a new durable execution after so many operations.',
  },
  examples: [
    {},
    {
      columns: { 'Personnel number': 'user_id' },
      ignoredColumns: ['Note'],
      dateColumns: { 'Start date': { format: 'dd.MM.yyyy', zone: 'Europe/Zurich' } },
      maxErrors: 100,
    },
  ],
};

const inSecret = {
  clientId: 'Of the OAuth application.',
  clientSecret: 'Of the OAuth application.',
};

export const secret = {
  title: 'The secret of a ServiceNow instance',
  description:
    'Where the instance is, how to reach it and how to authenticate; one document per instance in AWS Secrets Manager. See docs/credentials.md.',
  properties: {
    $schema: schemaText,
    instanceUrl: 'Address of the instance, such as https://dev12345.service-now.com.',
    auth: 'How to authenticate; absent means by the client certificate in tls alone.',
    type: 'The kind of credentials.',
    ...inSecret,
    username: 'Name of the user.',
    password: 'Password of the user.',
    refreshToken: 'The refresh token.',
    privateKey: 'RSA key that signs the JWT, in PEM.',
    keyId: 'Id of the key (kid) on the instance.',
    sub: 'The user that the JWT names.',
    scope: 'OAuth scope, where the instance refuses access without one, such as useraccount.',
    apiKey: 'The API key.',
    tls: 'PEM texts. Certificates are always verified.',
    cert: 'Client certificate, together with key.',
    key: 'Private key of the client certificate.',
    passphrase: 'Of the private key.',
    ca: 'Certificate authority that is trusted in addition to the public ones.',
    proxyUrl: 'HTTP proxy, such as http://user:password@proxy:3128.',
  },
  examples: [
    {
      instanceUrl: 'https://dev12345.service-now.com',
      auth: { type: 'oauth-client-credentials', clientId: 'client-id', clientSecret: 'client-secret' },
    },
    {
      instanceUrl: 'https://dev12345.service-now.com',
      auth: { type: 'basic', username: 'integration', password: 'password' },
    },
  ],
};

const mappingParts = {
  ...signalParts,
  fields: 'Columns of a new record: a literal, an expression {% … %} or a look-up.',
  required: 'Columns without which the event is refused.',
};

export const mapping = {
  title: 'A mapping file of events: mappings/<name>.yaml',
  description:
    'Turns the events of one source into signals. Texts between {% and %} are JSONata expressions. See docs/events.md.',
  properties: {
    $schema: schemaText,
    source: 'Name of the source; part of the name of every record.',
    when: 'EventBridge pattern of the events; becomes the rule of the deployment.',
    each: 'An expression that gives a list: one signal for each element. $event is then the whole event.',
    let: 'Named values, in order: level is $level in what follows.',
    key: 'Names the thing that is broken, not the message about it: 1 to 512 characters.',
    at: 'Time of the state. Default: the time of the event.',
    id: 'Names the message: a second one with the same id has no effect. Default: the id of the event.',
    target: 'Table of the record, or a list of which the first that matches wins. Default: incident.',
    'target.when': 'An event pattern or an expression; without it, the entry always matches.',
    'target.is': 'Table of the record.',
    life: 'For a table without states: the first signal of a key creates a record.',
    signal: 'What an event means; the first entry that matches wins.',
    'signal.when': 'An event pattern or an expression; without it, the entry always matches.',
    'signal.is': 'What the event means.',
    quiet: 'Windows in which open is ignored.',
    from: 'A time of day such as 22:00, or a moment such as 2026-12-24T18:00Z.',
    to: 'Of the same kind as from.',
    days: 'Days of the week on which the window begins. Default: all.',
    'quiet.zone': 'IANA time zone of the times of day. Default: UTC.',
    ...mappingParts,
  },
  examples: [
    {
      source: 'orders',
      when: { source: ['com.example.orders'], 'detail-type': ['Import'] },
      key: '{% detail.job %}',
      signal: [
        { when: { detail: { result: ['failed'] } }, is: 'open' },
        { when: { detail: { result: ['done'] } }, is: 'resolve' },
        { is: 'ignore' },
      ],
      fields: {
        short_description: "{% 'Import ' & detail.job & ' failed' %}",
        urgency: 2,
        assignment_group: { find: 'sys_user_group', by: { name: 'Software' }, else: 'none' },
      },
      reopen: { within: 'PT4H', state: 2, atMost: 5 },
      quiet: [{ from: '22:00', to: '06:00', days: ['sat', 'sun'], zone: 'Europe/Zurich' }],
    },
  ],
};

export const mappingDefaults = {
  title: 'Defaults of the mapping files of events: mappings/defaults.yaml',
  description: 'Parts by the table of the record, which mapping files override. See docs/events.md.',
  properties: mappingParts,
  examples: [
    {
      incident: {
        fields: { caller_id: { find: 'sys_user', by: { user_name: 'monitoring' }, else: 'none' } },
        resolve: { close_code: 'Solution provided', close_notes: 'The source has recovered.' },
      },
    },
  ],
};

const importDetail = {
  schemaVersion: 1,
  id: '5f1d7a84c0ffee00',
  deployment: 'servicenow-functions/dev',
  importId: 'imp_user-2026-11-29',
  source: { bucket: 'servicenow-functions-dev-imports', key: 'imports/imp_user/people.csv' },
  stagingTable: 'imp_user',
};

export const outcomeEvent = {
  title: 'Outcome events of servicenow-functions, version 1',
  description:
    'What EventBridge carries when an import, a message or the credentials come to an end. No record content is in it. See docs/outcomes.md.',
  properties: {
    source: 'Who sends the event.',
    'detail-type': 'What came to an end, and how.',
    detail: 'The facts.',
    schemaVersion: 'Version of this schema, which changes by additions only.',
    id: 'The same for the same outcome, however often its event is sent.',
    deployment: 'Service and stage.',
    importId: 'Id of the import.',
    'detail.source': 'The dropped file.',
    bucket: 'Its bucket.',
    'source.key': 'Its key in the bucket.',
    versionId: 'Its version, where the bucket has versions.',
    stagingTable: 'The staging table that the folder names.',
    lines: 'Lines of the file.',
    rows: 'Lines that hold a row.',
    blank: 'Blank lines.',
    counts: 'Rows by verdict.',
    seconds: 'How long the import took.',
    results: 'Keys of summary, results, rejected and report in the bucket of the file.',
    queue: 'The queue of the message.',
    messageId: 'Id of the message in SQS.',
    key: 'The idempotency key of the message, where an attribute gives one; of a signal, the thing that it is about.',
    table: 'Table of the record.',
    signal: 'Kind of the signal.',
    verdict:
      'done; duplicate: it had been applied before; stale: a later one was; ignored: it changes nothing.',
    code: 'Why it can never be written.',
    attempts: 'How often the message was received.',
    requestId: 'Of the invocation, to find its log lines.',
    instance: 'Name of the instance in the deployment.',
  },
  examples: [
    { source: 'servicenow-functions', 'detail-type': 'Import Started', detail: importDetail },
    {
      source: 'servicenow-functions',
      'detail-type': 'Import Finished',
      detail: {
        ...importDetail,
        lines: { rows: 1000, blank: 1 },
        counts: { inserted: 990, error: 10 },
        seconds: 41.5,
        results: { summary: 'results/imp_user/people/2026-11-29T080000Z/summary.json' },
      },
    },
    {
      source: 'servicenow-functions',
      'detail-type': 'Signal Applied',
      detail: {
        schemaVersion: 1,
        id: '5f1d7a84c0ffee02',
        deployment: 'servicenow-functions/dev',
        messageId: '6a3c6f9e-1f0f-4f35-9a3e-3f9a0d0c2b12',
        table: 'incident',
        key: 'web-01 /var',
        signal: 'open',
        verdict: 'done',
      },
    },
    {
      source: 'servicenow-functions',
      'detail-type': 'Message Dead-Lettered',
      detail: {
        schemaVersion: 1,
        id: '5f1d7a84c0ffee01',
        deployment: 'servicenow-functions/dev',
        queue: 'standard',
        messageId: '6a3c6f9e-1f0f-4f35-9a3e-3f9a0d0c2b11',
        code: 'TABLE_NOT_ALLOWED',
        attempts: 1,
        requestId: '0d6a4a0a-52a9-4b23-a1a0-6a8f3f8a3d11',
      },
    },
  ],
};

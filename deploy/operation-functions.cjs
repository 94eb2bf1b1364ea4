/**
 * The functions of serverless.yml that serve an operation, made from the catalog: each with its own package and role, and with its
 * routes for every form of ServiceNow's paths. A GET route serves HEAD too.
 */
module.exports = async ({ resolveVariable }) => {
  const { operations } = await import('../lib/operations/catalog.ts');
  const readSecrets = await resolveVariable('self:custom.readSecrets');
  const rolePrefix = await resolveVariable('self:custom.rolePrefix');
  const stateTable = (name) => ({
    Effect: 'Allow',
    Action: (stateActions[name] ?? everyStateAction).map((action) => `dynamodb:${action}`).sort(),
    Resource: { 'Fn::GetAtt': ['StateTable', 'Arn'] },
  });
  const sendSignals = {
    Effect: 'Allow',
    Action: ['sqs:SendMessage'],
    // Left out as a whole without the queue (deploy/template/shape.ts).
    Resource: {
      'Fn::If': ['WithFifo', { 'Fn::GetAtt': ['RecordsFifoQueue', 'Arn'] }, { Ref: 'AWS::NoValue' }],
    },
  };
  // Without it postSignal answers that it needs one.
  const signalsQueue = {
    RECORDS_FIFO_QUEUE_URL: { 'Fn::If': ['WithFifo', { Ref: 'RecordsFifoQueue' }, ''] },
  };
  const rightsOf = (name, isKeyed) => {
    // It calls no instance.
    if (name === 'postSignal') return [sendSignals];
    return isKeyed ? [readSecrets, stateTable(name)] : [readSecrets];
  };
  const toFunction = ({ name, routes, isKeyed }) => ({
    handler: `dist/${name}/index.handler`,
    package: { patterns: ['!**/**', `dist/${name}/**`] },
    iamRoleStatementsName: `${rolePrefix}-${name}`,
    iamRoleStatements: rightsOf(name, isKeyed),
    environment: {
      CALLERS: { Ref: 'Callers' },
      BATCH_METHODS: { Ref: 'BatchMethods' },
      METHOD_OVERRIDES: { Ref: 'MethodOverrides' },
      ...(isKeyed && {
        STATE_TABLE: { Ref: 'StateTable' },
        RECORDS_IN_DOUBT_SECONDS: { Ref: 'RecordsInDoubtSeconds' },
      }),
      ...(name === 'postSignal' && signalsQueue),
    },
    // Lambda repeats an asynchronous Invoke that failed: only a create is known by its request id then.
    ...(routes.some(({ method }) => method !== 'GET') &&
      name !== 'postRecord' && { maximumRetryAttempts: 0 }),
    // With the param authorizer: jwt, deploy/template/shape.ts replaces it by the authorizer of tokens.
    events: routes
      .flatMap(toEvents)
      .map((httpApi) => ({ httpApi: { ...httpApi, authorizer: { type: 'aws_iam' } } })),
  });
  return Object.fromEntries(operations.map((operation) => [operation.name, toFunction(operation)]));
};

/** What lib/aws/effect-ledger.ts asks of the state table, and lib/aws/keyed-writes.ts for keys of earlier releases. */
const ledgerActions = ['BatchGetItem', 'BatchWriteItem', 'GetItem', 'UpdateItem'];

/** An update looks for its notes after a lost answer, too; a batch may hold one, and an override may stand for one. */
const everyStateAction = [...ledgerActions, 'Query'];

const stateActions = {
  postRecord: ledgerActions,
  deleteRecordById: ledgerActions,
  postRecordStagingTable: ledgerActions,
  postRecordsStagingTable: ledgerActions,
};

function toEvents({ method, path, namespace = 'now', isOwn }) {
  if (isOwn) return [{ method, path }];
  const methods = method === 'GET' ? ['GET', 'HEAD'] : [method];
  const versions = namespace === 'now' ? ['', '/v1', '/v2'] : ['', '/v1'];
  return versions.flatMap((version) =>
    methods.map((each) => ({ method: each, path: `/api/${namespace}${version}${path}` })),
  );
}

import { ConnectorError } from '../core/errors.ts';

/** The path names nothing that we or ServiceNow serve. */
export class NoSuchResourceError extends ConnectorError {
  override readonly name: string = 'NoSuchResourceError';
  override readonly code = 'NO_SUCH_RESOURCE';
  override readonly ownAnswer = { status: 400, title: 'Requested URI does not represent any resource' };

  constructor(path: string) {
    super(`${path}: expected /api/now[/v1|/v2]/{table|stats|import}/{tableName}[/{sysId}]`);
  }
}

/**
 * The instance refuses a write. `message` is what the REST answer carries as `detail` below
 * `Operation Failed`.
 */
export class RecordRefused extends Error {
  override readonly name: string = 'RecordRefused';
}

/** A row with this sys_id, or the same value in a unique column, is there already. */
export class DuplicateKey extends RecordRefused {
  override readonly name = 'DuplicateKey';

  constructor(table: string, display: string) {
    super(`Error during insert of ${table} (${display})`);
  }
}

/** The same in the words of the database. */
export class UniqueKeyViolation extends RecordRefused {
  override readonly name = 'UniqueKeyViolation';

  constructor(key: string, value: string) {
    super(`Unique Key violation detected by database ((conn=1) Duplicate entry '${value}' for key '${key}')`);
  }
}

/** Columns that a data policy makes mandatory are empty. Given by label. */
export class DataPolicyException extends RecordRefused {
  override readonly name = 'DataPolicyException';

  constructor(labels: readonly string[]) {
    super(`Data Policy Exception: The following fields are mandatory: ${labels.join(', ')}`);
  }
}

/** Access rules of the base system keep the caller from this write. */
export class AclException extends RecordRefused {
  override readonly name = 'AclException';

  constructor(operation: 'Insert' | 'Update' | 'Delete') {
    super(`ACL Exception ${operation} Failed due to security constraints`);
  }
}

/** The state model of a table has no step from the present state to the new one. */
export class TransitionRefused extends RecordRefused {
  override readonly name = 'TransitionRefused';
}

/** A business rule aborted the write. */
export class AbortedByRule extends RecordRefused {
  override readonly name = 'AbortedByRule';

  constructor(table: string, rule: { name: string; sysId: string }) {
    super(
      `Operation against file '${table}' was aborted by Business Rule '${rule.name}^${rule.sysId}'. ` +
        'Business Rule Stack:',
    );
  }
}

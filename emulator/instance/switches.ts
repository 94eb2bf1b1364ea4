/** What public sources leave open about logging in; part of the instance's switches. */
export type AuthSwitches = {
  /** After so many wrong passwords in a row the account is locked out; 0 never does. */
  readonly lockAfterFailures: number;
  /** Basic only for some, as if the properties `glide.authenticate.basic_auth.restriction.…` said so (basic-restriction.ts). */
  readonly basicAuthRestricted: boolean;
  /** Tokens get the scope `useraccount` only when it is asked for, and an empty one otherwise. */
  readonly oauthScopeOnlyWhenAsked: boolean;
  /** `glide.oauth.inbound.client.credential.grant_type.enabled`. */
  readonly clientCredentialsEnabled: boolean;
  /** A refresh answers with the refresh token too, the same one. */
  readonly refreshEchoesRefreshToken: boolean;
  /** A refused grant says why, in the words of RFC 6749 (`invalid_client`, …). Default: the recorded `server_error`. */
  readonly oauthErrorsByRfc: boolean;
  /** A JWT assertion whose `jti` was seen before is refused. */
  readonly jwtReplayCheck: boolean;
  /** The query parameter in which an API key may be sent instead of the header `x-sn-apikey`. */
  readonly apiKeyParameter: string;
};

/** The defaults of docs/servicenow-contract.md 11. */
const defaultAuthSwitches: AuthSwitches = {
  lockAfterFailures: 0,
  basicAuthRestricted: false,
  oauthScopeOnlyWhenAsked: false,
  clientCredentialsEnabled: true,
  refreshEchoesRefreshToken: true,
  oauthErrorsByRfc: false,
  jwtReplayCheck: false,
  apiKeyParameter: 'x-sn-apikey',
};

/** Business rules of the base system that differ between instances; part of the instance's switches. */
export type BaseRuleSwitches = {
  /** Incident and problem compute `priority` from `impact` and `urgency`; the caller's value does not win. */
  readonly priorityLookup: boolean;
  /** Resolving an incident needs itil, closing one itil_admin, and only an admin changes a closed one. */
  readonly incidentRolesEnforced: boolean;
  /** A closed incident stays closed for administrators too: an update that gives it another state is refused. */
  readonly closedIncidentIsFinal: boolean;
  /** The type of a change gives it its model (`com.snc.change_management.change_model.type_compatibility`). Default: the reverse. */
  readonly changeTypeCompatibility: boolean;
};

/** How many requests run and wait at a time; part of the instance's switches. */
export type LoadSwitches = {
  /** Requests that run at once (`API_INT`). */
  readonly semaphorePermits: number;
  /** Requests that wait for them; one more is refused with a bare 429. */
  readonly semaphoreQueue: number;
  /** How often the counts of rate limits are heard of: a limit is enforced so much later. 30,000 on an instance. */
  readonly rateLimitFlushMs: number;
};

const defaultLoadSwitches: LoadSwitches = {
  semaphorePermits: 4,
  semaphoreQueue: 50,
  rateLimitFlushMs: 0,
};

/** What of Import Sets can be set; part of the instance's switches. */
export type ImportSwitches = {
  /** How long an asynchronous set waits, loaded, for the transformer job, in milliseconds. */
  readonly transformDelayMs: number;
  /** Staging tables whose rows insertMultiple takes without transforming them, at speed; `*` for all. */
  readonly sinkStagingTables: readonly string[];
  /** A sink keeps its rows, marked `inserted`; otherwise it only counts them. */
  readonly sinkKeepsRows: boolean;
  /** The HTTP status of a row that failed: the body says so in either case. */
  readonly failedRowStatus: 200 | 201;
  /** The plugin "Insert Multiple Web Service" is there; without it the path leads nowhere. */
  readonly insertMultipleInstalled: boolean;
  /** A table that takes no import rows is reported as the error of a row, with a 201. Default: 400 `Invalid table`. */
  readonly invalidStagingTableAsRowError: boolean;
  /** `sys_import_row` of the first row of a set is 0. Default: 1. */
  readonly stagingRowsFromZero: boolean;
  /** A staging row with more bytes than this is skipped: it does not get into its set. */
  readonly maxStagingRowBytes: number;
};

const defaultImportSwitches: ImportSwitches = {
  transformDelayMs: 100,
  sinkStagingTables: [],
  sinkKeepsRows: true,
  failedRowStatus: 201,
  insertMultipleInstalled: true,
  invalidStagingTableAsRowError: false,
  stagingRowsFromZero: false,
  maxStagingRowBytes: 8_126,
};

/**
 * What public sources leave open about an instance, one switch each, with the default that
 * docs/servicenow-contract.md 11 names. `startInstance({ switches: { … } })` sets any of them.
 */
export type Switches = AuthSwitches &
  ImportSwitches &
  LoadSwitches &
  BaseRuleSwitches & {
    /** A data policy of incident: `close_code` and `close_notes` are mandatory when it is resolved or closed. */
    readonly incidentClosePolicy: boolean;
    /** An unknown field in a query yields no rows (`glide.invalid_query.returns_no_rows`). Default: the clause is dropped. */
    readonly invalidQueryReturnsNoRows: boolean;
    /** Text compares with regard to case. Default: without. */
    readonly caseSensitiveText: boolean;
    /** `^^` in a query stands for one literal caret. */
    readonly undoubleCarets: boolean;
    /** The negative operators of a query also find rows whose column is empty. */
    readonly negationFindsEmpty: boolean;
    /** `f=x%` in a query means `fSTARTSWITHx`, as in the search field of a list. Default: the percent sign is just text. */
    readonly trailingPercentStartsWith: boolean;
    /** Rows that the asked order leaves tied come in a seeded random order instead of by sys_id. */
    readonly shuffleTies: boolean;
    /** A request without Accept, or one with a body and no Content-Type, is answered 400, as documented. Default: taken. */
    readonly requireMediaTypes: boolean;
    /** The most rows that one page of the Table API holds, whatever is asked for; 0 for no such limit. */
    readonly maxLimit: number;
    /** A page that begins within the first one has a `prev`, with a negative offset. Default: none below -1. */
    readonly prevBelowStart: boolean;
    /** A value that a unique column has already is refused in the words of the database. Default: as a taken sys_id is. */
    readonly duplicatesInDatabaseWords: boolean;
    /** `X-Total-Count` is sent although `sysparm_no_count=true`. */
    readonly countDespiteNoCount: boolean;
    /** An update that changes nothing still moves sys_updated_on, sys_updated_by and sys_mod_count. */
    readonly touchOnNoChange: boolean;
    /** Text longer than its column is cut at the column's length, silently. */
    readonly truncateLongText: boolean;
    /** Text keeps characters above U+FFFF, such as emoji. A database in MySQL's utf8mb3 stores `????` for each. */
    readonly supplementaryCharactersKept: boolean;
    /** `sysparm_suppress_auto_sys_field=true` leaves sys_updated_* and sys_mod_count alone, as older releases document. */
    readonly honourSuppressAutoSysField: boolean;
    /** `glide.rest.max_content_length`, in bytes. */
    readonly maxContentLengthBytes: number;
    /** A longer path and query, in bytes, is answered 414 with HTML. Live ones took some 30,000; others report 8,192. */
    readonly maxUrlBytes: number;
    /** `glide.rest.batch.max.inputSize`: the longest body of one item of a batch, in bytes. */
    readonly batchMaxInputBytes: number;
    /** `glide.rest.batch.max.outputSize`: the longest answer of one item; X-BATCHREQUEST-MAX-OUTPUT-SIZE may lower it. */
    readonly batchMaxOutputBytes: number;
    /** A transaction that faults make longer than this is cancelled with a 500 and commits nothing; 0 for no quota. */
    readonly transactionQuotaMs: number;
    /** Tables whose inserts ignore the sys_id that the caller gives; `*` for all. */
    readonly ignoreGivenSysIdOn: readonly string[];
    /** Lists and aggregates show what was written only so many milliseconds later, as from a lagging read replica. */
    readonly lookupLagMs: number;
    /** Reads of one record by its sys_id lag too. */
    readonly lookupLagOnGet: boolean;
    /** PATCH, PUT and DELETE reach records that the caller may write or delete but not read. Default: 404. */
    readonly writesReachHiddenRecords: boolean;
    /** What happens to the text of a journal entry when it is stored, in this order: `trim`, `collapse` (runs of blanks), `escape-html`, `crlf` or `lf` (line ends). */
    readonly journalTextChanges: readonly string[];
    /** The text of a journal entry is cut at this many characters when it is stored; 0 for the column's length. */
    readonly journalMaxCharacters: number;
    /** The transaction quota of a batch; items that are not begun by then stay unserviced. */
    readonly batchTimeLimitMs: number;
    /** `com.glide.attachment.max_size`, in bytes; the longest file that may be attached. */
    readonly attachmentMaxBytes: number;
    /** What a longer one is answered with. */
    readonly attachmentOversizeStatus: number;
    /** `glide.attachment.extensions`: the endings that a file may have, in lower case; empty for any. */
    readonly attachmentExtensions: readonly string[];
    /** How long a new attachment stays `pending` before it is `available`. */
    readonly attachmentScanMs: number;
  };

export const defaultSwitches: Switches = {
  ...defaultAuthSwitches,
  ...defaultImportSwitches,
  ...defaultLoadSwitches,
  invalidQueryReturnsNoRows: false,
  caseSensitiveText: false,
  undoubleCarets: true,
  negationFindsEmpty: false,
  trailingPercentStartsWith: false,
  shuffleTies: false,
  requireMediaTypes: false,
  maxLimit: 0,
  prevBelowStart: false,
  duplicatesInDatabaseWords: false,
  countDespiteNoCount: false,
  touchOnNoChange: false,
  truncateLongText: true,
  supplementaryCharactersKept: true,
  honourSuppressAutoSysField: true,
  maxContentLengthBytes: 10_485_760,
  maxUrlBytes: 65_536,
  batchMaxInputBytes: 5_242_880,
  batchMaxOutputBytes: 10_485_760,
  priorityLookup: true,
  incidentRolesEnforced: true,
  closedIncidentIsFinal: false,
  changeTypeCompatibility: false,
  incidentClosePolicy: true,
  transactionQuotaMs: 0,
  ignoreGivenSysIdOn: [],
  lookupLagMs: 0,
  lookupLagOnGet: false,
  writesReachHiddenRecords: false,
  journalTextChanges: [],
  journalMaxCharacters: 0,
  batchTimeLimitMs: 30_000,
  attachmentMaxBytes: 1_073_741_824,
  attachmentOversizeStatus: 413,
  attachmentExtensions: [],
  attachmentScanMs: 0,
};

/** Whether a switch that lists tables names this one; `*` names all. */
export const isListed = (tables: readonly string[], table: string): boolean =>
  tables.includes(table) || tables.includes('*');

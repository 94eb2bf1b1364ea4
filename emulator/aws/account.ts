/** The account that everything local belongs to. */
export const ACCOUNT_ID = '000000000000';

/** The region that everything local is in, as in serverless.yml. */
export const REGION = 'us-east-1';

/** The account that everything local belongs to. */
export const ACCOUNT_ID = '000000000000';

/** The region when nothing else names one. */
export const REGION = 'eu-west-1';

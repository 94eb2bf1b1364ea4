import { ConnectorError } from '../core/errors.ts';

/** The instance answered with more than a Lambda function can hand on. */
export class AnswerTooLargeError extends ConnectorError {
  override readonly name: string = 'AnswerTooLargeError';
  override readonly code = 'ANSWER_TOO_LARGE';
  override readonly ownAnswer = { status: 413, title: 'Answer too large' };

  /** @param advice what the caller may do before asking for less; may be empty */
  constructor(bytes: number, advice: string) {
    const megabytes = (bytes / 1_048_576).toFixed(1);
    super(
      `The answer has ${megabytes} MB and AWS Lambda carries 6; ${advice}` +
        'ask for less with sysparm_fields and sysparm_limit, page by page',
    );
  }
}

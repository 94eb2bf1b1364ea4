import type { NotificationRule } from './bucket-table.ts';
import { testMessage } from './notification.ts';
import type { S3State } from './state.ts';

/** Sets which events go where, and sends each queue the `s3:TestEvent`, as S3 does. The same rules again send none. */
export function setNotifications(state: S3State, bucket: string, rules: readonly NotificationRule[]): void {
  state.change(() => {
    const nowMs = state.clock.now();
    const before = JSON.stringify(state.buckets.get(bucket).notifications);
    if (before === JSON.stringify(rules)) return;
    state.buckets.setNotifications(bucket, rules);
    for (const { queueArn } of rules) state.outbox.add(queueArn, testMessage(bucket, nowMs), nowMs);
  });
}

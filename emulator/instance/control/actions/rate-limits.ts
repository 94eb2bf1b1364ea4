import type { ControlAction } from '../action.ts';
import { rateLimitSchema } from '../rate-limit-rules.ts';

const addRule: ControlAction = ({ body }, { limits }) => ({
  sysId: limits.add(rateLimitSchema().parse(body)),
});

const listRules: ControlAction = (_, { limits }) => ({ rules: limits.list() });

const clearRules: ControlAction = (_, { limits }) => {
  limits.clear();
  return {};
};

export const rateLimitActions = {
  'POST rate-limits': addRule,
  'GET rate-limits': listRules,
  'DELETE rate-limits': clearRules,
};

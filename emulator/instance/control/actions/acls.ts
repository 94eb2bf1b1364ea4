import { aclRuleSchema } from '../../auth/acl-rule.ts';
import type { ControlAction } from '../action.ts';

const addRule: ControlAction = ({ body }, { auth }) => {
  auth.access.add(aclRuleSchema().parse(body));
  return {};
};

const listRules: ControlAction = (_, { auth }) => ({ rules: auth.access.list() });

const clearRules: ControlAction = (_, { auth }) => {
  auth.access.clear();
  return {};
};

export const aclActions = { 'POST acls': addRule, 'GET acls': listRules, 'DELETE acls': clearRules };

import type { Server } from 'node:http';
import dynalite from 'dynalite';
import db from 'dynalite/db/index.js';
import putItem from 'dynalite/validations/putItem.js';
import updateItem from 'dynalite/validations/updateItem.js';

const parameter = { type: 'String', enum: ['NONE', 'ALL_OLD'] };
for (const { types } of [putItem, updateItem]) types['ReturnValuesOnConditionCheckFailure'] = parameter;

const { checkConditional } = db;

/** As dynalite's own, with the item in the answer where the call asks for it. */
db.checkConditional = (call, item) => {
  const refusal = checkConditional(call, item);
  if (refusal && item && call.ReturnValuesOnConditionCheckFailure === 'ALL_OLD') refusal.body['Item'] = item;
  return refusal;
};

/** dynalite, which returns the item with a failed condition as DynamoDB does. It does not listen yet. */
export function openDatabase(options: dynalite.Options): Server {
  return dynalite(options);
}

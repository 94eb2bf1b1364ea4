import { correlationIdOf } from '../../../lib/operations/identity.ts';
import type { Dice } from '../harness/dice.ts';
import type { InstanceName } from '../harness/fault-stack.ts';
import type { Note } from '../model/record-model.ts';
import { journalColumns, stormTables } from './storm-schema.ts';
import { type Story, StoryWriter } from './story.ts';

type Script = (story: StoryWriter, dice: Dice) => void;

/** A kind of story: how often it occurs among all, on which table, and what happens in it. */
type Kind = { readonly weight: number; readonly table?: string; readonly script: Script };

/** Of the template's defaults. */
const deployment = 'servicenow-functions/dev';

const { correlated, hidden, hiddenCorrelated, ruled } = stormTables;

/** What happens to records in a storm, by name. Every kind must occur in a run, or the run proves nothing about it. */
const kinds: Readonly<Record<string, Kind>> = {
  'one create': { weight: 12, script: createOnce },
  'create from two senders': { weight: 6, script: createTwice },
  'create, delete, old create again': { weight: 4, script: createDeleteCreate },
  'create in a correlationIdTable': { weight: 5, table: correlated, script: createTwice },
  'create, delete, old create again in a correlationIdTable': {
    weight: 2,
    table: correlated,
    script: createDeleteCreate,
  },
  'create and upserts that match by its correlation_id': {
    weight: 3,
    table: correlated,
    script: createAndUpserts,
  },
  'create of what cannot be read': { weight: 3, table: hidden, script: createTwice },
  'create of what cannot be read in a correlationIdTable': {
    weight: 3,
    table: hiddenCorrelated,
    script: createTwice,
  },
  'updates from several senders': { weight: 5, script: updatesUnordered },
  'updates in a FIFO group': { weight: 6, script: updatesInOrder },
  'old update again after a newer one': { weight: 4, script: oldUpdateAgain },
  'updates and a delete': { weight: 4, script: updatesAndDelete },
  'update, delete, both again': { weight: 4, script: updateDeleteAgain },
  'delete of a mistyped sys_id': { weight: 2, script: deleteMistyped },
  'update of a mistyped sys_id': { weight: 2, script: updateMistyped },
  'racing upserts': { weight: 5, script: upsertsRace },
  'racing upserts whose matches differ in case': { weight: 4, script: upsertsInCases },
  'upserts in a FIFO group': { weight: 4, script: upsertsInOrder },
  'upserts in a correlationIdTable': { weight: 3, table: correlated, script: upsertsInOrder },
  'upserts of an active record that a person closes': { weight: 5, script: upsertsAndClosing },
  'upsert that changes what it matches by': { weight: 4, script: upsertChangesMatch },
  'upsert, delete, upsert, all again': { weight: 4, script: upsertDeleteUpsert },
  'upsert of two records': { weight: 2, script: upsertAmbiguous },
  'a person edits between updates': { weight: 3, script: personEdits },
  'a person copies a record': { weight: 3, script: personCopies },
  'a person copies a record of a correlationIdTable': {
    weight: 2,
    table: correlated,
    script: personCopies,
  },
  'notes from several senders': { weight: 4, script: notesUnordered },
  'notes in a FIFO group': { weight: 5, script: notesInOrder },
  'notes of one text under different keys': { weight: 4, script: notesAlike },
  'notes of odd text': { weight: 3, script: notesOdd },
  'notes with an upsert': { weight: 3, script: notesWithUpsert },
  'create that a rule changes': { weight: 2, table: ruled, script: ruleChanges },
  'create that a rule refuses': { weight: 2, table: ruled, script: ruleRefuses },
  'upserts that a rule closes': { weight: 2, table: ruled, script: ruleCloses },
  'odd values': { weight: 2, script: oddValues },
  'messages that cannot be read': { weight: 2, script: unreadable },
};

export const storyKinds: readonly string[] = Object.keys(kinds);

export type StoryOptions = {
  readonly seed: number;
  readonly messages: number;
  /** A text that records carry, to be found where it must not be. */
  readonly contents: string;
  /** Share of the stories that happen on the second instance, in percent. */
  readonly secondInstancePercent: number;
  /** Only kinds whose name holds this text. @default all */
  readonly only?: string | undefined;
};

/**
 * Makes up stories until they have so many messages: each kind at least once, then by weight.
 * @throws Error where no kind has such a name
 */
export function makeStories(options: StoryOptions, dice: Dice): readonly Story[] {
  const wanted = storyKinds.filter((name) => name.includes(options.only ?? ''));
  if (wanted.length === 0) throw new Error(`no story is called ${options.only}`);
  const stories: Story[] = [];
  let messages = 0;
  for (let index = 0; messages < options.messages || index < wanted.length; index += 1) {
    const kind = wanted[index] ?? drawKind(wanted, dice);
    const instance: InstanceName = dice.chance(options.secondInstancePercent) ? 'second' : 'first';
    const { seed, contents } = options;
    const story = makeStory({ id: `s${seed}x${index}`, kind, instance, contents }, dice);
    stories.push(story);
    messages += story.phases.reduce((sum, { sendings }) => sum + sendings.length, 0);
  }
  return stories;
}

function drawKind(wanted: readonly string[], dice: Dice): string {
  const weightOf = (name: string) => kinds[name]?.weight ?? 0;
  let left = dice.random() * wanted.reduce((sum, name) => sum + weightOf(name), 0);
  for (const name of wanted) {
    left -= weightOf(name);
    if (left < 0) return name;
  }
  return wanted[0] ?? '';
}

/** Makes up a story of one kind. */
export function makeStory(
  head: Pick<Story, 'id' | 'kind' | 'instance'> & { readonly contents: string },
  dice: Dice,
): Story {
  const { table = stormTables.plain, script = createOnce } = kinds[head.kind] ?? {};
  const writer = new StoryWriter({ ...head, table }, { dice, contents: head.contents });
  script(writer, dice);
  return writer.finish();
}

function createOnce(story: StoryWriter, dice: Dice): void {
  const notes = dice.chance(20) ? [noteOf(story, 1, 'work_notes')] : [];
  story.create('record', { notes });
}

function createTwice(story: StoryWriter, dice: Dice): void {
  const notes = dice.chance(30) ? [noteOf(story, 1, 'work_notes')] : [];
  const sending = story.create('record', { key: dice.pick(['body', 'attribute']), notes });
  for (let copies = dice.pick([1, 1, 2]); copies > 0; copies -= 1) story.again(sending);
}

function createDeleteCreate(story: StoryWriter, dice: Dice): void {
  const created = story.create('record', { key: dice.pick(['body', 'attribute', 'none']) });
  story.afterwards();
  const deleted = story.delete('record', { key: 'body' });
  if (dice.chance(40)) story.again(deleted);
  story.afterwards();
  // Without a key the same body makes another record; copies of such a message come at the end of the storm.
  if (created.isKeyed) story.again(created);
  if (dice.chance(50)) story.again(deleted);
}

/** Of these, whichever comes first makes the record, and the others find it. */
function createAndUpserts(story: StoryWriter, dice: Dice): void {
  const correlationId = correlationIdOf(deployment, story.table, `key-${story.id}.1`);
  const known = { correlation_id: correlationId };
  const values = { u_match: story.id, active: 'true' };
  const create = story.create('record', { key: dice.pick(['body', 'attribute']), values, knownBy: known });
  if (dice.chance(50)) story.again(create);
  story.upsert(known, { values });
  if (dice.chance(50)) story.upsert({ ...known, active: 'true' }, { values });
  if (dice.chance(50)) story.upsert({ u_match: story.id }, { values: { ...values, ...known } });
  story.afterwards();
  if (dice.chance(50)) story.again(create);
}

function updatesUnordered(story: StoryWriter, dice: Dice): void {
  story.seed('record');
  for (let count = dice.pick([2, 3, 4]); count > 0; count -= 1) {
    const sending = story.update('record', { values: { u_shared: `${story.id}-${count}` } });
    if (sending.isKeyed && dice.chance(30)) story.again(sending);
  }
}

function updatesInOrder(story: StoryWriter, dice: Dice): void {
  story.seed('record');
  for (let count = dice.pick([3, 4, 6]); count > 0; count -= 1) {
    const sending = story.update('record', { fifo: true, values: { u_shared: `${story.id}-${count}` } });
    if (sending.isKeyed && dice.chance(30)) story.again(sending);
  }
}

function oldUpdateAgain(story: StoryWriter, dice: Dice): void {
  const fifo = dice.chance(50);
  story.seed('record');
  const old = story.update('record', { fifo, key: 'body', values: { u_shared: `${story.id}-old` } });
  story.afterwards();
  story.update('record', { fifo, values: { u_shared: `${story.id}-new` } });
  story.afterwards();
  story.again(old);
}

function updatesAndDelete(story: StoryWriter, dice: Dice): void {
  const fifo = dice.chance(50);
  story.seed('record');
  story.update('record', { fifo, values: { u_shared: `${story.id}-1` } });
  if (dice.chance(50)) story.update('record', { fifo, notes: [noteOf(story, 2, 'comments')] });
  story.delete('record', { fifo });
}

function updateDeleteAgain(story: StoryWriter, dice: Dice): void {
  story.seed('record');
  const notes = dice.chance(40) ? [noteOf(story, 1, 'work_notes')] : [];
  const updated = story.update('record', { key: 'body', values: { u_shared: `${story.id}-1` }, notes });
  story.afterwards();
  const deleted = story.delete('record', { key: 'attribute' });
  story.afterwards();
  story.again(updated);
  story.again(deleted);
}

function deleteMistyped(story: StoryWriter): void {
  story.seed('record');
  story.ghost('mistyped');
  story.delete('mistyped', { refused: 'not-found' });
  story.update('record');
}

function updateMistyped(story: StoryWriter, dice: Dice): void {
  story.ghost('mistyped');
  story.update('mistyped', { fifo: dice.chance(50), refused: 'not-found' });
}

function upsertsRace(story: StoryWriter, dice: Dice): void {
  if (dice.chance(40)) story.seed('record', { u_match: story.id });
  for (let count = dice.pick([2, 3, 4]); count > 0; count -= 1) {
    const sending = story.upsert({ u_match: story.id });
    if (sending.isKeyed && dice.chance(30)) story.again(sending);
  }
}

function upsertsInCases(story: StoryWriter): void {
  const text = `Host-${story.id}`;
  for (const spelling of [text, text.toUpperCase(), text.toLowerCase()]) story.upsert({ u_match: spelling });
}

function upsertsInOrder(story: StoryWriter, dice: Dice): void {
  for (let count = dice.pick([2, 3, 4]); count > 0; count -= 1) {
    const values = { u_shared: `${story.id}-${count}` };
    const sending = story.upsert({ u_match: story.id }, { fifo: true, values });
    if (sending.isKeyed && dice.chance(30)) story.again(sending);
  }
}

function upsertsAndClosing(story: StoryWriter, dice: Dice): void {
  const match = { u_match: story.id, active: 'true' };
  const first = story.upsert(match, { key: 'body' });
  if (dice.chance(50)) story.upsert(match);
  story.afterwards();
  story.close();
  story.afterwards();
  story.upsert(match);
  if (dice.chance(50)) story.upsert(match);
  if (dice.chance(70)) story.again(first);
}

function upsertChangesMatch(story: StoryWriter, dice: Dice): void {
  const match = { u_match: story.id, u_phase: 'new' };
  const first = story.upsert(match, { key: 'body', values: { u_phase: 'seen' } });
  if (dice.chance(50)) story.again(first);
  if (dice.chance(50)) story.upsert(match, { values: { u_phase: 'seen' } });
  story.afterwards();
  story.again(first);
  if (dice.chance(50)) story.upsert(match, { values: { u_phase: 'seen' } });
}

function upsertDeleteUpsert(story: StoryWriter, dice: Dice): void {
  const match = { u_match: story.id };
  const first = story.upsert(match, { key: 'body' });
  story.afterwards();
  story.delete(first.write.id, { key: 'body' });
  story.afterwards();
  if (dice.chance(60)) story.upsert(match);
  story.again(first);
}

function upsertAmbiguous(story: StoryWriter): void {
  story.seed('one', { u_match: story.id });
  story.seed('two', { u_match: story.id.toUpperCase() });
  story.upsert({ u_match: story.id }, { refused: 'ambiguous' });
}

function personEdits(story: StoryWriter, dice: Dice): void {
  const fifo = dice.chance(50);
  story.seed('record');
  story.update('record', { fifo });
  story.afterwards();
  story.person('record', { u_shared: 'by a person' });
  story.update('record', { fifo });
  story.afterwards();
  story.update('record', { fifo });
}

/** What was sent before or comes later is about the first record; the copy stays as it is. */
function personCopies(story: StoryWriter, dice: Dice): void {
  const created = story.create('record', { key: dice.pick(['body', 'attribute']) });
  story.afterwards();
  story.copy();
  story.afterwards();
  story.again(created);
  story.update('record');
  if (dice.chance(50)) story.again(created);
}

function notesUnordered(story: StoryWriter, dice: Dice): void {
  story.seed('record');
  for (let count = dice.pick([2, 3, 4]); count > 0; count -= 1) {
    const sending = story.update('record', { notes: [noteOf(story, count, dice.pick(journalColumns))] });
    if (sending.isKeyed && dice.chance(40)) story.again(sending);
  }
}

function notesInOrder(story: StoryWriter, dice: Dice): void {
  story.seed('record');
  for (let count = dice.pick([3, 4, 6]); count > 0; count -= 1) {
    const notes = [noteOf(story, count, dice.pick(journalColumns))];
    const sending = story.update('record', { fifo: true, notes });
    if (sending.isKeyed && dice.chance(30)) story.again(sending);
  }
}

function notesAlike(story: StoryWriter, dice: Dice): void {
  const fifo = dice.chance(50);
  const column = dice.pick(journalColumns);
  const text = 'Disk full on web-01';
  story.seed('record');
  for (let count = dice.pick([2, 3]); count > 0; count -= 1) {
    const sending = story.update('record', { fifo, key: 'body', notes: [{ column, text }] });
    if (dice.chance(40)) story.again(sending);
  }
}

/** Texts that an instance, JSON or UTF-8 changes on the way. */
const oddTexts: readonly [string, ...string[]] = [
  'x'.repeat(5_000),
  'half a pair \ud83d and more',
  'line\r\nline\rline\n\n  ',
  'null \u0000 and bell \u0007',
  '\u200e\u202egnirts desrever',
  'combined e\u0301 and composed \u00e9',
  '[code]<b>bold</b>[/code]',
];

function notesOdd(story: StoryWriter, dice: Dice): void {
  story.seed('record');
  for (let count = dice.pick([1, 2, 3]); count > 0; count -= 1) {
    const column = dice.pick(journalColumns);
    const text = `${story.id}.n${count}| ${dice.pick(oddTexts)}`;
    const sending = story.update('record', { notes: [{ column, text }] });
    if (sending.isKeyed && dice.chance(40)) story.again(sending);
  }
}

function notesWithUpsert(story: StoryWriter, dice: Dice): void {
  const match = { u_match: story.id };
  const first = story.upsert(match, { key: 'body', notes: [noteOf(story, 1, 'work_notes')] });
  if (dice.chance(50)) story.again(first);
  story.upsert(match, { notes: [noteOf(story, 2, 'comments')] });
  story.afterwards();
  if (dice.chance(50)) story.again(first);
}

function ruleChanges(story: StoryWriter, dice: Dice): void {
  const key = dice.pick<'body' | 'attribute'>(['body', 'attribute']);
  const values = { u_shared: 'by the sender' };
  story.again(story.create('record', { key, values, seenAs: { u_shared: 'by a rule' } }));
}

function ruleRefuses(story: StoryWriter, dice: Dice): void {
  const key = dice.pick<'body' | 'attribute'>(['body', 'attribute']);
  story.again(story.create('record', { key, values: { u_phase: 'forbidden' }, refused: 'rule' }));
}

/** Each finds no open record and makes one, which a rule closes. */
function ruleCloses(story: StoryWriter, dice: Dice): void {
  const match = { u_match: story.id, active: 'true' };
  const seenAs = { active: 'false', u_shared: 'by a rule' };
  const options = { values: { u_phase: 'closing' }, seenAs };
  const first = story.upsert(match, { ...options, key: 'body' });
  story.upsert(match, options);
  story.afterwards();
  if (dice.chance(50)) story.upsert(match, options);
  story.again(first);
}

function oddValues(story: StoryWriter, dice: Dice): void {
  const oddJson = dice.pick([
    '{"toString":1,"valueOf":null}',
    `${'['.repeat(6_000)}${']'.repeat(6_000)}`,
    `${'{"a":'.repeat(6_000)}1${'}'.repeat(6_000)}`,
    '{"__proto__":{"toString":"x"}}',
    '[[["a"],{"b":null}]]',
    '90071992547409910000',
    '-0',
    '"half a pair \\ud83d"',
  ]);
  story.create('record', { oddJson, key: 'body', mayBeRefused: 'invalid' });
}

function unreadable(story: StoryWriter, dice: Dice): void {
  const { id, table } = story;
  const record = { u_story: id };
  story.odd(
    dice.pick([
      `{"story":"${id}"`,
      `"${id}"`,
      `${'['.repeat(6_000)}"${id}"${']'.repeat(6_000)}`,
      JSON.stringify({ table, record, action: 'replace' }),
      JSON.stringify({ table, records: [record] }),
      JSON.stringify({ table, record: [record] }),
      JSON.stringify({ table: 'no_such_table', record }),
      JSON.stringify({ table, record, key: '   ' }),
      JSON.stringify({ action: 'update', table, sysId: 'not a sys_id', record }),
      JSON.stringify({ action: 'upsert', table, match: { constructor: id }, record }),
      JSON.stringify({ action: 'upsert', table, match: {}, record }),
      JSON.stringify({ table, record, instance: 'third' }),
    ]),
    'invalid',
  );
}

/** A text that differs from all others. */
function noteOf({ id }: StoryWriter, index: number, column: string): Note {
  return { column, text: `${id}.n${index}| said once` };
}

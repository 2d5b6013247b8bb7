import type { Change, GrantSummary, NewGrant } from '@drc/cluster-manager';
import { DrcError } from '@drc/protocol';
import { type AccessFlags, withAccess } from '../access.js';
import { printLine } from '../print-line.js';
import { readSecret } from '../secret.js';

/** `drc user`, `role`, `grant`, `revoke`, `grants`, `token` and `cluster`: who may read what. */

export interface OutputFlags extends AccessFlags {
  readonly output: 'table' | 'json';
}

export interface RemovalFlags extends OutputFlags {
  readonly dryRun?: boolean;
}

export interface UserAddFlags extends OutputFlags {
  readonly administrator?: boolean;
  readonly roles?: readonly string[];
}

export async function userAdd(name: string, flags: UserAddFlags): Promise<void> {
  const { administrator = false, roles = [] } = flags;
  const made = await withAccess(flags, ({ users }) => users.add({ name, administrator, roles, grants: [] }));
  if (roles.length === 0) {
    process.stderr.write(`${name} may read nothing yet: drc grant ${name} --topics … --tables …\n`);
  }
  printCredentials(made, flags);
}

export async function userRotate(name: string, flags: OutputFlags): Promise<void> {
  printCredentials(await withAccess(flags, ({ users }) => users.rotate(name)), flags);
}

export async function userDisable(name: string, flags: RemovalFlags): Promise<void> {
  const { dryRun } = flags;
  printChange(await withAccess(flags, ({ users }) => users.disable(name, { dryRun })), flags);
}

export async function userEnable(name: string, flags: OutputFlags): Promise<void> {
  printChange(await withAccess(flags, ({ users }) => users.enable(name)), flags);
}

export async function userRemove(name: string, flags: RemovalFlags): Promise<void> {
  const { dryRun } = flags;
  printChange(await withAccess(flags, ({ users }) => users.remove(name, { dryRun })), flags);
}

/** One user a line: name, `administrator` or `user`, whether disabled, roles, number of own grants. */
export async function userList(flags: OutputFlags): Promise<void> {
  const list = await withAccess(flags, ({ users }) => users.list());
  if (flags.output === 'json') return printJson(list);
  for (const { name, administrator, disabled, roles, grants } of list) {
    const kind = administrator ? 'administrator' : 'user';
    printLine(name, kind, disabled ? 'disabled' : 'enabled', joined(roles), plural(grants.length, 'grant'));
  }
}

export async function roleAdd(name: string, flags: OutputFlags): Promise<void> {
  printChange(await withAccess(flags, ({ roles }) => roles.add(name)), flags);
}

export async function roleRemove(name: string, flags: RemovalFlags): Promise<void> {
  const { dryRun } = flags;
  printChange(await withAccess(flags, ({ roles }) => roles.remove(name, { dryRun })), flags);
}

export async function roleAssign(role: string, principal: string, flags: OutputFlags): Promise<void> {
  printChange(await withAccess(flags, ({ roles }) => roles.assign(role, principal)), flags);
}

export async function roleUnassign(role: string, principal: string, flags: RemovalFlags): Promise<void> {
  const { dryRun } = flags;
  printChange(await withAccess(flags, ({ roles }) => roles.unassign(role, principal, { dryRun })), flags);
}

/** One role a line: name, members, number of grants. */
export async function roleList(flags: OutputFlags): Promise<void> {
  const list = await withAccess(flags, ({ roles }) => roles.list());
  if (flags.output === 'json') return printJson(list);
  for (const { name, members, grants } of list)
    printLine(name, joined(members), plural(grants.length, 'grant'));
}

export interface GrantFlags extends OutputFlags, Pick<NewGrant, 'topics' | 'tables'> {
  readonly where?: string;
  readonly drop?: readonly string[];
  readonly hash?: readonly string[];
  readonly snapshot?: boolean;
  readonly backfill?: boolean;
}

export async function grant(to: string, flags: GrantFlags): Promise<void> {
  const { topics, tables, where, drop, hash, snapshot, backfill } = flags;
  const wanted = { topics, tables, where, drop, hash, snapshot, backfill };
  const made = await withAccess(flags, ({ grants }) => grants.add(to, wanted));
  if (flags.output === 'json') printJson(made);
  else printGrant(made);
}

export interface RevokeFlags extends RemovalFlags {
  readonly all?: boolean;
  readonly now?: boolean;
}

/** @param ids what `drc grants ls` shows */
export async function revoke(from: string, ids: readonly string[], flags: RevokeFlags): Promise<void> {
  const { all = false, dryRun, now } = flags;
  if (all === ids.length > 0) {
    throw new DrcError(
      'CONFIG_INVALID',
      `Name the grants by their ids (drc grants ls ${from}), or say --all.`,
    );
  }
  const options = { dryRun, now, ...(all ? {} : { ids }) };
  printChange(await withAccess(flags, ({ grants }) => grants.revoke(from, options)), flags);
}

/** One grant a line: whose, id, topics, tables, and what it says beside them. */
export async function grantsList(to: string | undefined, flags: OutputFlags): Promise<void> {
  const list = await withAccess(flags, ({ grants }) => grants.list(to));
  if (flags.output === 'json') return printJson(list);
  for (const each of list) printGrant(each);
}

export interface TokenIssueFlags extends OutputFlags {
  readonly label: string;
  /** ms */
  readonly expires?: number;
}

export async function tokenIssue(principal: string, flags: TokenIssueFlags): Promise<void> {
  const { label, expires: lifeMs } = flags;
  const made = await withAccess(flags, ({ tokens }) => tokens.issue({ principal, label, lifeMs }));
  if (flags.output === 'json') return printJson(made);
  process.stderr.write(
    `Token ${made.id} of ${principal}, good until ${timeText(made.expiresAt)}; it is shown this once:\n`,
  );
  process.stdout.write(`${made.token}\n`);
}

export interface TokenInspectFlags extends OutputFlags {
  readonly tokenFile?: string;
}

/** @param id where the token itself is not in a file: as an argument `ps` would show it */
export async function tokenInspect(id: string | undefined, flags: TokenInspectFlags): Promise<void> {
  const { tokenFile } = flags;
  if ((id === undefined) === (tokenFile === undefined) || id?.startsWith('drctk_') === true) {
    throw new DrcError(
      'CONFIG_INVALID',
      'Name the id of a token (drc token ls), or a file with the token itself: --token-file.',
    );
  }
  const text = id ?? (await readSecret({ variable: 'DRC_TOKEN', flagFile: tokenFile })).trim();
  const found = await withAccess(flags, ({ tokens }) => tokens.inspect(text));
  if (flags.output === 'json') return printJson(found);
  const { id: shown, principal, label, state, createdAt, expiresAt } = found;
  printLine(shown, principal, label, state, timeText(createdAt), timeText(expiresAt));
}

/** @param text the id, or the token itself */
export async function tokenRevoke(text: string, flags: RemovalFlags): Promise<void> {
  const id = /^(?:drctk_)?([0-9a-f]{16})(?:_|$)/.exec(text)?.[1];
  if (id === undefined) {
    // It may be a token with a typing error: not repeated.
    throw new DrcError('CONFIG_INVALID', 'That is not the id of a token; `drc token ls` lists them.');
  }
  const { dryRun } = flags;
  printChange(await withAccess(flags, ({ tokens }) => tokens.revoke(id, { dryRun })), flags);
}

/** One token a line: id, whose, label, state, when it was made and when it ends. */
export async function tokenList(flags: OutputFlags): Promise<void> {
  const list = await withAccess(flags, ({ tokens }) => tokens.list());
  if (flags.output === 'json') return printJson(list);
  for (const { id, principal, label, state, createdAt, expiresAt } of list)
    printLine(id, principal, label, state, timeText(createdAt), timeText(expiresAt));
}

export async function clusterRotateKeys(flags: OutputFlags): Promise<void> {
  const made = await withAccess(flags, ({ keys }) => keys.rotate());
  if (flags.output === 'json') return printJson(made);
  process.stderr.write(
    `The stores are told of the new key; it is signed with after three leases (leaseMs) of the manager's running.\n`,
  );
  printLine(made.kid);
}

function printCredentials(made: { name: string; password: string }, { output }: OutputFlags): void {
  if (output === 'json') printJson(made);
  else process.stdout.write(`name: ${made.name}\npassword: ${made.password}\n`);
}

/** What was changed, or would be. */
function printChange(change: Change, { output, dryRun }: RemovalFlags): void {
  if (output === 'json') return printJson(dryRun === true ? { dryRun, ...change } : change);
  printLine(`${dryRun === true ? 'would: ' : ''}${change.event}`, change.subject);
  if (change.before !== undefined) printLine('  before', JSON.stringify(change.before));
  if (change.after !== undefined) printLine('  after', JSON.stringify(change.after));
}

function printGrant({ to, id, topics, tables, where, drop = [], hash = [], ...rights }: GrantSummary): void {
  const rest = [
    ...(where === undefined ? [] : [`where ${where}`]),
    ...(drop.length === 0 ? [] : [`drop ${drop.join(',')}`]),
    ...(hash.length === 0 ? [] : [`hash ${hash.join(',')}`]),
    ...(rights.snapshot === true ? ['snapshot'] : []),
    ...(rights.backfill === true ? ['backfill'] : []),
  ];
  printLine(to, id, topics.join(','), tables.join(','), rest.join('; ') || '-');
}

const printJson = (value: unknown): void => {
  process.stdout.write(`${JSON.stringify(value, undefined, 2)}\n`);
};

const joined = (names: readonly string[]): string => names.join(',') || '-';

const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`;

const timeText = (time: number): string => new Date(time).toISOString();

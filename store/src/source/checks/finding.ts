import type { ErrorCode } from '@drc/protocol';
import type { ServerFacts } from './facts.js';

/**
 * - `ok`: nothing to do;
 * - `warning`: capture works, and something can be lost, or will be missed;
 * - `fault`: a store refuses to capture;
 * - `unknown`: the source did not answer the question, for want of a privilege or of time. Never to be read as ok.
 */
export type FindingStatus = 'ok' | 'warning' | 'fault' | 'unknown';

/** What one check found. */
export interface Finding {
  /** Of the check. Stable: programs may look for it. Where one variable is checked, the variable's own. */
  readonly name: string;
  readonly status: FindingStatus;
  /** What the source has. */
  readonly found: string;
  /** What is right; empty where the check only tells. */
  readonly wanted: string;
  /** What the matter is, in whole sentences; may be empty where the status is `ok`. */
  readonly why: string;
  /**
   * Steps that mend it, in order: a statement ends with `;`, lines for the server's option file begin with `[mysqld]`,
   * everything else is a sentence. Empty where there is nothing to mend.
   */
  readonly fix: readonly string[];
  /** With which a store refuses; present with every fault, and with nothing else. */
  readonly code?: ErrorCode;
}

interface Defect {
  readonly found: string;
  readonly wanted: string;
  readonly why: string;
  readonly fix: readonly string[];
}

export const ok = (name: string, found: string, wanted = '', why = ''): Finding => ({
  name,
  status: 'ok',
  found,
  wanted,
  why,
  fix: [],
});

export const warning = (name: string, defect: Defect): Finding => defective(name, 'warning', defect);

export const fault = (name: string, code: ErrorCode, defect: Defect): Finding => ({
  ...defective(name, 'fault', defect),
  code,
});

/** In the order of `Finding`, in which programs and people get to see it. */
const defective = (name: string, status: FindingStatus, { found, wanted, why, fix }: Defect): Finding => ({
  name,
  status,
  found,
  wanted,
  why,
  fix,
});

export const isStatement = (step: string): boolean => step.endsWith(';');
export const isOptionFile = (step: string): boolean => step.startsWith('[mysqld]');

/** The steps that set a variable now and for later starts. MySQL writes the latter down by itself. */
export function setVariable(
  { flavour }: Pick<ServerFacts, 'flavour'>,
  name: string,
  value: string | number,
): string[] {
  const literal = typeof value === 'number' ? String(value) : `'${value}'`;
  return flavour === 'mysql'
    ? [`SET PERSIST ${name} = ${literal};`]
    : [`SET GLOBAL ${name} = ${literal};`, `[mysqld]\n${name} = ${value}`];
}

/** The steps where a variable can be set at a start only. */
export const setAtStart = (...lines: readonly string[]): string[] => [
  ['[mysqld]', ...lines].join('\n'),
  'Then restart the server.',
];

/** A check that could not be made. */
export const unknown = (name: string, defect: Defect): Finding => defective(name, 'unknown', defect);

/** A question that the source refused to answer. @param what `Whether …`, to be read in front of "could not be asked" */
export const notAsked = (
  name: string,
  what: string,
  { found = 'unknown', wanted, refusal, fix = [] }: NotAsked,
): Finding =>
  unknown(name, { found, wanted, why: `${what} could not be asked: ${refusalText(refusal)}`, fix });

interface NotAsked {
  readonly found?: string;
  readonly wanted: string;
  readonly refusal: Error;
  readonly fix?: readonly string[];
}

/** Why the source did not answer, without the words that every such error begins with. */
export const refusalText = ({ message }: Error): string =>
  message.replace(/^The connection to the source failed: /, '');

/** Names in one text; a source may have thousands. */
export function listed(names: readonly string[], most = 50): string {
  const rest = names.length - most;
  return rest > 0 ? `${names.slice(0, most).join(', ')} and ${rest} more` : names.join(', ');
}

export const counted = (count: number, one: string, many = `${one}s`): string =>
  `${count} ${count === 1 ? one : many}`;

/** As both servers quote names. */
export const quotedName = (...parts: readonly string[]): string =>
  parts.map((part) => `\`${part.replaceAll('`', '``')}\``).join('.');

/** To the user as which the source was asked. */
export const grant = (privileges: string, { account }: Pick<ServerFacts, 'account'>): string =>
  `GRANT ${privileges} ON *.* TO ${quotedAccount(account)};`;

/** `repl@%` as an account in a statement. */
export function quotedAccount(account: string): string {
  const at = account.lastIndexOf('@');
  const quote = (text: string): string => `'${text.replaceAll("'", "''")}'`;
  return `${quote(account.slice(0, at))}@${quote(account.slice(at + 1))}`;
}

/** What is wrong with one setting, as zod reports it with `reportInput`; of its kinds of issues, only what words are made of. */
export interface ConfigIssue {
  readonly code?: string;
  readonly path: readonly PropertyKey[];
  readonly message: string;
  /** The value; `undefined` where the setting is missing, `null` where nothing stands behind its colon. */
  readonly input?: unknown;
  readonly expected?: string;
  readonly keys?: readonly string[];
  readonly values?: readonly unknown[];
  readonly origin?: string;
  readonly minimum?: number | bigint;
  readonly maximum?: number | bigint;
}

/**
 * The faults of a configuration, each `path.of.setting: what is wrong`, in words that speak of the file and not of the
 * program. Messages of a schema's own stay. No value is repeated: it may be a secret.
 */
export function configFaults(issues: readonly ConfigIssue[]): string[] {
  const place = ({ path }: ConfigIssue): string => path.map(String).join('.');
  const mistyped = new Set(issues.filter(({ code }) => code === 'invalid_type').map(place));
  // Where the type is wrong, what a check of another type says besides means nothing.
  return issues
    .filter((issue) => issue.code !== 'too_small' || !mistyped.has(place(issue)))
    .flatMap(faultsOf);
}

function faultsOf(issue: ConfigIssue): string[] {
  const { code, path, keys = [] } = issue;
  if (code === 'unrecognized_keys')
    return keys.map((key) => `${[...path, key].map(String).join('.')}: is not a setting`);
  if (path.length === 0 && code === 'invalid_type')
    return ['the file: must hold settings, each `name: value`'];
  return [`${path.map(String).join('.') || 'the file'}: ${inWords(issue)}`];
}

/** How messages begin that are not a schema's own. */
const byZod = /^(?:Invalid (?:input|option)|Too (?:small|big))/;

/** Also where they have a message of the schema's own: it says nothing of a value that is not there. */
const ofType: ReadonlySet<string | undefined> = new Set(['invalid_type', 'invalid_union', 'invalid_value']);

function inWords({ code, input, message, expected, values, origin, minimum, maximum }: ConfigIssue): string {
  if (ofType.has(code) && input === undefined) return 'is missing';
  if (ofType.has(code) && input === null) return 'is empty: give it a value, or take the line out';
  if (!byZod.test(message)) return message;
  switch (code) {
    case 'invalid_type':
      return kinds[expected ?? ''] ?? message;
    case 'invalid_value':
      return `must be ${(values ?? []).map(String).join(' or ')}`;
    case 'too_small':
      if (origin === 'string') return 'must not be empty';
      return origin === 'array' ? 'must have an entry' : `must be at least ${minimum}`;
    case 'too_big':
      return origin === 'string' ? `must have at most ${maximum} characters` : `must be at most ${maximum}`;
    default:
      return message;
  }
}

const kinds: Readonly<Record<string, string>> = {
  string: 'must be a text',
  number: 'must be a number',
  int: 'must be a whole number',
  boolean: 'must be true or false',
  array: 'must be a list',
  object: 'must have settings below it',
};

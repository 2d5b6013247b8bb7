import type { SourceIdentity } from '../log/transaction-log.js';

/** Each with the names that servers have had for it; the first is the one to grant. */
const needed: Readonly<Record<SourceIdentity['flavour'], readonly (readonly string[])[]>> = {
  mariadb: [
    ['REPLICATION SLAVE', 'REPLICATION REPLICA'],
    ['BINLOG MONITOR', 'REPLICATION CLIENT', 'SUPER'],
  ],
  mysql: [['REPLICATION SLAVE'], ['REPLICATION CLIENT', 'SUPER']],
};

/*
 * A line of SHOW GRANTS:
 *   (GRANT | REVOKE) privilege [(columns)] *("," privilege [(columns)]) ON place (TO | FROM) account …
 *   place = "*.*" | schema ".*" | schema "." table, in back ticks; a schema of "schema.*" is a LIKE pattern
 */
interface GrantLine {
  /** A part that MySQL's `partial_revokes` takes out of what is granted on all. */
  readonly isRevoke: boolean;
  readonly privileges: readonly string[];
  readonly isGlobal: boolean;
  readonly schema: string;
  /** `*` for all of the schema. */
  readonly table: string;
  readonly isPublic: boolean;
}

const quoted = '`((?:[^`]|``)*)`';
const line = new RegExp(
  `^(GRANT|REVOKE) (.+?) ON (?:(\\*\\.\\*)|${quoted}\\.(?:(\\*)|${quoted})) (?:TO|FROM) (\\S+)`,
  'is',
);

function parseGrant(text: string): GrantLine[] {
  const match = line.exec(text);
  if (match === null) return [];
  const [, verb, privileges, everywhere, schema, all, table, account] = match;
  const unquoted = (name: string | undefined): string => (name ?? '').replaceAll('``', '`');
  return [
    {
      isRevoke: verb!.toUpperCase() === 'REVOKE',
      privileges: privileges!
        .replaceAll(/\([^)]*\)/g, '')
        .split(',')
        .map((privilege) => privilege.trim().toUpperCase()),
      isGlobal: everywhere !== undefined,
      schema: unquoted(schema),
      table: all === undefined ? unquoted(table) : '*',
      isPublic: account!.toUpperCase() === 'PUBLIC',
    },
  ];
}

const gives = ({ privileges }: GrantLine, names: readonly string[]): boolean =>
  privileges.some((privilege) => privilege.startsWith('ALL') || names.includes(privilege));

/** The privileges on `*.*` for reading the binlog that the lines of SHOW GRANTS do not give. */
export function missingPrivileges(
  grants: readonly string[],
  flavour: SourceIdentity['flavour'],
): readonly string[] {
  const held = grants.flatMap(parseGrant).filter(({ isGlobal, isRevoke }) => isGlobal && !isRevoke);
  return needed[flavour]
    .filter((names) => !held.some((grant) => gives(grant, names)))
    .map((names) => names[0]!);
}

/** Whether the lines of SHOW GRANTS give this privilege on a table; false also where that cannot be told. */
export function hasPrivilege(
  grants: readonly string[],
  privilege: string,
  schema: string,
  table: string,
): boolean {
  const held = grants.flatMap(parseGrant).filter((grant) => gives(grant, [privilege]));
  return (
    !held.some(({ isRevoke }) => isRevoke) &&
    held.some((grant) => grant.isGlobal || covers(grant, `${schema}.${table}`))
  );
}

/** What of the captured tables a user may read. */
export type SelectRight =
  | { readonly kind: 'all' }
  /** Those, and perhaps not all that is captured: `shop.*`, `crm.people`. */
  | { readonly kind: 'some'; readonly places: readonly string[] }
  | { readonly kind: 'none' };

/**
 * @param include globs over `schema.table`; empty: everything is captured
 * @param capturesSchema whether anything of a schema is captured
 */
export function selectRight(
  grants: readonly string[],
  include: readonly string[],
  capturesSchema: (schema: string) => boolean,
): SelectRight {
  const held = grants.flatMap(parseGrant).filter((grant) => gives(grant, ['SELECT']));
  const revoked = held.filter(({ isRevoke, schema }) => isRevoke && capturesSchema(schema));
  const given = held.filter(({ isRevoke }) => !isRevoke);
  const everywhere = given.some(({ isGlobal }) => isGlobal);
  if (everywhere && revoked.length === 0) return { kind: 'all' };
  if (everywhere) return { kind: 'some', places: ['*.*', ...revoked.map(({ schema }) => `not ${schema}.*`)] };
  if (include.length > 0 && include.every((glob) => given.some((grant) => covers(grant, glob))))
    return { kind: 'all' };
  // MariaDB gives everybody the schema `test`: that is nobody's intention.
  const own = given.filter(
    ({ isPublic, schema }) => !isPublic && (/[%_]/.test(schema) || capturesSchema(schema)),
  );
  return own.length === 0
    ? { kind: 'none' }
    : { kind: 'some', places: own.map(({ schema, table }) => `${schema}.${table}`) };
}

/** Whether a grant reaches all that a glob means; false also where that cannot be told. */
function covers({ schema, table }: GrantLine, glob: string): boolean {
  const dot = glob.indexOf('.');
  const [wantedSchema, wantedTable] = dot < 0 ? [glob, '*'] : [glob.slice(0, dot), glob.slice(dot + 1)];
  if (/[*?[\]{}()!+@]/.test(wantedSchema)) return false;
  if (table !== '*') return schema === wantedSchema && table === wantedTable;
  return likePattern(schema).test(wantedSchema);
}

/** `test\_%` as LIKE reads it. */
const likePattern = (pattern: string): RegExp =>
  new RegExp(
    `^${pattern.replaceAll(
      /\\(.)|([%_])|([^%_\\])/gs,
      (_, escaped: string | undefined, wild: string | undefined, plain: string | undefined) =>
        wild === undefined
          ? (escaped ?? plain ?? '').replace(/[$()*+.?[\\\]^{|}]/, String.raw`\$&`)
          : wild === '%'
            ? '.*'
            : '.',
    )}$`,
    's',
  );

/** The places on which SELECT is to be granted: no more than what is captured, where that is known by name. */
export function selectPlaces(
  include: readonly string[],
  quote: (...parts: readonly string[]) => string,
): readonly string[] {
  const places = include.map((glob) => {
    const dot = glob.indexOf('.');
    const [schema, table] = dot < 0 ? [glob, '*'] : [glob.slice(0, dot), glob.slice(dot + 1)];
    const isPlain = (name: string): boolean => !/[*?[\]{}()!+@]/.test(name);
    if (!isPlain(schema)) return '*.*';
    return isPlain(table) ? quote(schema, table) : `${quote(schema.replaceAll(/[_%]/g, String.raw`\$&`))}.*`;
  });
  return places.length === 0 || places.includes('*.*') ? ['*.*'] : [...new Set(places)];
}

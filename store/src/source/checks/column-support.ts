import { charsetNameOf, charsetOf } from '../charset.js';

/** DATA_TYPE of both servers, as far as their values can be captured. */
const types: ReadonlySet<string> = new Set(
  (
    'tinyint smallint mediumint int bigint decimal float double bit year date datetime timestamp time ' +
    'char varchar binary varbinary tinytext text mediumtext longtext tinyblob blob mediumblob longblob ' +
    'enum set json uuid inet4 inet6 vector geometry point linestring polygon multipoint multilinestring ' +
    'multipolygon geometrycollection geomcollection'
  ).split(' '),
);

/** Why a column of this type cannot be captured; undefined where it can. */
export const typeFault = (dataType: string): string | undefined =>
  types.has(dataType.toLowerCase()) ? undefined : `type ${dataType.toLowerCase()}`;

/** Why text of this collation cannot be captured; undefined where it can. */
export function collationFault(collation: string, id: number | undefined): string | undefined {
  if (collation === 'binary') return undefined;
  const charset = id === undefined ? undefined : charsetNameOf(id);
  if (charset !== undefined && charsetOf(charset) !== undefined) return undefined;
  return `collation ${collation}`;
}

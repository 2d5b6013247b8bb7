import fc from 'fast-check';

/** A few of each, so that sets meet; the numbers lie around what a double holds exactly, and at both ends. */
const uuids = [
  '3e11fa47-71ca-11e1-9e33-c80aa9429562',
  '3e11fa47-71ca-11e1-9e33-c80aa9429563',
  'ffffffff-0000-4000-8000-000000000000',
];
const tags = ['', ':a', ':blue_1', `:${'z'.repeat(32)}`];

const around = (middle: bigint): fc.Arbitrary<bigint> => fc.bigInt({ min: middle - 6n, max: middle + 6n });

const gno = fc.oneof(fc.bigInt({ min: 1n, max: 20n }), around(2n ** 53n), around(2n ** 63n - 8n));
const sequence = fc.oneof(fc.bigInt({ min: 0n, max: 20n }), around(2n ** 53n), around(2n ** 64n - 7n));

export const mysqlSource = fc
  .tuple(fc.constantFrom(...uuids), fc.constantFrom(...tags))
  .map(([uuid, tag]) => uuid + tag);

export const mysqlId = fc.tuple(mysqlSource, gno).map(([source, number]) => `${source}:${number}`);

const mysqlPart = fc
  .tuple(
    mysqlSource,
    fc.array(fc.tuple(gno, fc.bigInt({ min: 0n, max: 4n })), { minLength: 1, maxLength: 5 }),
  )
  .map(
    ([source, intervals]) => `${source}:${intervals.map(([first, more]) => interval(first, more)).join(':')}`,
  );

const interval = (first: bigint, more: bigint): string => {
  const last = first + more < 2n ** 63n - 1n ? first + more : first;
  return last === first ? `${first}` : `${first}-${last}`;
};

export const mysqlText = fc.array(mysqlPart, { maxLength: 5 }).map((parts) => parts.join(','));

/** In any one domain one server: what diverges has its own tests. */
export const mariadbId = fc
  .tuple(fc.constantFrom(0, 1, 4294967295), sequence)
  .map(([domain, number]) => `${domain}-${domain === 1 ? 4294967295 : 7}-${number}`);

export const mariadbText = fc
  .uniqueArray(mariadbId, { selector: (id) => id.split('-')[0], maxLength: 3 })
  .map((ids) => ids.join(','));

export const placeId = fc
  .tuple(
    fc.constantFrom('1', uuids[0]!),
    fc.constantFrom('binlog', 'my-bin.v2'),
    fc.constantFrom(1, 2, 999_999, 1_000_000),
    fc.constantFrom(4, 1234, 2 ** 32, Number.MAX_SAFE_INTEGER),
  )
  .map(([server, base, file, offset]) => `${server}/${base}.${String(file).padStart(6, '0')}:${offset}`);

export const placeText = fc.array(placeId, { maxLength: 3 }).map((ids) => ids.join(','));

export const anyId = fc.oneof(mysqlId, mariadbId, placeId);
export const anyText = fc
  .tuple(mysqlText, mariadbText, placeText)
  .map((texts) => texts.filter((text) => text !== '').join(','));

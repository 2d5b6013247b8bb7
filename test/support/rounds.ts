/**
 * How often a test does over again what is random: `short` in `npm test`, `long` in `npm run test:soak`, which sets
 * DRC_TEST_LONG.
 */
export const rounds = (short: number, long: number): number =>
  process.env['DRC_TEST_LONG'] === undefined ? short : long;

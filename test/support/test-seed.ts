/** A seed for random faults: DRC_TEST_SEED, or another each time. Printed, so that a run can be repeated. */
export function testSeed(): number {
  const seed = Number(process.env['DRC_TEST_SEED'] ?? Date.now() % 1_000_000_000);
  console.log(`DRC_TEST_SEED=${seed}`);
  return seed;
}

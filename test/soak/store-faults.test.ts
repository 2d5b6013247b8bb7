import { afterAll, beforeAll, describe, test } from 'vitest';
import { FaultRig } from '../crash/fault-rig.js';
import { onServer } from '../support/on-each-server.js';
import { straceLack, straceNote } from '../support/strace.js';

/** Numbers of calls that stand ever further apart. */
const sweep = (most: number): number[] => {
  const numbers: number[] = [];
  for (let number = 1; number <= most; number = Math.ceil(number * 2.2)) numbers.push(number);
  return numbers;
};

// What the kernel does has nothing to do with the server.
onServer('mariadb', 'a store whose log meets a fault of the system anywhere', (flavour) => {
  let rig: FaultRig;
  beforeAll(async () => {
    rig = await FaultRig.start(flavour);
  });
  afterAll(async () => {
    await rig?.[Symbol.asyncDispose]();
  });

  describe.skipIf(straceLack !== undefined)(`with strace${straceNote}`, () => {
    test.each([
      ['write', 90],
      ['fdatasync', 30],
      ['rename', 10],
      ['unlink', 3],
      ['openat', 250],
    ] as const)('killed at any %s up to number %i, goes on with what comes next', async (call, most) => {
      for (const when of sweep(most)) await rig.expectSurvives(call, when);
    });

    test.each([
      ['EIO', 'fdatasync', 5, 25, undefined],
      ['ENOSPC', 'write', 7, 60, ['log']],
      ['EIO', 'write', 7, 60, ['log']],
    ] as const)(
      'told of %s by a %s from number %i to %i, opens its log again by itself',
      async (error, calls, from, most, endings) => {
        for (const when of sweep(most)) {
          if (when >= from) await rig.expectReopens(calls, `error=${error}:when=${when}`, endings);
        }
      },
    );
  });
});

import type { KillPoint } from '@drc/client-sdk/congo';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { onEachServer } from '../support/on-each-server.js';
import { Random } from '../support/random.js';
import { testSeed } from '../support/test-seed.js';
import { CongoRig, expectWhole } from './congo-rig.js';

onEachServer('a congo that is killed while the source is written to', (flavour) => {
  const seed = testSeed();
  const random = new Random(seed);
  let rig: CongoRig;
  beforeAll(async () => {
    rig = await CongoRig.start(flavour, seed);
  });
  afterAll(() => rig[Symbol.asyncDispose]());

  test.each<[KillPoint, number]>([
    ['begun', 1],
    ['begun', 10],
    ['row', 1],
    ['row', 100],
    ['recording', 1],
    ['recording', 10],
    ['committing', 1],
    ['committing', 10],
    ['committed', 1],
    ['committed', 10],
  ])('at "%s", time 1 to %i, leaves whole transactions, just those on record', async (point, most) => {
    await rig.write(5);
    await using congo = await rig.startCongo({ point, times: 1 + random.below(most) });
    for (let round = 0; !congo.hasEnded; round++) {
      await rig.write(3);
      if (round === 500) throw new Error(`Congo never comes by ${point}.`);
    }
    expect([await congo.ended(), congo.point]).toEqual(['SIGKILL', point]);
    await expectWhole(rig);
  });
});

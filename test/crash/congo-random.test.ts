import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { until } from '../support/hub.js';
import { onEachServer } from '../support/on-each-server.js';
import { Random } from '../support/random.js';
import { rounds } from '../support/rounds.js';
import { testSeed } from '../support/test-seed.js';
import { CongoRig, expectEqual, expectWhole } from './congo-rig.js';

onEachServer('a congo that is killed while the source is written to', (flavour) => {
  test('at random times leaves whole transactions, and the next ends up with what the source has', async () => {
    const seed = testSeed();
    const random = new Random(seed);
    await using rig = await CongoRig.start(flavour, seed);
    for (let round = 0; round < rounds(4, 20); round++) {
      await using congo = await rig.startCongo();
      const written = rig.write(10 + random.below(60));
      await sleep(random.below(500));
      expect(congo.hasEnded).toBe(false);
      congo.kill();
      await congo.ended();
      await expectWhole(rig);
      await written;
    }
    await using last = await rig.startCongo();
    const id = await rig.hub.lastId();
    const isApplied = async (): Promise<boolean> => (await rig.target.record())?.covers(id) === true;
    await until(async () => last.hasEnded || (await isApplied()), `Congo at ${id}.`);
    expect(last.hasEnded).toBe(false);
    await expectEqual(rig);
  });
});

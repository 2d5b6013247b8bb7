import { expect, test } from 'vitest';
import { onEachServer } from '../support/on-each-server.js';
import { rollingRestart } from '../faults/rolling-restart.js';

onEachServer('a restart of every process, one after the other', (flavour) => {
  test('leaves nothing out for the readers, and repeats nothing that is committed', async () => {
    const { faults, longestPauseMs } = await rollingRestart(flavour);
    console.info(JSON.stringify({ rollingRestart: flavour, longestPauseMs }));
    expect(faults).toEqual([]);
  }, 400_000);
});

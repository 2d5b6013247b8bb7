import { describe, expect, it } from 'vitest';
import { defaultBackoff, pause, pauseBefore, unlessAborted } from '../../client-sdk/src/backoff.js';

describe('the pause before an attempt', () => {
  it('is bounded by a limit that doubles, up to the cap', () => {
    const bounds = [1, 2, 3, 4, 8, 9, 1000].map((attempt) => pauseBefore(attempt, 1, defaultBackoff));
    expect(bounds).toEqual([200, 400, 800, 1600, 25_600, 30_000, 30_000]);
  });

  it('lies anywhere below that limit', () => {
    const limits = { baseMs: 100, capMs: 1000 };
    expect([0, 0.25, 0.5].map((random) => pauseBefore(3, random, limits))).toEqual([0, 100, 200]);
  });

  it('ends with the reason of an aborted signal', async () => {
    const controller = new AbortController();
    const waiting = pause(60_000, controller.signal);
    controller.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    await expect(pause(1, controller.signal)).rejects.toThrow('enough');
    await expect(unlessAborted(Promise.resolve(1), controller.signal)).rejects.toThrow('enough');
  });

  it('is over by itself otherwise', async () => {
    await pause(1, new AbortController().signal);
    expect(await unlessAborted(Promise.resolve(1), new AbortController().signal)).toBe(1);
  });
});

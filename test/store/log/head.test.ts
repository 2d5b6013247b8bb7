import { DrcError } from '@drc/protocol';
import { expect, test } from 'vitest';
import { Head } from '../../../store/src/log/head.js';

const never = new AbortController().signal;

test('a waiter gets the newest value, not each one', async () => {
  const head = new Head({ lsn: 0, time: 0 });
  const waiting = head.after(0, never);
  head.advance({ lsn: 1, time: 10 });
  head.advance({ lsn: 5, time: 50 });
  expect(await waiting).toEqual({ lsn: 1, time: 10 });
  expect(await head.after(1, never)).toEqual({ lsn: 5, time: 50 });
});

test('a waiter is woken by what it waits for and by nothing before', async () => {
  const head = new Head({ lsn: 0, time: 0 });
  let woken = false;
  const waiting = head.after(3, never).then((moment) => {
    woken = true;
    return moment;
  });
  head.advance({ lsn: 3, time: 30 });
  await Promise.resolve();
  await Promise.resolve();
  expect(woken).toBe(false);
  head.advance({ lsn: 4, time: 40 });
  expect(await waiting).toEqual({ lsn: 4, time: 40 });
});

test('an aborted waiter rejects with the reason of its signal', async () => {
  const head = new Head({ lsn: 0, time: 0 });
  const aborted = new Error('enough');
  const controller = new AbortController();
  const waiting = head.after(0, controller.signal);
  controller.abort(aborted);
  await expect(waiting).rejects.toBe(aborted);
  await expect(head.after(0, controller.signal)).rejects.toBe(aborted);
  head.advance({ lsn: 1, time: 1 });
});

test('the end of the log ends all waiting, with its reason', async () => {
  const head = new Head({ lsn: 2, time: 0 });
  const waiting = head.after(2, never);
  const reason = new DrcError('CLOSED', 'The log was closed.');
  head.end(reason);
  head.end(new DrcError('INTERNAL', 'Too late.'));
  await expect(waiting).rejects.toBe(reason);
  await expect(head.after(2, never)).rejects.toBe(reason);
  expect(await head.after(1, never)).toEqual({ lsn: 2, time: 0 });
});

test('the head never goes back', () => {
  const head = new Head({ lsn: 2, time: 0 });
  expect(() => head.advance({ lsn: 1, time: 0 })).toThrow(expect.objectContaining({ code: 'INTERNAL' }));
});

import { readFile } from 'node:fs/promises';
import {
  Checkpoint,
  frameHeaderBytes,
  FrameKind,
  maxCheckpointLength,
  maxFrameBytes,
  sealFrame,
  TransactionSet,
} from '@drc/protocol';
import { describe, expect, it } from 'vitest';
import { classOfType } from '../../protocol/src/image-program.js';

const page = await readFile(new URL('../../docs/protocol.md', import.meta.url), 'utf8');
const messages =
  'hello welcome describe described subscribe subscribed credit renew renewed caughtUp error'.split(' ');

describe('docs/protocol.md', () => {
  it('describes each column type and each message', () => {
    expect(Object.keys(classOfType).filter((type) => !page.includes(`\`${type}\``))).toEqual([]);
    expect(
      messages.filter((type) => !new RegExp(`^\\| \`${type}\` +\\| \`type\` "${type}"`, 'm').test(page)),
    ).toEqual([]);
  });

  it('has examples and limits that are true', () => {
    const frame = sealFrame(
      Buffer.concat([Buffer.alloc(frameHeaderBytes), Buffer.from('drc')]),
      FrameKind.data,
    );
    const hex = frame.toString('hex');
    expect(page).toContain(`\`${hex.slice(0, 2)} ${hex.slice(2, 10)} ${hex.slice(10)}\``);
    const checkpoint = new Checkpoint({ topic: 'shop', set: TransactionSet.parse('0-1-5') });
    expect(page).toContain(checkpoint.toString());
    expect(page).toContain(`${maxCheckpointLength.toLocaleString('en')} characters`);
    expect(page).toContain(`${maxFrameBytes.toLocaleString('en')} bytes`);
  });
});

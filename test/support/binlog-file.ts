import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { EventType, eventHeaderBytes } from '../../store/src/source/binlog-events.js';
import type { DatabaseServer } from './database-server.js';

/*
 * A binlog file as it lies in the server's data folder:
 *
 *   file  = 0xfe "bin" | event *
 *   event = header of 19 bytes | body | [crc32 u32, where the file's FORMAT_DESCRIPTION event says so]
 */

export interface FileEvent {
  /** Where it begins in its file. */
  readonly offset: number;
  /** The code in its header. */
  readonly type: number;
  /** All of it, with header and CRC, as it is sent. */
  readonly bytes: Buffer;
  /** The end of its body in `bytes`: before the CRC, where there is one. */
  readonly bodyEnd: number;
}

const magic = Buffer.from([0xfe, 0x62, 0x69, 0x6e]);
const crcBytes = 4;
const inUseFlag = 1;

/** The events of a file that is not encrypted, in order; what a server has begun to write and not finished is left out. */
export function binlogEvents(file: Buffer): FileEvent[] {
  if (!file.subarray(0, magic.length).equals(magic))
    throw new Error(`Not a plain binlog file: it begins with ${file.toString('hex', 0, 4)}.`);
  const events: FileEvent[] = [];
  let crc = 0;
  for (let offset = magic.length; offset + eventHeaderBytes <= file.length; ) {
    const end = offset + file.readUInt32LE(offset + 9);
    if (end < offset + eventHeaderBytes) throw new Error(`The event at ${offset} has a wrong size.`);
    if (end > file.length) break;
    const type = file[offset + 4]!;
    const bytes = Buffer.from(file.subarray(offset, end));
    // Its own CRC is there in any case, behind the byte that tells the algorithm.
    const describes = type === EventType.FORMAT_DESCRIPTION;
    // "In use" is set in the file being written, is not in the CRC, and is never sent.
    if (describes) bytes.writeUInt16LE(bytes.readUInt16LE(17) & ~inUseFlag, 17);
    if (describes) crc = bytes[bytes.length - crcBytes - 1] === 1 ? crcBytes : 0;
    events.push({ offset, type, bytes, bodyEnd: bytes.length - (describes ? crcBytes : crc) });
    offset = end;
  }
  return events;
}

/** The events of one of the server's own binlog files; by default those of the first. */
export async function serverBinlog(server: DatabaseServer, file = 'binlog.000001'): Promise<FileEvent[]> {
  return binlogEvents(await readFile(join(server.dataDir, file)));
}

/** What a server writes on occasions that no test can bring about; its CRC and position come by themselves. */
export interface CraftedEvent {
  readonly type: number;
  readonly body?: Buffer;
  readonly flags?: number;
}

/**
 * Puts events into a file that the server has closed, in front of the one at `before`: a negative index counts from the
 * end. What stands behind them moves.
 */
export async function insertEvents(
  server: DatabaseServer,
  file: string,
  crafted: readonly CraftedEvent[],
  before = -1,
): Promise<void> {
  const path = join(server.dataDir, file);
  const events = binlogEvents(await readFile(path));
  const { bytes: description } = events[0]!;
  const hasCrc = description[description.length - crcBytes - 1] === 1;
  const made = crafted.map(({ type, body = Buffer.alloc(0), flags = 0 }) => {
    const bytes = Buffer.alloc(eventHeaderBytes + body.length + (hasCrc ? crcBytes : 0));
    // Time and server id as all others of the file.
    description.copy(bytes, 0, 0, eventHeaderBytes);
    bytes[4] = type;
    bytes.writeUInt32LE(bytes.length, 9);
    bytes.writeUInt16LE(flags, 17);
    body.copy(bytes, eventHeaderBytes);
    return bytes;
  });
  let offset = magic.length;
  const placed = events
    .map(({ bytes }) => bytes)
    .toSpliced(before, 0, ...made)
    .map((bytes, index) => {
      offset += bytes.length;
      if (index === 0) return bytes;
      bytes.writeUInt32LE(offset, 13);
      if (hasCrc) bytes.writeUInt32LE(crc32(bytes.subarray(0, -crcBytes)), bytes.length - crcBytes);
      return bytes;
    });
  await writeFile(path, Buffer.concat([magic, ...placed]));
}

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
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

import { afterAll, beforeAll, expect, it } from 'vitest';
import { isDrcError } from '@drc/protocol';
import { ByteWriter, RowTranscoder } from '../../../store/src/source/row-transcoder.js';
import { parseTableMap } from '../../../store/src/source/table-schema.js';
import { startServer, type DatabaseServer } from '../../support/database-server.js';
import { onEachServer } from '../../support/on-each-server.js';
import { rounds } from '../../support/rounds.js';
import {
  binlogEvents,
  binlogOf,
  columnsAtOf,
  operationOf,
  tableMapEvent,
  type BinlogEvent,
} from './binlog-rows.js';
import { Random, randomTable } from './random-tables.js';
import { connectPlainly } from './server-rows.js';

const seed = Number(process.env['DRC_SEED'] ?? Math.floor(Math.random() * 1e9));
const mutationsPerEvent = rounds(100, 250);

/** The event alone, and behind it bytes that are not its own. */
function aloneWith(event: BinlogEvent, tail: number): { event: BinlogEvent; bytes: Buffer } {
  const start = event.bodyAt - 19;
  const bytes = Buffer.alloc(event.end - start + 64, tail);
  event.bytes.copy(bytes, 0, start, event.end);
  return { event: { type: event.type, bytes, bodyAt: 19, end: event.end - start }, bytes };
}

onEachServer('Events that are damaged', (flavour) => {
  let server: DatabaseServer;
  const pairs: { map: BinlogEvent; rows: BinlogEvent }[] = [];
  const random = new Random(seed);

  beforeAll(async () => {
    server = await startServer(flavour);
    const connection = await connectPlainly(server);
    await connection.query('CREATE DATABASE m');
    for (let index = 0; index < 12; index++) {
      const name = `m.t${index}`;
      const table = randomTable(random, name, random.integer(1, 20), flavour);
      await connection.query(table.create);
      const binlog = await binlogOf(server, async () => {
        await connection.query(`INSERT INTO ${name} VALUES ${table.row(1)}, ${table.row(2)}`);
        const assignments = table.assignments();
        if (assignments !== '') await connection.query(`UPDATE ${name} SET ${assignments}`);
        await connection.query(`DELETE FROM ${name}`);
      });
      let map: BinlogEvent | undefined;
      for (const event of binlogEvents(binlog)) {
        if (event.type === tableMapEvent) map = event;
        else if (operationOf(event.type) !== undefined) pairs.push({ map: map!, rows: event });
      }
    }
    await connection.end();
  });
  afterAll(async () => {
    await server?.stop();
  });

  const transcoderOf = ({ bytes, bodyAt, end }: BinlogEvent): RowTranscoder =>
    new RowTranscoder(parseTableMap(bytes, bodyAt, end), { flavour });

  /** The output, or the code of the error, after which the output must be as before. */
  function outcome(transcoder: RowTranscoder, event: BinlogEvent): string {
    const out = new ByteWriter();
    out.writeBytes(Buffer.from('before'));
    try {
      transcoder.transcode(operationOf(event.type)!, event.bytes, columnsAtOf(event), event.end, out);
      return out.take().toString('latin1');
    } catch (error) {
      if (!isDrcError(error, 'EVENT_MALFORMED')) throw error;
      if (out.take().toString() !== 'before') throw new Error('output was left behind', { cause: error });
      return error.code;
    }
  }

  it(`row events cut short are EVENT_MALFORMED, whatever stands behind them (seed ${seed})`, () => {
    for (const { map, rows } of pairs) {
      const transcoder = transcoderOf(map);
      const { event } = aloneWith(rows, 0);
      for (let cut = 1; event.end - cut >= columnsAtOf(event); cut += random.integer(1, 40)) {
        const short = { ...event, end: event.end - cut };
        const first = outcome(transcoder, short);
        // An event of several rows can be cut between two.
        if (first !== 'EVENT_MALFORMED') expect(first.startsWith('before@')).toBe(true);
        short.bytes.fill(0xff, short.end);
        expect(outcome(transcoder, short)).toBe(first);
      }
    }
  });

  it(`row events with other bytes give rows or EVENT_MALFORMED, read nothing beyond their end, and end (seed ${seed})`, () => {
    for (const { map, rows } of pairs) {
      const transcoder = transcoderOf(map);
      for (let mutation = 0; mutation < mutationsPerEvent; mutation++) {
        const { event, bytes } = aloneWith(rows, 0);
        const from = columnsAtOf(event);
        for (let change = random.integer(1, 3); change > 0; change--)
          bytes[random.integer(from, event.end - 1)] = random.one([
            0,
            1,
            0x7f,
            0x80,
            0xff,
            random.integer(0, 255),
          ]);
        const first = outcome(transcoder, event);
        bytes.fill(0xff, event.end);
        if (outcome(transcoder, event) !== first)
          throw new Error(`reads beyond its end: ${bytes.toString('hex')}`);
      }
    }
  });

  it(`table maps with other bytes give a table or a typed error (seed ${seed})`, () => {
    const codes = new Set<string>();
    for (const { map } of pairs) {
      for (let mutation = 0; mutation < mutationsPerEvent; mutation++) {
        const { event, bytes } = aloneWith(map, 0);
        for (let change = random.integer(1, 3); change > 0; change--)
          bytes[random.integer(19, event.end - 1)] = random.one([
            0,
            1,
            0x7f,
            0x80,
            0xfb,
            0xff,
            random.integer(0, 255),
          ]);
        const cut = { ...event, end: event.end - random.one([0, 0, random.integer(0, event.end - 19)]) };
        try {
          transcoderOf(cut);
          codes.add('none');
        } catch (error) {
          if (!isDrcError(error)) throw error;
          codes.add(error.code);
        }
      }
    }
    expect([...codes].toSorted()).toEqual(['EVENT_MALFORMED', 'SOURCE_CONFIG', 'UNSUPPORTED_COLUMN', 'none']);
  });
});

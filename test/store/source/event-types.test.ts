import { readdir } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { EventType, eventHeaderBytes, eventTypeName } from '../../../store/src/source/binlog-events.js';
import { EventParser } from '../../../store/src/source/event-parser.js';
import { serverBinlog } from '../../support/binlog-file.js';
import { startServer, type DatabaseServer, type Flavour } from '../../support/database-server.js';
import { onEachServer } from '../../support/on-each-server.js';

const files = async (server: DatabaseServer): Promise<string[]> =>
  (await readdir(server.dataDir)).filter((name) => /^binlog\.\d+$/.test(name)).toSorted();

/** A variety of work that both servers know; each statement on a line of its own, since some may fail. */
const common = `
  CREATE DATABASE shop
  USE shop
  CREATE TABLE t (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(200)) ENGINE = InnoDB
  CREATE TABLE m (id INT, r DOUBLE) ENGINE = MyISAM
  INSERT INTO t (name) VALUES ('a'), ('b')
  UPDATE t SET name = CONCAT(name, REPEAT('x', 150)), id = id + 10
  DELETE FROM t WHERE id = 11
  CREATE TABLE c AS SELECT * FROM t
  TRUNCATE c
  XA START 'x'
  INSERT INTO t (name) VALUES ('xa')
  XA END 'x'
  XA PREPARE 'x'
  XA COMMIT 'x'
  XA START 'y'
  INSERT INTO t (name) VALUES ('xa')
  XA END 'y'
  XA COMMIT 'y' ONE PHASE
  SET SESSION binlog_format = STATEMENT
  SET @number = 5
  INSERT INTO m VALUES (@number, RAND())
  INSERT INTO t (name) VALUES (@number)
  SET SESSION binlog_format = ROW
`;

const own: Readonly<Record<Flavour, string>> = {
  mysql: `
    SET SESSION binlog_rows_query_log_events = ON
    INSERT INTO t (name) VALUES ('rows query')
    SET SESSION binlog_transaction_compression = ON
    INSERT INTO t (name) VALUES ('payload')
    SET SESSION binlog_transaction_compression = OFF
    SET gtid_next = 'AUTOMATIC:tag'
    INSERT INTO t (name) VALUES ('tagged')
    SET gtid_next = 'AUTOMATIC'
    CREATE TABLE j (id INT PRIMARY KEY, value JSON)
    INSERT INTO j VALUES (1, JSON_OBJECT('a', REPEAT('b', 200), 'c', 1))
    SET SESSION binlog_row_value_options = 'PARTIAL_JSON'
    UPDATE j SET value = JSON_SET(value, '$.c', 2)
  `,
  mariadb: `
    CREATE SEQUENCE s
    SELECT NEXTVAL(s)
    SET SESSION binlog_alter_two_phase = ON
    ALTER TABLE t ADD more INT
    SET GLOBAL log_bin_compress = ON
    SET GLOBAL log_bin_compress_min_len = 10
    INSERT INTO t (name) VALUES (REPEAT('c', 100)), (REPEAT('c', 100))
    UPDATE t SET name = CONCAT(name, 'd')
    DELETE FROM t
    CREATE TABLE with_a_long_statement (one_column INT, another_column INT, and_a_third INT)
  `,
};

const both = 'QUERY STOP ROTATE INTVAR RAND USER_VAR FORMAT_DESCRIPTION XID TABLE_MAP XA_PREPARE';
const written: Readonly<Record<Flavour, string>> = {
  mysql: `${both} ROWS_QUERY WRITE_ROWS UPDATE_ROWS DELETE_ROWS GTID PREVIOUS_GTIDS PARTIAL_UPDATE_ROWS
    TRANSACTION_PAYLOAD GTID_TAGGED`,
  mariadb: `${both} WRITE_ROWS_V1 UPDATE_ROWS_V1 DELETE_ROWS_V1 ANNOTATE_ROWS BINLOG_CHECKPOINT MARIADB_GTID GTID_LIST
    QUERY_COMPRESSED WRITE_ROWS_COMPRESSED_V1 UPDATE_ROWS_COMPRESSED_V1 DELETE_ROWS_COMPRESSED_V1`,
};

/** The highest type that the server's description of its files has room for; a newer server may have more. */
const highestKnown: Readonly<Record<Flavour, number>> = {
  mysql: EventType.GTID_TAGGED,
  mariadb: EventType.DELETE_ROWS_COMPRESSED,
};

onEachServer('the events', (flavour) => {
  it('of its files are of known types, and each is parsed', async () => {
    await using server = await startServer(flavour);
    const connection = await server.connect();
    for (const statement of (common + own[flavour]).split('\n').map((line) => line.trim()))
      if (statement !== '') await connection.query(statement);
    await connection.end();
    await server.query('FLUSH BINARY LOGS');
    await server.restart();
    const types = new Set<string>();
    for (const file of await files(server)) {
      const parser = new EventParser({ flavour, file, offset: 4 });
      for (const { type, bytes, offset, bodyEnd } of await serverBinlog(server, file)) {
        types.add(eventTypeName(type));
        const parsed = parser.parse(bytes);
        expect(parsed.type).toBe(type);
        if (type !== EventType.ROTATE) expect(parsed.offset).toBe(offset + bytes.length);
        // version u16 | server version 50 B | created u32 | header length u8 | one byte for each type | checksum u8
        if (type === EventType.FORMAT_DESCRIPTION)
          expect(bodyEnd - eventHeaderBytes - 57 - 1).toBeLessThanOrEqual(highestKnown[flavour]);
      }
    }
    expect([...types].toSorted()).toEqual(written[flavour].split(/\s+/).toSorted());
  });
});

import ZongJi from '@vlasky/zongji';
import { DrcError } from '@drc/protocol';
import { joinLargePackets } from './large-packet.js';
import type { SourceOptions } from './source-options.js';
import { driverOptions } from './source-options.js';
import { sourceError } from './source-error.js';

/*
 * The parts of zongji 0.9.0 and mysql2 3.24.6 that are not their public interface. Both are pinned exactly, and a test
 * fails when one of these moves. Nothing else of them is used: not zongji's position, not its GTID set, not its tables.
 */
interface Packet {
  readonly buffer: Buffer;
  /** Where the payload begins. */
  readonly offset: number;
  readonly end: number;
  /** How many packets of 16 MiB the event was sent in. */
  readonly numPackets: number;
}

interface InnerConnection {
  readonly stream: {
    pause(): unknown;
    resume(): unknown;
    destroy(): unknown;
    readonly bytesRead: number;
  };
  readonly packetParser: object;
  readonly _command: object | null;
  handlePacket(packet?: Packet): void;
  _bumpSequenceId(packets: number): void;
  query(sql: string, done: (error: unknown) => void): unknown;
  removeAllListeners(event: 'error'): unknown;
  on(event: 'error', listener: () => void): unknown;
}

interface InnerZongJi {
  readonly connection: InnerConnection | null;
  readonly ctrlConnection: InnerConnection | null;
  readonly BinlogClass: (new () => object) | undefined;
  on(event: 'ready' | 'stopped', listener: () => void): unknown;
  on(event: 'error', listener: (error: unknown) => void): unknown;
  start(options: object): void;
  stop(): void;
}

/** Where the dump begins: at a place in a file of less than 4 GiB, or behind a set of GTIDs. */
export type DumpStart = { readonly file: string; readonly position: number } | { readonly executed: string };

export interface ReplicaConnectionOptions {
  readonly source: SourceOptions;
  readonly serverId: number;
  readonly start: DumpStart;
  /** How often the source sends a heartbeat when it has nothing else. */
  readonly heartbeatMs: number;
  /** Each raw event, in order: it lies in [start, end) of what arrived. */
  readonly onEvent: (bytes: Buffer, start: number, end: number) => void;
  /** Called once, also when the connection never came about; nothing else is called after it. */
  readonly onEnd: (error: DrcError) => void;
}

const okByte = 0x00;

/**
 * The connection on which the source sends its binlog. zongji does the hand-shake and sends the dump command; from
 * then on every event packet is ours, and everything else its own.
 */
export class ReplicaConnection {
  readonly #zongji: InnerZongJi;
  readonly #options: ReplicaConnectionOptions;
  #connection: InnerConnection | undefined = undefined;
  #control: InnerConnection | undefined = undefined;
  #ended = false;

  constructor(options: ReplicaConnectionOptions) {
    this.#options = options;
    this.#zongji = new ZongJi(driverOptions(options.source)) as unknown as InnerZongJi;
    // Stays for life: an error event that nobody hears ends the process.
    this.#zongji.on('error', (error) => this.#end(sourceError(error)));
    this.#zongji.on('ready', () => this.#onReady());
    const { start, serverId } = options;
    this.#zongji.start({
      serverId,
      ...('file' in start ? { filename: start.file, position: start.position } : { gtidSet: start.executed }),
    });
    this.#control = this.#zongji.ctrlConnection ?? undefined;
    this.#connection = this.#zongji.connection ?? undefined;
  }

  /** Bytes that the source has sent on the connection of the events. */
  get bytesRead(): number {
    return this.#connection?.stream.bytesRead ?? 0;
  }

  pause(): void {
    this.#connection?.stream.pause();
  }

  resume(): void {
    this.#connection?.stream.resume();
  }

  /** Ends both connections; resolves when that is done, or after two seconds. */
  async close(): Promise<void> {
    this.#ended = true;
    const sockets = [this.#connection?.stream, this.#control?.stream];
    this.#connection = undefined;
    this.#control = undefined;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, 2_000);
      this.#zongji.on('stopped', () => {
        clearTimeout(timer);
        resolve();
      });
      this.#zongji.stop();
    });
    // zongji only half-closes: what the source still sends would keep the socket.
    for (const socket of sockets) socket?.destroy();
  }

  #onReady(): void {
    const connection = this.#zongji.connection;
    const dump = this.#zongji.BinlogClass;
    if (this.#ended || connection === null || dump === undefined) return;
    // From here on the second connection only serves to end the first. That the source closes it when it has been idle
    // for `wait_timeout` is no error of the stream.
    this.#control?.removeAllListeners('error');
    this.#control?.on('error', () => undefined);
    const nanoseconds = `${this.#options.heartbeatMs}000000`;
    // zongji asks for checksums only where the source has them now; a later switch would be error 1236.
    // Both names of each variable: MySQL renamed them.
    connection.query(
      "SET @master_binlog_checksum = 'CRC32', @source_binlog_checksum = 'CRC32', " +
        `@master_heartbeat_period = ${nanoseconds}, @source_heartbeat_period = ${nanoseconds}`,
      (error) => {
        if (error) this.#end(sourceError(error));
      },
    );
    this.#takeEvents(connection, dump);
  }

  /**
   * Law: an event packet comes to us while zongji's dump command is the current command and its first byte is 0x00,
   * every one of them, in order. All else goes on: answers to SETs, ERR, EOF, the call without a packet that starts
   * a command.
   */
  #takeEvents(connection: InnerConnection, dump: new () => object): void {
    const handlePacket = connection.handlePacket.bind(connection);
    joinLargePackets(connection.packetParser);
    const { onEvent } = this.#options;
    connection.handlePacket = (packet) => {
      const command = connection._command;
      const isDump = command !== null && command.constructor === dump;
      if (!isDump || packet === undefined || packet.buffer[packet.offset] !== okByte) {
        handlePacket(packet);
        if (isDump && packet !== undefined && connection._command !== command)
          this.#end(new DrcError('SOURCE_LOST', 'The source ended the stream of events.'));
        return;
      }
      connection._bumpSequenceId(packet.numPackets);
      if (this.#ended) return;
      onEvent(packet.buffer, packet.offset + 1, packet.end);
    };
  }

  #end(error: DrcError): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#options.onEnd(error);
  }
}

import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import type { WebSocket } from 'ws';

/** Bytes to a port, and all that it answers until it ends the connection. */
export async function talk(
  port: number,
  bytes: string | Buffer,
  during?: (socket: Socket) => Promise<void>,
): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let answer = '';
  socket.setEncoding('latin1').on('data', (text: string) => (answer += text));
  socket.on('error', () => undefined);
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.write(bytes);
  await during?.(socket);
  await closed;
  return answer;
}

export interface FrameShape {
  /** RFC 6455, section 5.2; default 2, binary. */
  readonly opcode?: number;
  readonly fin?: boolean;
  /** The bit that says "deflated" (RFC 7692). */
  readonly rsv1?: boolean;
  readonly masked?: boolean;
  /** What the header claims, where that is not the payload's own. */
  readonly length?: number;
}

/** A WebSocket frame by hand, right or wrong. */
export function webSocketFrame(payload: Buffer, shape: FrameShape = {}): Buffer {
  const { opcode = 2, fin = true, rsv1 = false, masked = true, length = payload.length } = shape;
  const first = (fin ? 0x80 : 0) | (rsv1 ? 0x40 : 0) | opcode;
  const maskBit = masked ? 0x80 : 0;
  const header =
    length < 126
      ? Buffer.from([first, maskBit | length])
      : Buffer.concat([Buffer.from([first, maskBit | 127]), bigEndian64(length)]);
  if (!masked) return Buffer.concat([header, payload]);
  const mask = randomBytes(4);
  return Buffer.concat([header, mask, payload.map((byte, index) => byte ^ mask[index % 4]!)]);
}

function bigEndian64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}

/** The socket below a WebSocket. */
export const socketBelow = (webSocket: WebSocket): Socket =>
  (webSocket as unknown as { readonly _socket: Socket })._socket;

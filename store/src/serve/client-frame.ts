import {
  decodeClientMessage,
  FrameKind,
  isDrcError,
  openFrame,
  type ClientMessage,
  type ErrorCode,
} from '@drc/protocol';
import { CloseCode } from './session-state.js';

/** What a client's frame holds, or how its session ends. */
export type ClientFrame =
  | { readonly kind: 'message'; readonly message: ClientMessage }
  | {
      readonly kind: 'refused';
      readonly code: ErrorCode;
      readonly message: string;
      readonly closeCode: number;
    };

export function openClientFrame(data: Buffer): ClientFrame {
  try {
    const frame = openFrame(data);
    if (frame.kind === FrameKind.control)
      return { kind: 'message', message: decodeClientMessage(frame.payload) };
  } catch (error) {
    if (!isDrcError(error)) throw error;
    const { code, message } = error;
    return { kind: 'refused', code, message, closeCode: CloseCode.invalidPayload };
  }
  const message = 'A client sends no data frames.';
  return { kind: 'refused', code: 'PROTOCOL_VIOLATION', message, closeCode: CloseCode.policyViolation };
}

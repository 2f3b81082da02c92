import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { encodeProtobufEvent } from '@kubelab/api';
import type { CacheEvent } from '@kubelab/storage';

export type EventType = 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';

/** The frames of the event that is being told to its watchers: they are told one after the other in the same turn. */
const latest: { event: CacheEvent | undefined; frames: Map<string, Buffer> } = { event: undefined, frames: new Map() };

/**
 * A frame that all watchers of an event share: made for the first of them. Only the latest event's are kept, so that
 * changes which are remembered for later watches do not hold two encodings each.
 */
export function sharedFrame(event: CacheEvent, key: string, make: () => Buffer): Buffer {
  if (latest.event !== event) {
    latest.event = event;
    latest.frames = new Map();
  }
  let frame = latest.frames.get(key);
  if (!frame) {
    frame = make();
    latest.frames.set(key, frame);
  }
  return frame;
}

const crlf = '\r\n';

/** One watch event as a line of JSON, in the framing of a chunked body (RFC 9112, 7.1). */
export function eventFrame(type: EventType, object: Buffer): Buffer {
  const head = `{"type":"${type}","object":`;
  const tail = '}\n';
  const size = `${(head.length + object.length + tail.length).toString(16)}${crlf}`;
  const frame = Buffer.allocUnsafe(size.length + head.length + object.length + tail.length + crlf.length);
  const at = frame.write(size + head, 'latin1');
  object.copy(frame, at);
  frame.write(tail + crlf, at + object.length, 'latin1');
  return frame;
}

/** One watch event as protobuf behind its length, in the framing of a chunked body. */
export function protobufFrame(type: EventType, object: object): Buffer {
  const event = encodeProtobufEvent(type, object);
  return Buffer.concat([Buffer.from(`${event.length.toString(16)}${crlf}`), event, Buffer.from(crlf)]);
}

const uncork = (socket: Socket) => socket.uncork();

/**
 * Writes a frame to a chunked response whose headers are sent, past the response's own framing: that makes four pieces
 * of each event for each watcher. What is written in one turn goes to the network as one piece.
 */
export function writeFrame(res: ServerResponse, frame: Buffer): void {
  const { socket } = res;
  if (res.destroyed || res.writableEnded) {
    return;
  }
  if (!socket) {
    // Pipelined behind an answer that is not done yet: the response keeps it, and frames it itself.
    res.write(frame.subarray(frame.indexOf(crlf) + crlf.length, -crlf.length));
    return;
  }
  if (socket.writableCorked === 0) {
    socket.cork();
    process.nextTick(uncork, socket);
  }
  socket.write(frame);
}

/** Resolves when the client has read enough for more to be sent, or is gone. */
export function drained(res: ServerResponse): Promise<void> {
  const { socket } = res;
  if (!socket?.writableNeedDrain || socket.destroyed) {
    return Promise.resolve();
  }
  return new Promise((resolve) => {
    const done = () => {
      socket.off('drain', done);
      socket.off('close', done);
      resolve();
    };
    socket.on('drain', done);
    socket.on('close', done);
  });
}

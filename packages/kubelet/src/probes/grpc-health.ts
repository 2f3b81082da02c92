import { connect } from 'node:http2';
import type { ProbeOutcome } from './run-probe.js';

/** grpc.health.v1.HealthCheckResponse.ServingStatus. */
const servingStatus = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'];

/** HealthCheckRequest with its only field: 1, string service. */
function encodeRequest(service: string): Buffer {
  const name = Buffer.from(service);
  const message = name.length === 0 ? Buffer.alloc(0) : Buffer.concat([Buffer.from([0x0a]), varint(name.length), name]);
  const frame = Buffer.alloc(5);
  frame.writeUInt32BE(message.length, 1);
  return Buffer.concat([frame, message]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  bytes.push(rest);
  return Buffer.from(bytes);
}

/** Field 1 (enum) of a HealthCheckResponse; absent is 0. */
function decodeStatus(body: Buffer): number {
  return body.length >= 7 && body[5] === 0x08 ? (body[6] ?? 0) : 0;
}

/**
 * One grpc.health.v1.Health/Check call over plain HTTP/2. Done by hand: a fixed message of one field needs no gRPC
 * channel with its reconnecting and name resolution.
 */
export function checkGrpc(address: string, service: string, timeoutMs: number): Promise<ProbeOutcome> {
  return new Promise((resolve) => {
    const session = connect(`http://${address}`);
    const done = (outcome: ProbeOutcome) => {
      clearTimeout(timer);
      session.destroy();
      resolve(outcome);
    };
    const timer = setTimeout(() => {
      done({
        result: 'failure',
        output: `timeout: failed to connect service "${address}" within ${timeoutMs / 1000}s: context deadline exceeded`,
      });
    }, timeoutMs);
    session.on('error', (error) => {
      done({ result: 'failure', output: `error: rpc error: code = Unavailable desc = ${error.message}` });
    });
    const stream = session.request({
      ':method': 'POST',
      ':path': '/grpc.health.v1.Health/Check',
      'content-type': 'application/grpc',
      te: 'trailers',
      'user-agent': 'kube-probe/1.33',
    });
    const chunks: Buffer[] = [];
    let grpcStatus: string | undefined;
    let grpcMessage = '';
    const note = (headers: Record<string, unknown>) => {
      if (headers['grpc-status'] === undefined) return;
      grpcStatus = String(headers['grpc-status']);
      grpcMessage = decodeURIComponent(String(headers['grpc-message'] ?? ''));
    };
    stream.on('response', note);
    stream.on('trailers', note);
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('error', (error) => {
      done({ result: 'failure', output: `error: rpc error: code = Unavailable desc = ${error.message}` });
    });
    stream.on('end', () => {
      if (grpcStatus === '12') {
        done({
          result: 'failure',
          output: `error: this server does not implement the grpc health protocol (grpc.health.v1.Health): ${grpcMessage}`,
        });
      } else if (grpcStatus !== '0') {
        done({ result: 'failure', output: `error: health rpc probe failed: ${grpcMessage}` });
      } else {
        const status = decodeStatus(Buffer.concat(chunks));
        if (status === 1) done({ result: 'success', output: 'service healthy' });
        else
          done({
            result: 'failure',
            output: `service unhealthy (responded with "${servingStatus[status] ?? status}")`,
          });
      }
    });
    stream.end(encodeRequest(service));
  });
}

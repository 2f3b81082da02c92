import { readFileSync } from 'node:fs';
import { noop } from 'cockatiel';
import { Etcd3, type IOptions } from 'etcd3';

/** Where etcd is, and how to be trusted by it. */
export interface EtcdConnection {
  /** URLs of the members. */
  servers: string[];
  caFile?: string;
  certFile?: string;
  keyFile?: string;
}

/** A client whose calls end after `timeoutMs` and that repeats nothing by itself. */
export function connectEtcd(options: EtcdConnection, timeoutMs: number): Etcd3 {
  const config: IOptions = {
    hosts: options.servers,
    dialTimeout: 5_000,
    // The library's own retries would repeat a write that may have been done, and its circuit breaker would keep a
    // server off for 5 s after etcd is back: see retry.ts for ours.
    faultHandling: { host: () => noop, global: noop },
    grpcOptions: {
      'grpc.max_receive_message_length': -1,
      'grpc.max_send_message_length': -1,
      'grpc.keepalive_time_ms': 10_000,
      'grpc.keepalive_timeout_ms': 3_000,
      'grpc.keepalive_permit_without_calls': 1,
      // Retries are ours (retry.ts); without the library's each call costs less.
      'grpc.enable_retries': 0,
      'grpc.service_config_disable_resolution': 1,
      // Back within a second of etcd's return.
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 1_000,
    },
    defaultCallOptions: (context) => (context.isStream ? {} : { deadline: Date.now() + timeoutMs }),
  };
  if (options.caFile) {
    config.credentials = {
      rootCertificate: readFileSync(options.caFile),
      ...(options.certFile && options.keyFile
        ? { certChain: readFileSync(options.certFile), privateKey: readFileSync(options.keyFile) }
        : {}),
    };
  }
  return new Etcd3(config);
}

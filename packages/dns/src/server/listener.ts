/** Handles one query; calls `reply` once, with undefined for what deserves no answer. Never throws. */
export type Handler = (
  query: Buffer,
  protocol: 'udp' | 'tcp',
  /** Address family number as in CoreDNS' metrics: 1 IPv4, 2 IPv6. */
  family: '1' | '2',
  reply: (answer: Buffer | undefined) => void,
) => void;

export interface Listener {
  port: number;
  close(): Promise<void>;
}

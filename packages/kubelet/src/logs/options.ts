import { parseTime } from '@kubelab/apimachinery';

/** Options of a log request (core/v1 PodLogOptions). */
export interface LogOptions {
  follow: boolean;
  previous: boolean;
  timestamps: boolean;
  /** Lines with an older time stamp are left out; milliseconds since the epoch. */
  sinceMs: number | undefined;
  tailLines: number | undefined;
  limitBytes: number | undefined;
  stream: 'All' | 'Stdout' | 'Stderr';
}

/** A query that is not valid; answered with 422 as by the kubelet. */
export class LogOptionsError extends Error {
  override readonly name = 'LogOptionsError';
}

export function parseLogOptions(query: URLSearchParams, now: () => number = Date.now): LogOptions {
  const flag = (name: string) => ['true', '1'].includes(query.get(name) ?? '');
  const count = (name: string, least: number) => {
    const text = query.get(name);
    if (text === null || text === '') return undefined;
    const value = Number(text);
    if (!Number.isInteger(value)) throw new LogOptionsError(`${name}: ${JSON.stringify(text)} is not a number`);
    if (value < least)
      throw new LogOptionsError(`${name}: Invalid value: ${value}: must be greater than or equal to ${least}`);
    return value;
  };
  const sinceSeconds = count('sinceSeconds', 1);
  const sinceTime = query.get('sinceTime');
  if (sinceSeconds !== undefined && sinceTime) {
    throw new LogOptionsError('at most one of `sinceTime` or `sinceSeconds` may be specified');
  }
  const time = sinceTime ? parseTime(sinceTime) : undefined;
  if (sinceTime && time === undefined)
    throw new LogOptionsError(`sinceTime: ${JSON.stringify(sinceTime)} is not a time`);
  const stream = query.get('stream') || 'All';
  if (stream !== 'All' && stream !== 'Stdout' && stream !== 'Stderr') {
    throw new LogOptionsError(
      `stream: Unsupported value: ${JSON.stringify(stream)}: supported values: "All", "Stdout", "Stderr"`,
    );
  }
  return {
    follow: flag('follow'),
    previous: flag('previous'),
    timestamps: flag('timestamps'),
    sinceMs: sinceSeconds !== undefined ? now() - sinceSeconds * 1000 : time,
    tailLines: count('tailLines', 0),
    limitBytes: count('limitBytes', 1),
    stream,
  };
}

/**
 * For integration tests: a streaming client inside a network namespace, where the shim's loopback address is. This
 * module is both the caller's side and, run as a program, the client.
 */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { connectCommand, connectPortForward, type TerminalSize } from '@kubelab/streaming';

export interface ClientJob {
  kind: 'command' | 'forward';
  url: string;
  stdin?: string;
  tty?: boolean;
  size?: TerminalSize;
  /** Go away once the command has written something. */
  leave?: boolean;
  ports?: number[];
  send?: string;
}

export interface ClientResult {
  stdout?: string;
  stderr?: string;
  exitCode?: number;
  error?: string;
  answers?: string[];
  errors?: string[];
}

const self = fileURLToPath(import.meta.url);

/** Runs a job in a network namespace. Rejects with what the client wrote to stderr when it failed. */
export async function runInNamespace(netns: string, job: ClientJob): Promise<ClientResult> {
  const child = promisify(execFile)('nsenter', [`--net=/run/netns/${netns}`, process.execPath, self], {
    maxBuffer: 64 * 1024 * 1024,
    timeout: 120_000,
  });
  child.child.stdin?.end(JSON.stringify(job));
  return JSON.parse((await child).stdout) as ClientResult;
}

async function read(stream: Readable | undefined): Promise<string> {
  let text = '';
  for await (const chunk of stream ?? []) text += String(chunk);
  return text;
}

async function command(job: ClientJob): Promise<ClientResult> {
  const { tty = false } = job;
  const options = { stdin: job.stdin !== undefined, stdout: true, stderr: !tty, tty };
  const remote = await connectCommand(new URL(job.url), options);
  if (job.size) remote.resize(job.size);
  if (job.leave) {
    const aborted = remote.exitCode.catch(() => undefined);
    await once(remote.stdout as Readable, 'data');
    remote.close();
    await aborted;
    return {};
  }
  if (tty) remote.stdin?.write(job.stdin ?? '');
  else remote.stdin?.end(job.stdin ?? '');
  const [stdout, stderr, code] = await Promise.all([
    read(remote.stdout),
    read(remote.stderr),
    remote.exitCode.catch((error: Error) => error),
  ]);
  return { stdout, stderr, ...(typeof code === 'number' ? { exitCode: code } : { error: code.message }) };
}

async function forward(job: ClientJob): Promise<ClientResult> {
  const client = await connectPortForward(new URL(job.url));
  const connections = (job.ports ?? []).map((port) => client.connect(port));
  for (const { stream } of connections) stream.end(job.send ?? '');
  const answers = await Promise.all(connections.map(({ stream }) => read(stream)));
  const errors = await Promise.all(connections.map(({ error }) => error));
  client.close();
  return { answers, errors };
}

if (process.argv[1] === self) {
  const job = JSON.parse(await read(process.stdin)) as ClientJob;
  process.stdout.write(JSON.stringify(job.kind === 'command' ? await command(job) : await forward(job)));
}

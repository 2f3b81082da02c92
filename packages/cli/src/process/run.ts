import { execFile, spawn } from 'node:child_process';

export interface CommandResult {
  stdout: string;
  stderr: string;
}

/** A command that ended with another code than 0; the message holds the command and the end of what it printed. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  constructor(
    readonly command: string[],
    readonly exitCode: number | undefined,
    readonly stderr: string,
  ) {
    super(`${command.join(' ')}: ${stderr.trim().split('\n').slice(-5).join('\n') || `exit code ${exitCode}`}`);
  }
}

/** Runs a command to its end and returns what it printed. Rejects with a CommandError when it fails. */
export function run(command: string[], input?: string): Promise<CommandResult> {
  const [file = '', ...args] = command;
  return new Promise((resolve, reject) => {
    const child = execFile(file, args, { maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      if (error) {
        const code = typeof error.code === 'number' ? error.code : undefined;
        reject(new CommandError(command, code, String(stderr) || error.message));
      } else {
        resolve({ stdout: String(stdout), stderr: String(stderr) });
      }
    });
    if (input !== undefined) {
      child.stdin?.end(input);
    }
  });
}

/** Runs a command and says only whether it ended with 0. */
export async function succeeds(command: string[]): Promise<boolean> {
  try {
    await run(command);
    return true;
  } catch (error) {
    if (error instanceof CommandError) {
      return false;
    }
    throw error;
  }
}

/**
 * Runs a command whose lines are handed on as they come. Rejects with a CommandError when it fails; the error names the
 * command by the label only, since its arguments may hold a token.
 */
export function runStreaming(label: string, command: string[], onLine: (line: string) => void): Promise<void> {
  const [file = '', ...args] = command;
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const tail: string[] = [];
    for (const stream of [child.stdout, child.stderr]) {
      let rest = '';
      stream.setEncoding('utf8');
      stream.on('data', (chunk: string) => {
        const lines = (rest + chunk).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) {
          tail.push(line);
          onLine(line);
        }
      });
    }
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) {
        resolve();
      } else {
        reject(new CommandError([label], code ?? undefined, tail.slice(-5).join('\n')));
      }
    });
  });
}

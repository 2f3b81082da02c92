/** One of the iptables commands failed. */
export class IptablesError extends Error {
  readonly command: string;
  readonly exitCode: number | undefined;
  readonly stderr: string;

  constructor(command: string, exitCode: number | undefined, stderr: string, options?: ErrorOptions) {
    super(
      `${command}: ${exitCode === undefined ? 'could not run' : `exit status ${exitCode}`}: ${stderr.trim()}`,
      options,
    );
    this.name = 'IptablesError';
    this.command = command;
    this.exitCode = exitCode;
    this.stderr = stderr;
  }

  /** Exit status 4: another process held the lock (xtables.lock, or a changed nf_tables generation) for too long. */
  get isLocked(): boolean {
    return this.exitCode === 4;
  }
}

/** iptables-restore refused a line. The table of that line is unchanged in the kernel; nothing else is assumed. */
export class RestoreError extends IptablesError {
  /** 1-based line of the script, or undefined if the tool did not name one. */
  readonly line: number | undefined;
  readonly table: string | undefined;
  readonly chain: string | undefined;
  /** The refused line. */
  readonly text: string | undefined;

  constructor(cause: IptablesError, at: { line?: number; table?: string; chain?: string; text?: string }) {
    super(cause.command, cause.exitCode, at.text ? `${cause.stderr.trim()} [${at.text}]` : cause.stderr, { cause });
    this.name = 'RestoreError';
    this.line = at.line;
    this.table = at.table;
    this.chain = at.chain;
    this.text = at.text;
  }
}

/** Text that is not what `iptables-save` writes. */
export class ParseError extends Error {
  readonly line: number;

  constructor(line: number, message: string) {
    super(`line ${line}: ${message}`);
    this.name = 'ParseError';
    this.line = line;
  }
}

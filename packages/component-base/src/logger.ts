import winston from 'winston';

export type LogFields = Record<string, unknown>;

/**
 * A structured log: the message is a constant text, what varies goes in the key/value pairs, so that lines can be
 * grouped and searched. Never pass secrets or keys.
 */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger that adds these pairs to every line. */
  child(fields: LogFields): Logger;
}

export interface LoggerOptions {
  component: string;
  format: 'text' | 'json';
  /** 0 logs info and above, 1 and more debug too. */
  verbosity: number;
}

/** Creates the logger of a process; lines go to standard error. */
export function createLogger(options: LoggerOptions): Logger {
  const { combine, timestamp, json, printf } = winston.format;
  const flatten = winston.format((info) => {
    for (const [key, value] of Object.entries(info)) {
      if (value instanceof Error) {
        info[key] = options.verbosity > 0 ? (value.stack ?? value.message) : describeError(value);
      }
    }
    return info;
  });
  const text = printf((info) => {
    const { timestamp: time, level, message, component, ...rest } = info;
    const pairs = Object.entries(rest).map(([key, value]) => ` ${key}=${render(value)}`);
    return `${time} ${level.toUpperCase().padEnd(5)} ${component}: ${message}${pairs.join('')}`;
  });
  const inner = winston.createLogger({
    level: options.verbosity > 0 ? 'debug' : 'info',
    defaultMeta: { component: options.component },
    format: combine(flatten(), timestamp(), options.format === 'json' ? json() : text),
    transports: [new winston.transports.Console({ stderrLevels: ['error', 'warn', 'info', 'debug'] })],
  });
  return wrap(inner, {});
}

function wrap(inner: winston.Logger, bound: LogFields): Logger {
  const at = (level: string) => (message: string, fields?: LogFields) => {
    inner.log({ level, message, ...bound, ...fields });
  };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => wrap(inner, { ...bound, ...fields }),
  };
}

function describeError(error: Error): string {
  const cause = error.cause instanceof Error ? `: ${describeError(error.cause)}` : '';
  const code = (error as NodeJS.ErrnoException).code;
  return `${error.message || code || error.name}${cause}`;
}

function render(value: unknown): string {
  if (typeof value === 'string') {
    return /^[\w./:@%+-]+$/.test(value) ? value : JSON.stringify(value);
  }
  return JSON.stringify(value) ?? String(value);
}

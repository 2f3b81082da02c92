import { collectDefaultMetrics, Registry } from 'prom-client';
import { HealthRegistry } from './health.js';
import { createLogger, type Logger } from './logger.js';
import { OptionError, type OptionSpecs, type OptionValues, parseOptions } from './options.js';

/** What a process's start function is given. */
export interface ComponentContext {
  options: OptionValues;
  logger: Logger;
  metrics: Registry;
  health: HealthRegistry;
  /** Aborted at SIGTERM and SIGINT, before stop() is called. */
  signal: AbortSignal;
}

export interface RunningComponent {
  /** Stops cleanly: finishes what is in flight, releases leases and sockets. */
  stop(): Promise<void>;
}

export interface Component {
  /** As in the command's name, without the `kubelab-` prefix: `apiserver`. */
  name: string;
  description: string;
  options: OptionSpecs;
  /**
   * A process that does not stop within this time (milliseconds) after a signal is ended: by default 25 s, since its
   * work is safe to lose (crash-only). Infinity where who sends the signal sets the bound.
   */
  stopTimeoutMs?: number;
  start(context: ComponentContext): Promise<RunningComponent>;
}

const defaultStopTimeoutMs = 25_000;

/**
 * Runs a process: parses flags, sets up logging, metrics and health, starts it, and stops it at SIGTERM or SIGINT.
 * Ends the process with 0 after a clean stop, 1 when it fails, 2 for bad flags.
 */
export async function runComponent(component: Component): Promise<void> {
  process.title = `kubelab-${component.name}`;
  const options = readOptions(component);
  const logger = createLogger({
    component: component.name,
    format: options.string('logging-format') === 'json' ? 'json' : 'text',
    verbosity: options.number('v'),
  });
  const metrics = new Registry();
  // The loop monitor wakes the process once each precision interval: every 10 ms, its default, is most of what an idle
  // process costs.
  collectDefaultMetrics({ register: metrics, eventLoopMonitoringPrecision: 1000 });
  const health = new HealthRegistry();
  health.onFailure = (kind, name, error) => logger.debug('Health check failed', { kind, check: name, error });
  const stopping = new AbortController();
  const stopRequested = new Promise<NodeJS.Signals>((resolve) => {
    for (const name of ['SIGTERM', 'SIGINT'] as const) {
      process.on(name, () => resolve(name));
    }
  });
  // A bug in one request or reconcile must not take the process down: it is logged with its stack and work goes on.
  process.on('unhandledRejection', (error) => logger.error('Unhandled rejection', { error: stackOf(error) }));
  process.on('uncaughtException', (error) => logger.error('Uncaught exception', { error: stackOf(error) }));

  // A signal may come while start() still waits for others (a server that is not up yet): it must end that wait too.
  const stoppedEarly = stopRequested.then((name) => {
    stopping.abort();
    return name;
  });
  let running: RunningComponent;
  try {
    const first = await Promise.race([
      component.start({ options, logger, metrics, health, signal: stopping.signal }),
      stoppedEarly,
    ]);
    if (typeof first === 'string') {
      logger.info('Stopped before the start was done', { signal: first });
      await flush();
      process.exit(0);
    }
    running = first;
  } catch (error) {
    logger.error('Start failed', { error });
    await flush();
    process.exit(error instanceof OptionError ? 2 : 1);
  }
  logger.info('Started', { pid: process.pid });
  const name = await stopRequested;
  logger.info('Stopping', { signal: name });
  const { stopTimeoutMs = defaultStopTimeoutMs } = component;
  if (Number.isFinite(stopTimeoutMs)) {
    const deadline = setTimeout(() => {
      logger.error('Stop took too long, ending the process', { afterMs: stopTimeoutMs });
      process.exit(1);
    }, stopTimeoutMs);
    deadline.unref();
  }
  try {
    await running.stop();
    logger.info('Stopped');
    await flush();
    process.exit(0);
  } catch (error) {
    logger.error('Stop failed', { error });
    await flush();
    process.exit(1);
  }
}

function readOptions(component: Component): OptionValues {
  try {
    return parseOptions(component.name, component.options, process.argv.slice(2));
  } catch (error) {
    if (error instanceof OptionError) {
      process.stderr.write(`kubelab-${component.name}: ${error.message}\nTry --help.\n`);
      process.exit(2);
    }
    throw error;
  }
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** Lets the log's last lines leave the process. */
function flush(): Promise<void> {
  return new Promise((resolve) => {
    process.stderr.write('', () => resolve());
  });
}

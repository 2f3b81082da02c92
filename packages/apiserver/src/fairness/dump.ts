import type { LevelState } from './level.js';

function csv(head: string[], rows: (string | number)[][]): string {
  return [head, ...rows].map((row) => `${row.map(String).join(', ')}\n`).join('');
}

/** The text of /debug/api_priority_and_fairness/dump_*; undefined for another path. */
export function dumpFairness(path: string, levels: LevelState[]): string | undefined {
  switch (path.replace('/debug/api_priority_and_fairness/', '')) {
    case 'dump_priority_levels':
      return csv(
        [
          'PriorityLevelName',
          'ActiveQueues',
          'IsIdle',
          'IsQuiescing',
          'WaitingRequests',
          'ExecutingRequests',
          'SeatLimit',
        ],
        levels.map((l) => [
          l.name,
          l.queues.dump().filter((q) => q.waiting.length + q.executingSeats > 0).length,
          String(l.queues.executing + l.queues.waitingCount === 0),
          'false',
          l.queues.waitingCount,
          l.queues.executing,
          l.queues.seats,
        ]),
      );
    case 'dump_queues':
      return csv(
        ['PriorityLevelName', 'Index', 'PendingRequests', 'ExecutingSeats', 'NextDispatchR'],
        levels.flatMap((l) =>
          l.queues.dump().map((q) => [l.name, q.index, q.waiting.length, q.executingSeats, q.virtualStart.toFixed(3)]),
        ),
      );
    case 'dump_requests':
      return csv(
        ['PriorityLevelName', 'QueueIndex', 'RequestIndexInQueue', 'FlowDistingsher', 'ArriveTime', 'InitialSeats'],
        levels.flatMap((l) =>
          l.queues
            .dump()
            .flatMap((q) =>
              q.waiting.map((w, i) => [l.name, q.index, i, w.flow, new Date(w.arrivedMs).toISOString(), w.seats]),
            ),
        ),
      );
    default:
      return undefined;
  }
}

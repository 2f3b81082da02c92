import { newTooManyRequests } from '@kubelab/apimachinery';
import type { UserInfo } from '../authentication/index.js';
import type { RequestInfo } from '../request-info.js';
import { isLongRunning } from './long-running.js';
import type { Release } from './queue-set.js';

const readOnlyVerbs = new Set(['get', 'list', 'watch', 'head', 'options']);
const nothing: Release = () => undefined;

/** --max-requests-inflight and --max-mutating-requests-inflight: the limits without priority and fairness. */
export class MaxInFlight {
  reading = 0;
  mutating = 0;

  /** @param maxReading 0 for no limit, as maxMutating */
  constructor(
    private readonly maxReading: number,
    private readonly maxMutating: number,
  ) {}

  /** @throws StatusError TooManyRequests; cluster admins are let in all the same, to mend what is wrong */
  admit(user: UserInfo, info: RequestInfo): Release {
    if (isLongRunning(info)) return nothing;
    const privileged = user.groups.includes('system:masters');
    if (readOnlyVerbs.has(info.verb)) {
      if (this.maxReading > 0 && this.reading >= this.maxReading && !privileged) throw tooMany();
      this.reading++;
      return once(() => {
        this.reading--;
      });
    }
    if (this.maxMutating > 0 && this.mutating >= this.maxMutating && !privileged) throw tooMany();
    this.mutating++;
    return once(() => {
      this.mutating--;
    });
  }
}

function once(release: Release): Release {
  let done = false;
  return () => {
    if (!done) {
      done = true;
      release();
    }
  };
}

export const tooMany = () => newTooManyRequests('too many requests, please try again later', 1);

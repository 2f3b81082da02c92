/**
 * How much the nat table's rules say beyond what they do.
 *
 * - `full`: every rule names its Service.
 * - `large`: kube-proxy's large cluster mode: endpoints' rules, and those that lead to them, have no comment.
 * - `compact`: no rule of a Service has a comment, and none an empty `-m tcp`. Of the nft back end's expressions these
 *   are the dear ones: each has memory of its own, which the kernel reads in every transaction, since it checks the
 *   whole table from each base chain whenever a rule with a target is added. Names of chains tell the Service.
 */
export type RuleForm = 'full' | 'large' | 'compact';

const forms: readonly RuleForm[] = ['full', 'large', 'compact'];

/** Endpoints above which a form is left for the next one; the first is kube-proxy's largeClusterEndpointsThreshold. */
const above: readonly number[] = [1000, 10_000];

/** The way back begins a tenth below the way there, so that a cluster at the border does not write its rules anew again and again. */
const back = 0.9;

/** The form for so many endpoints; `now` is the one in use, undefined at the start. */
export function formFor(endpoints: number, now: RuleForm | undefined): RuleForm {
  const current = now === undefined ? 0 : forms.indexOf(now);
  const level = above.filter((limit, i) => endpoints > (i < current ? limit * back : limit)).length;
  return forms[level] ?? 'compact';
}

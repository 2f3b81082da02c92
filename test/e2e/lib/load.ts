// Requests a URL at a steady rate, each over a new connection, until standard input ends; then prints a JSON line with
// the counts. Run inside a node's or the host's network by the tests: node load.js URL REQUESTS_PER_SECOND
import { request } from 'node:http';

const [url = '', rate = '50'] = process.argv.slice(2);
/** A request that is lost is never answered; one on a busy machine may be late. */
const patienceMs = 30_000;
const answers: Record<string, number> = {};
/** The first ones; of the others, how many. */
const failures: string[] = [];
let moreFailures = 0;
let sent = 0;
let open = 0;

function send(): void {
  sent++;
  open++;
  const startedAt = new Date().toISOString();
  const fail = (reason: string) => {
    open--;
    if (failures.length < 10) {
      failures.push(`${startedAt} ${reason}`);
    } else {
      moreFailures++;
    }
  };
  const req = request(url, { agent: false, timeout: patienceMs }, (res) => {
    let body = '';
    res.setEncoding('utf8');
    res.on('data', (chunk: string) => {
      body += chunk;
    });
    res.once('error', (error) => fail(error.message));
    res.once('end', () => {
      if (res.statusCode === 200) {
        open--;
        answers[body.trim()] = (answers[body.trim()] ?? 0) + 1;
      } else {
        fail(`HTTP ${res.statusCode}`);
      }
    });
  });
  req.on('timeout', () => req.destroy(new Error(`no answer within ${patienceMs / 1000} s`)));
  req.once('error', (error) => fail(error.message));
  req.end();
}

const timer = setInterval(send, 1000 / Number(rate));
// A load that its test forgot ends by itself.
const limit = setTimeout(finish, 10 * 60_000);
process.stdin.resume();
process.stdin.on('end', finish);
process.stdin.on('close', finish);

let finishing = false;
function finish(): void {
  if (finishing) {
    return;
  }
  finishing = true;
  clearInterval(timer);
  clearTimeout(limit);
  const wait = setInterval(() => {
    if (open === 0) {
      clearInterval(wait);
      if (moreFailures > 0) {
        failures.push(`and ${moreFailures} more`);
      }
      process.stdout.write(`${JSON.stringify({ sent, failures, answers })}\n`, () => process.exit(0));
    }
  }, 20);
}

/**
 * The program of the sandbox container, as machine code: PID 1 of the pod that keeps its namespaces, reaps what it
 * inherits and ends at SIGTERM or SIGINT. No compiler or registry is needed to have it, and a pod costs a few KiB.
 *
 * In C it would be:
 *
 *     struct sigaction ignore = { SIG_IGN };           // children need no wait: the kernel reaps them
 *     rt_sigaction(SIGCHLD, &ignore, 0, 8);
 *     rt_sigprocmask(SIG_BLOCK, &(TERM|INT), 0, 8);    // PID 1 is sent a signal only if it handles or blocks it
 *     while (rt_sigtimedwait(&(TERM|INT), 0, 0, 8) < 0) ;
 *     exit_group(0);
 */
export function pauseProgram(arch: string): Buffer {
  if (arch === 'x64') return elf(62, x64);
  if (arch === 'arm64') return elf(183, arm64);
  throw new Error(`no sandbox program for ${arch}: give an image for it with --pod-infra-container-image`);
}

const base = 0x400000;
const headerSize = 64 + 56;
/** Data at the start of the segment, right behind the headers: 32 bytes of sigaction, then the signal set. */
const actionAt = base + headerSize;
const setAt = actionAt + 32;
const entry = setAt + 8;

/** SIGINT is bit 1, SIGTERM bit 14. */
const signalSet = (1 << 1) | (1 << 14);

function elf(machine: number, code: () => Buffer): Buffer {
  const text = code();
  const data = Buffer.alloc(40);
  data.writeUInt32LE(1, 0);
  data.writeUInt32LE(signalSet, 32);
  const size = headerSize + data.length + text.length;
  const header = Buffer.alloc(headerSize);
  header.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  header.writeUInt16LE(2, 16);
  header.writeUInt16LE(machine, 18);
  header.writeUInt32LE(1, 20);
  header.writeBigUInt64LE(BigInt(entry), 24);
  header.writeBigUInt64LE(64n, 32);
  header.writeUInt16LE(64, 52);
  header.writeUInt16LE(56, 54);
  header.writeUInt16LE(1, 56);
  // One segment, readable and executable, for all of the file.
  header.writeUInt32LE(1, 64);
  header.writeUInt32LE(5, 68);
  header.writeBigUInt64LE(BigInt(base), 80);
  header.writeBigUInt64LE(BigInt(base), 88);
  header.writeBigUInt64LE(BigInt(size), 96);
  header.writeBigUInt64LE(BigInt(size), 104);
  header.writeBigUInt64LE(0x1000n, 112);
  return Buffer.concat([header, data, text]);
}

function x64(): Buffer {
  const u32 = (value: number) => [value & 255, (value >>> 8) & 255, (value >>> 16) & 255, value >>> 24];
  const eax = (value: number) => [0xb8, ...u32(value)];
  const edi = (value: number) => [0xbf, ...u32(value)];
  const esi = (value: number) => [0xbe, ...u32(value)];
  const edx = (value: number) => [0xba, ...u32(value)];
  const r10d = (value: number) => [0x41, 0xba, ...u32(value)];
  const syscall = [0x0f, 0x05];
  const wait = [...eax(128), ...edi(setAt), ...esi(0), ...edx(0), ...r10d(8), ...syscall, 0x85, 0xc0];
  return Buffer.from([
    ...[...eax(13), ...edi(17), ...esi(actionAt), ...edx(0), ...r10d(8), ...syscall],
    ...[...eax(14), ...edi(0), ...esi(setAt), ...edx(0), ...r10d(8), ...syscall],
    // test eax,eax; js back to the wait
    ...[...wait, 0x78, 256 - (wait.length + 2)],
    ...[...eax(231), ...edi(0), ...syscall],
  ]);
}

function arm64(): Buffer {
  const words: number[] = [];
  const mov = (register: number, value: number) => {
    words.push((0xd2800000 | ((value & 0xffff) << 5) | register) >>> 0);
    if (value > 0xffff) words.push((0xf2a00000 | ((value >>> 16) << 5) | register) >>> 0);
  };
  const call = (number: number, ...args: number[]) => {
    for (const [register, value] of args.entries()) mov(register, value);
    mov(8, number);
    words.push(0xd4000001);
  };
  call(134, 17, actionAt, 0, 8);
  call(135, 0, setAt, 0, 8);
  const wait = words.length;
  call(137, setAt, 0, 0, 8);
  // tbnz w0, #31, wait
  words.push((0x37f80000 | (((wait - words.length) & 0x3fff) << 5)) >>> 0);
  call(94, 0);
  const bytes = Buffer.alloc(words.length * 4);
  for (const [i, word] of words.entries()) bytes.writeUInt32LE(word, i * 4);
  return bytes;
}

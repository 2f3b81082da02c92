import { CriError, type PullImageRequestOutput, type PullImageResponse } from '@kubelab/cri';
import type { RuntimeContext } from '../context.js';
import { dockerMessage, toCriError } from '../docker/errors.js';
import { dockerAuth } from './auth.js';
import { findImage } from './inspect.js';
import { findLoadedImage } from './loaded.js';
import { parseReference } from './reference.js';

interface Progress {
  status?: string;
  error?: string;
  errorDetail?: { message?: string };
}

/** Pulls an image and returns its id. Ends when the caller goes away. Layers are shared with pulls at the same time. */
export async function pullImage(
  context: RuntimeContext,
  request: PullImageRequestOutput,
  signal: AbortSignal,
): Promise<PullImageResponse> {
  const name = request.image?.image ?? '';
  if (name === '') throw new CriError('INVALID_ARGUMENT', 'no image is named');
  const { repository, tag } = parseReference(name);
  const { docker, logger } = context;
  const loaded = await findLoadedImage(context, `${repository}:${tag}`);
  if (loaded) return { image_ref: loaded };
  try {
    const authconfig = dockerAuth(request.auth, name);
    const stream = await docker.open.createImage({
      ...(authconfig ? { authconfig } : {}),
      fromImage: repository,
      tag,
      abortSignal: signal,
    });
    await followProgress(stream, (progress) => logger.debug('Pulling', { image: name, ...progress }));
  } catch (error) {
    if (signal.aborted) throw new CriError('CANCELLED', `pull ${name}: the caller is gone`);
    throw pullError(error, name);
  }
  const image = await findImage(docker.quick, tag.includes(':') ? `${repository}@${tag}` : `${repository}:${tag}`);
  if (!image) throw new CriError('UNKNOWN', `image ${name} is not there after it was pulled`);
  return { image_ref: image.Id };
}

/** Reads a pull's messages to the end; rejects with the daemon's error if there is one among them. */
async function followProgress(stream: NodeJS.ReadableStream, onProgress: (p: Progress) => void): Promise<void> {
  let pending = '';
  let failure: string | undefined;
  for await (const chunk of stream) {
    const lines = (pending + String(chunk)).split('\n');
    pending = lines.pop() ?? '';
    for (const line of lines) {
      if (line.trim() === '') continue;
      const progress = JSON.parse(line) as Progress;
      if (progress.error) failure = progress.errorDetail?.message ?? progress.error;
      else if (progress.status && !progress.status.endsWith('ing')) onProgress(progress);
    }
  }
  if (failure !== undefined) throw new Error(failure);
}

function pullError(error: unknown, name: string): CriError {
  const text = dockerMessage(error);
  const message = `failed to pull image "${name}": ${text}`;
  if (/not found|manifest unknown|does not exist/i.test(text))
    return new CriError('NOT_FOUND', message, { cause: error });
  if (/unauthorized|denied|no basic auth/i.test(text))
    return new CriError('PERMISSION_DENIED', message, { cause: error });
  const other = toCriError(error, `failed to pull image "${name}"`);
  return other.code === 'FAILED_PRECONDITION' ? new CriError('UNKNOWN', message, { cause: error }) : other;
}

/** An image reference in its parts, as the pull call of Docker wants them. */
export interface ImageReference {
  /** Registry and path, without tag or digest. */
  repository: string;
  /** Tag, or digest with its algorithm (`sha256:...`). */
  tag: string;
}

/** Splits `[registry[:port]/]path[:tag][@digest]`; without either the tag is `latest`, and a digest wins over a tag. */
export function parseReference(reference: string): ImageReference {
  const [name = '', digest] = reference.split('@');
  // A colon behind the last slash begins the tag; one before it belongs to the registry's port.
  const colon = name.indexOf(':', name.lastIndexOf('/') + 1);
  const repository = colon < 0 ? name : name.slice(0, colon);
  const tag = colon < 0 ? 'latest' : name.slice(colon + 1);
  return { repository, tag: digest ?? tag };
}

/** The registry's host of a reference; Docker Hub's when it names none. */
export function registryOf(reference: string): string {
  const first = reference.split('/')[0] ?? '';
  const isHost = reference.includes('/') && (/[.:]/.test(first) || first === 'localhost');
  return isHost ? first : 'docker.io';
}

/** A reference as Docker shows it: without Docker Hub's host and its `library/`, both of which may be left out. */
export function familiarName(reference: string): string {
  const path = reference.replace(/^(index\.)?docker\.io\//, '');
  return registryOf(path) === 'docker.io' ? path.replace(/^library\//, '') : path;
}

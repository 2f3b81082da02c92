/**
 * What `nft list table` printed: the lines of each chain, map and set by its name, `chain services`. Rules keep their
 * order, which counts; elements are sorted, since the kernel gives them in any order.
 */
export function readTable(listing: string): Record<string, string[]> {
  const parts: Record<string, string[]> = {};
  let lines: string[] = [];
  // Elements may take several lines.
  for (const line of listing.replace(/,\n\s+/g, ', ').split('\n')) {
    const text = line.trim();
    const name = /^((?:table|chain|map|set) .*) \{$/.exec(text)?.[1];
    const elements = /^elements = \{ (.*) \}$/.exec(text)?.[1];
    if (name) {
      lines = [];
      parts[name] = lines;
    } else if (elements !== undefined) lines.push(...elements.split(', ').sort());
    else if (text !== '' && text !== '}') lines.push(text);
  }
  return parts;
}

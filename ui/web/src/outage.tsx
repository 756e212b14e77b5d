// What is said, beyond a word in the head, when what is shown isn't the present.

import { useEffect, useState } from 'preact/hooks';
import { clock } from './format';
import { status, stream, update } from './state';

/** Why nothing new comes; empty if all is well. */
function trouble(): string {
  const page = stream.value;
  // A refusal is said where the flows would be.
  if (page.state === 'refused') return '';
  if (page.state === 'lost') return page.why;
  const link = status.value?.link;
  if (link?.state === 'lost') return `flows-ui is not connected: ${link.why ?? 'the server is unreachable'}`;
  if (link?.state === 'failed') return link.why ?? 'flows-ui has failed';
  return '';
}

/** What is over sooner (ms) isn't worth a word. */
const PATIENCE = 800;

export function Outage() {
  const why = trouble();
  const [said, setSaid] = useState(false);
  useEffect(() => {
    if (!why) return setSaid(false);
    const timer = setTimeout(() => setSaid(true), PATIENCE);
    return () => clearTimeout(timer);
  }, [why === '']);
  if (!why || !said) return null;
  const { newest } = status.value?.held ?? {};
  const again = status.value?.link.state === 'failed' ? '' : ' Retrying.';
  return (
    <p class="outage" role="alert">
      <b>No new flows: {why}.</b>
      {again} {update.value && newest !== undefined ? `Showing flows up to ${clock(newest, 1000)}.` : ''}
    </p>
  );
}

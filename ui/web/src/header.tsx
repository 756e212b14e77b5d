// The head of the page: where the flows come from, whether they still do, and the way to each view.

import { useEffect } from 'preact/hooks';
import { Icon } from './icons';
import { helpOpen } from './app';
import { go, paused, status, stream, unknownSince, update, view } from './state';
import { setTheme, theme } from './theme';
import { clock, counted, short, span } from './format';
import { utc, zoneName } from './zone';
import type { NodeStatus, Status } from './openapi';
import type { Panel } from './url';

const VIEWS: { panel: Panel; name: string }[] = [
  { panel: 'split', name: 'Overview' },
  { panel: 'map', name: 'Map' },
  { panel: 'flows', name: 'Flows' },
  { panel: 'denied', name: 'Denied' },
  { panel: 'status', name: 'Nodes' },
  { panel: 'policies', name: 'Policies' },
  { panel: 'editor', name: 'Editor' },
];

/** Whether a node's flows come. */
function isUp({ state }: NodeStatus): boolean {
  return state === 'connected' || state === 'seen';
}

/** What keeps a cluster from being well, a line each. */
function notWell({ nodes, warnings = [] }: Status): string[] {
  const away = nodes.filter((node) => !isUp(node)).map(({ name, state }) => `${name}: ${state}`);
  const behind = nodes.filter((node) => isUp(node) && node.message).map(({ name, message }) => `${name}: ${message ?? ''}`);
  return [...away, ...behind, ...warnings];
}

interface State {
  tone: 'good' | 'warn' | 'bad' | 'plain';
  word: string;
  title: string;
}

/** How things stand between the cluster, flows-ui and this page, the worst first. */
function connection(): State {
  const page = stream.value;
  if (page.state === 'connecting') return { tone: 'plain', word: 'Connecting', title: 'Connecting to flows-ui' };
  if (page.state === 'refused') return { tone: 'bad', word: 'Refused', title: page.why };
  if (page.state === 'lost' && page.full) return { tone: 'bad', word: 'Full', title: page.why };
  if (page.state === 'lost') return { tone: 'bad', word: 'Reconnecting', title: page.why };
  const link = status.value?.link;
  const troubles = status.value ? notWell(status.value) : [];
  switch (link?.state) {
    case undefined:
    case 'connecting':
      return { tone: 'plain', word: 'Connecting', title: 'flows-ui is connecting to its server' };
    case 'lost':
      return { tone: 'bad', word: 'Server lost', title: `${link.why ?? 'no connection'}. flows-ui is retrying.` };
    case 'failed':
      return { tone: 'bad', word: 'Failed', title: link.why ?? '' };
    case 'ended':
      return { tone: 'plain', word: 'Complete', title: 'All flows of the file are loaded' };
    case 'live':
      if (paused.value) return { tone: 'warn', word: 'Paused', title: 'The view is paused; flows are still collected' };
      if (troubles.length) return { tone: 'bad', word: 'Degraded', title: troubles.join('\n') };
      return { tone: 'good', word: 'Live', title: link.since ? `For ${span(Date.now() - link.since)}` : '' };
  }
}

export function Header() {
  const { panel } = view.value;
  useEffect(() => {
    // On a narrow screen its button may be out of sight.
    document.querySelector('.views [aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }, [panel]);
  const { tone, word, title } = connection();
  const now = status.value;
  const nodes = now?.nodes ?? [];
  const up = nodes.filter(isUp).length;
  const lost = now?.lost ?? 0;
  const since = unknownSince.value;
  const asOf = since === null ? '' : `, as of ${clock(since, 1000)}`;
  const icon = theme.value === 'dark' ? 'moon' : theme.value === 'light' ? 'sun' : 'auto';
  return (
    <header class="head">
      <h1 class="brand">
        <svg viewBox="0 0 32 32" width="20" height="20" aria-hidden="true">
          <path class="good" d="M4 10h9c5 0 5 11 10 11h5" />
          <path class="bad" d="M4 21h6M15 18l6 6m0-6-6 6" />
        </svg>
        flows
      </h1>
      <nav class="views" aria-label="Views">
        {/* A workload's page is come to by its name. */}
        {[...VIEWS, ...(panel === 'workload' ? [{ panel: 'workload', name: 'Workload' } as const] : [])].map((of) => (
          <button key={of.panel} aria-current={panel === of.panel ? 'page' : undefined} onClick={() => go({ panel: of.panel })}>
            {of.name}
          </button>
        ))}
      </nav>
      <p class="source" title={now ? `${now.source} (${now.server.version || now.server.kind})` : ''}>
        {now?.source}
      </p>
      <dl class="facts">
        {update.value && now?.server.kind !== 'file' && (
          <div class="wide-only" title="Flows in the last 10 seconds, whether they match the filters or not; flows of one packet are one row">
            <dt>Rate</dt>
            <dd>{since === null && update.value.rate !== undefined ? `${short(update.value.rate)} flows/s` : 'unknown'}</dd>
          </div>
        )}
        {nodes.length > 0 && (
          <div class={up < nodes.length ? '' : 'wide-only'} title={since === null ? 'Nodes that are connected' : `Unknown since ${clock(since, 1000)}`}>
            <dt>Nodes</dt>
            <dd class={since !== null ? 'warn' : up < nodes.length ? 'bad' : ''}>
              {since === null ? up : '?'}/{nodes.length}
            </dd>
          </div>
        )}
        {now && (
          <div title={(lost ? `${counted(lost, 'event')} missing; see the Nodes view` : 'No events are missing') + asOf}>
            <dt>Lost</dt>
            <dd class={lost ? 'bad' : ''}>{short(lost)}</dd>
          </div>
        )}
        {now?.unreadable ? (
          <div title="Lines of the file that are not flows; the table marks the first of them">
            <dt>Unreadable</dt>
            <dd class="bad">{now.unreadable > 20 ? 'more than 20 lines' : counted(now.unreadable, 'line')}</dd>
          </div>
        ) : null}
        {(update.value?.coalesced ?? 0) > 0 && (
          <div class="wide-only" title="Updates skipped because this browser was too slow; each was covered by the next one">
            <dt>Skipped</dt>
            <dd>{short(update.value?.coalesced ?? 0)}</dd>
          </div>
        )}
      </dl>
      <p class={`link ${tone}`} role="status" title={title}>
        <span class="dot" aria-hidden="true" />
        {word}
      </p>
      <button
        class="quiet zone"
        onClick={() => go({ utc: !utc.value }, true)}
        aria-label={`Times in ${zoneName(Date.now())}`}
        title={utc.value ? 'Times in UTC: click for your zone (u)' : `Times in your zone, ${zoneName(Date.now())}: click for UTC (u)`}
      >
        {zoneName(Date.now())}
      </button>
      <button
        class="quiet"
        onClick={() => setTheme(theme.value === 'system' ? 'dark' : theme.value === 'dark' ? 'light' : 'system')}
        aria-label={`Colours: ${theme.value}`}
        title={`Colours: ${theme.value} (t)`}
      >
        <Icon name={icon} />
      </button>
      <button class="quiet" onClick={() => (helpOpen.value = true)} aria-label="Keyboard shortcuts" title="Keyboard shortcuts (?)">
        ?
      </button>
    </header>
  );
}

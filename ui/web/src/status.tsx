// Nodes: who is connected, how far behind, and what was lost where.

import { clock, counted, short, span, whole } from './format';
import { status, stream, unknownSince, update } from './state';
import type { LossStage, NodeStatus } from './openapi';

/** Stages of losses that any node has, in the order in which events pass them. */
function stages(nodes: readonly NodeStatus[]): LossStage[] {
  const found = new Map<string, LossStage>();
  for (const { losses } of nodes) for (const loss of losses) if (!found.has(loss.stage)) found.set(loss.stage, loss);
  return [...found.values()];
}

export function StatusView() {
  const now = status.value;
  if (!now) return <section class="status" aria-label="Nodes">{stream.value.state === 'lost' ? stream.value.why : 'Loading…'}</section>;
  const { held, losses, nodes, server, link } = now;
  const places = stages(nodes);
  const part = held.capacity ? held.flows / held.capacity : 0;
  const all = now.lost;
  const since = unknownSince.value;
  const kind = { flows: 'flows', hubble: 'Hubble', file: 'a file', unknown: 'unknown' }[server.kind];
  return (
    <section class="status" aria-label="Nodes">
      <div class="cards">
        <article>
          <h2>Source</h2>
          <p class="figure">{stream.value.state === 'lost' ? 'unknown' : link.state}</p>
          <dl>
            <div><dt>Address</dt><dd><code>{now.source}</code></dd></div>
            <div><dt>Server</dt><dd>{server.version.includes(kind) ? server.version : `${kind} ${server.version}`}</dd></div>
            {link.since !== undefined && <div><dt>Since</dt><dd>{span(Date.now() - link.since)}</dd></div>}
            {link.why && <div><dt>Reason</dt><dd>{link.why}</dd></div>}
            {now.user && <div><dt>User</dt><dd>{now.user}</dd></div>}
          </dl>
          {server.kind === 'hubble' && (
            <p class="quiet-text">A stock Hubble server does not provide policies: explaining a denial needs flows-relay or flows-agent.</p>
          )}
        </article>
        <article>
          <h2>In memory</h2>
          <p class="figure">
            {short(held.flows)} <small>of {short(held.capacity)} flows</small>
          </p>
          <progress value={part} max={1} aria-label="Capacity used" />
          <dl>
            <div><dt>Incoming</dt><dd>{since === null && update.value?.rate !== undefined ? `${short(update.value.rate)} flows/s` : 'unknown'}</dd></div>
            <div><dt>Since</dt><dd>{held.oldest === undefined ? '' : clock(held.oldest, 1000)}{{ more: '', begins: ', where history begins', full: '' }[held.older]}</dd></div>
            <div><dt>Evicted</dt><dd>{whole(held.evicted)}</dd></div>
            <div><dt>Updates skipped by this browser</dt><dd>{whole(update.value?.coalesced ?? 0)}</dd></div>
          </dl>
        </article>
        <article class={all ? 'bad' : ''}>
          <h2>Lost</h2>
          <p class="figure">
            {short(all)} <small>{all === 1 ? 'event' : 'events'}</small>
          </p>
          <dl>
            {losses.map(({ stage, count, text }) => (
              <div key={stage} title={text}>
                <dt>{stage}</dt>
                <dd class={count ? 'bad' : ''}>{whole(count)}</dd>
              </div>
            ))}
            <div title="In the table and on the time axis">
              <dt>Marked in the table</dt>
              <dd>{whole(now.marked)}</dd>
            </div>
          </dl>
        </article>
      </div>
      {(now.warnings ?? []).length > 0 && (
        <ul class="warnings" aria-label="Warnings">
          {now.warnings?.map((text) => <li key={text}>{text}</li>)}
        </ul>
      )}
      <h2>{counted(nodes.length, 'node')}</h2>
      <div class="scroll" tabIndex={0} role="region" aria-label="Table of nodes">
        <table>
          <thead>
            <tr>
              <th scope="col" rowSpan={2}>Node</th>
              <th scope="col" rowSpan={2}>State</th>
              <th scope="col" rowSpan={2} class="number">Rate</th>
              <th scope="col" rowSpan={2} class="number">Lag</th>
              <th scope="colgroup" colSpan={places.length + 1} class="stages">Events lost</th>
              <th scope="col" rowSpan={2} class="number">Flows seen</th>
              <th scope="col" rowSpan={2} class="number">In memory</th>
              <th scope="col" rowSpan={2} class="number">Policies</th>
              <th scope="col" rowSpan={2}>Uptime</th>
              <th scope="col" rowSpan={2}>Version</th>
            </tr>
            <tr>
              <th scope="col" class="number">All</th>
              {places.map(({ stage, text }) => (
                <th key={stage} scope="col" class="number" title={text}>{stage}</th>
              ))}
            </tr>
          </thead>
          <tbody>
            {nodes.map((node) => (
              <tr key={node.name}>
                <th scope="row">{node.name}</th>
                <td>
                  {since !== null ? (
                    <span class="state">unknown since {clock(since, 1000)}</span>
                  ) : (
                    <span class={`state ${node.state === 'connected' ? 'good' : node.state === 'seen' ? '' : 'bad'}`}>{node.state}</span>
                  )}
                  {node.message && <small> {node.message}</small>}
                </td>
                <td class="number">{since === null && node.rate !== undefined ? `${short(node.rate)}/s` : ''}</td>
                <td class="number">{since !== null || node.lag_ms === undefined ? '' : span(node.lag_ms)}</td>
                <td class={`number${node.lost ? ' bad' : ''}`}>{whole(node.lost)}</td>
                {places.map(({ stage }) => {
                  const count = node.losses.find((loss) => loss.stage === stage)?.count;
                  return <td key={stage} class={`number${count ? ' bad' : ''}`}>{count === undefined ? '' : whole(count)}</td>;
                })}
                <td class="number">{node.flows_seen === undefined ? '' : whole(node.flows_seen)}</td>
                <td class="number">
                  {node.flows_held === undefined ? '' : whole(node.flows_held)}
                  {node.flows_max ? <small> of {short(node.flows_max)}</small> : null}
                </td>
                <td class="number">{node.policies ?? ''}</td>
                <td>{node.uptime_seconds === undefined ? '' : span(node.uptime_seconds * 1000)}</td>
                <td>{node.version ?? ''}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

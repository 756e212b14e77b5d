// Whom a workload connects with: a row for each peer and port.

import { clock, stamp, visible, whole } from '../format';
import { Icon, VerdictMark } from '../icons';
import { connectionsOf, Go, PolicyLink, WorkloadLink } from '../link';
import { copy } from '../state';
import { judgedWord } from '../verdict';
import type { WorkloadPeer } from '../openapi';
import { withPolicies } from './name';

function Decided({ why, policies }: WorkloadPeer) {
  return <>{withPolicies(why, policies).map(({ text, policy }, at) => (policy === undefined ? visible(text) : <PolicyLink key={at} policy={policy} />))}</>;
}

function Peer({ peer }: { peer: WorkloadPeer }) {
  const { name, kind, port, allowed, denied, unknown, last, judged, connection, term, trace } = peer;
  const page = kind === 'workload' || kind === 'pod';
  const verdict = judged === 'ALLOWED' || judged === 'AUDITED' ? 'FORWARDED' : judged === 'UNKNOWN' ? undefined : 'DROPPED';
  return (
    <tr class={denied > 0 ? 'bad' : ''}>
      <th scope="row">
        {page ? <WorkloadLink name={name} /> : <bdi>{visible(name)}</bdi>}
        <span class="why-of">
          <Decided {...peer} />
        </span>
      </th>
      <td>{port}</td>
      <td class="number">
        {/* Of a workload all of them, of the newest what became of it. */}
        <Go to={connectionsOf(term)} title={`Its connections: ${term}`} class="link-text">
          {whole(allowed)}
        </Go>
      </td>
      <td class={`number${denied > 0 ? ' bad-text' : ''}`}>
        {denied > 0 ? (
          <Go to={{ ...connectionsOf(term), panel: 'denied' }} class="link-text">
            {whole(denied)}
          </Go>
        ) : (
          '0'
        )}
        {unknown > 0 && (
          <span class="quiet-text" title="They left their source, and nothing more is known">
            {' '}
            {whole(unknown)}?
          </span>
        )}
      </td>
      <td>
        <Go to={{ connection, flow: null }} title={`The newest: ${stamp(last)}`} class="newest">
          <VerdictMark verdict={verdict} says={judgedWord(judged)} /> {clock(last, 1000)}
        </Go>
      </td>
      <td>
        {trace && (
          <button class="quiet" title={`Copy: ${trace}`} aria-label={`Trace… ${name} ${port}: copy the command`} onClick={() => void copy(trace, 'The command')}>
            <Icon name="copy" /> Trace…
          </button>
        )}
      </td>
    </tr>
  );
}

export function PeerTable({ title, peers, hidden, none }: { title: string; peers: readonly WorkloadPeer[]; hidden: number; none: string }) {
  return (
    <section aria-label={title}>
      <h3>{title}</h3>
      {peers.length === 0 && <p class="quiet-text">{none}</p>}
      {peers.length > 0 && (
        <div class="wide" tabIndex={0} role="region" aria-label={`Table: ${title.toLowerCase()}`}>
          <table class="peers">
            <thead>
              <tr>
                <th scope="col">Peer</th>
                <th scope="col">Port</th>
                <th scope="col" class="number">Allowed</th>
                <th scope="col" class="number">Denied</th>
                <th scope="col">Newest</th>
                <th scope="col">
                  <span class="hidden">Trace</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {peers.map((peer) => (
                <Peer key={`${peer.kind} ${peer.name} ${peer.port}`} peer={peer} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {hidden > 0 && <p class="quiet-text">and {whole(hidden)} more</p>}
    </section>
  );
}

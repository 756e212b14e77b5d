// Who may reach a workload and whom it may reach, by the rules of both ends, and whether that was used.

import { useAnswer } from '../answer';
import { clock, counted, visible, whole } from '../format';
import { PolicyLink, WorkloadLink } from '../link';
import type { ReachEdge } from '../openapi';

/** What is used may be found out a little later, ms. */
const AGAIN = 10_000;

function Edges({ title, edges, hidden, none }: { title: string; edges: readonly ReachEdge[]; hidden: number; none: string }) {
  const several = new Set(edges.map(({ of }) => of)).size > 1;
  return (
    <section aria-label={title}>
      <h3>{title}</h3>
      {edges.length === 0 && <p class="quiet-text">{none}</p>}
      {edges.length > 0 && (
        <div class="wide" tabIndex={0} role="region" aria-label={`Table: ${title.toLowerCase()}`}>
          <table class="reach">
            <thead>
              <tr>
                {several && <th scope="col">Pods</th>}
                <th scope="col">Peers</th>
                <th scope="col">Ports</th>
                <th scope="col">Allowed by</th>
                <th scope="col" class="number">Used</th>
              </tr>
            </thead>
            <tbody>
              {edges.map(({ of, peers, peers_hidden, ports, rules, used }, at) => (
                <tr key={at} class={used === 0 ? 'never' : ''}>
                  {several && <td>{visible(of)}</td>}
                  <td class="names">
                    {peers.map(({ name, workload }) => (
                      <span key={name}>{workload === undefined ? <bdi>{visible(name)}</bdi> : <WorkloadLink name={workload} />}</span>
                    ))}
                    {peers_hidden > 0 && <span class="quiet-text">and {whole(peers_hidden)} more</span>}
                  </td>
                  <td>{ports}</td>
                  <td class="names">
                    {rules.length === 0 && <span class="quiet-text">no policy</span>}
                    {rules.map(({ policy, text }) => (
                      <span key={`${policy ?? ''} ${text}`}>
                        {policy !== undefined && <PolicyLink policy={policy} />} {visible(text)}
                      </span>
                    ))}
                  </td>
                  <td class="number">{used === 0 ? <span class={rules.length > 0 ? 'warn-text' : 'quiet-text'}>never used</span> : counted(used, 'connection')}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {hidden > 0 && <p class="quiet-text">and {whole(hidden)} more</p>}
    </section>
  );
}

export function ReachTables({ name, mark }: { name: string; mark: unknown }) {
  const { answer, error } = useAnswer('/api/reach', { name }, AGAIN, mark);
  if (error) return <p class="error-text">{error}</p>;
  // Why there is none stands above all.
  if (!answer || answer.why) return null;
  const { inbound, inbound_hidden, outbound, outbound_hidden, since } = answer;
  return (
    <>
      <div class="columns">
        <Edges title="Who may reach it" edges={inbound} hidden={inbound_hidden} none="Nobody may." />
        <Edges title="Whom it may reach" edges={outbound} hidden={outbound_hidden} none="Nobody." />
      </div>
      {since !== undefined && <p class="quiet-text">Used: by connections in memory, since {clock(since, 1000)}. Who may reach whom is what the rules of both ends say, by the agents' own engine.</p>}
    </>
  );
}

// All about one policy: its rules with what each decided, what is likely not meant, its manifest, whom it
// selects, and its versions.

import { useAnswer } from '../answer';
import { bytes, counted, inZone, visible, whole } from '../format';
import { Icon } from '../icons';
import { connectionsOf, Go, WorkloadLink } from '../link';
import { changes, copy, go } from '../state';
import type { PolicyDetails, PolicyLint, PolicyRule } from '../openapi';
import { Numbered } from './numbered';
import { AGAIN, Refusal } from './policies';
import { Versions } from './versions';
import { hits, pace, STATES, worst } from './words';

function Rule({ rule: { path, direction, deny, text, decisions, open, bytes: volume } }: { rule: PolicyRule }) {
  return (
    <li class={decisions === 0 ? 'never' : ''}>
      <p>
        <code>{path}</code> {deny ? 'denies' : 'allows'} {direction} {visible(text)}
      </p>
      <p class="quiet-text">
        {decisions === 0 ? <b class="warn-text">never hit</b> : counted(decisions, 'decision')}
        {open > 0 && ` · ${counted(open, 'open connection')}, ${bytes(volume)}`}
      </p>
    </li>
  );
}

export function Lint({ finding: { severity, code, line, column, field, problem, remedy } }: { finding: PolicyLint }) {
  return (
    <li class={`lint ${severity}`}>
      <p>
        <b>{severity}</b>{' '}
        {line > 0 && (
          <span class="place">
            line {line}:{column}
          </span>
        )}{' '}
        {field && <code>{visible(field)}</code>} {visible(problem)} <span class="quiet-text">[{code}]</span>
      </p>
      {remedy && <p class="quiet-text">{visible(remedy)}</p>}
    </li>
  );
}

function Body({ details }: { details: PolicyDetails }) {
  const { entry, counted: by, why, version, place, rules, rules_hidden, yaml, workloads, workloads_hidden, versions, versions_why } = details;
  const { state, meaning, refusal, findings, term, denied, open } = entry;
  const kernel = by === 'kernel';
  const { word, tone, about } = STATES[state];
  return (
    <div class="body policy-body">
      <p class={`standing-of ${tone}`} title={about}>
        {word}
      </p>
      {meaning && <p class="headline">{visible(meaning)}</p>}
      {refusal && <Refusal refusal={refusal} stale={state === 'stale'} />}
      <p class="quiet-text">
        {[hits(entry, kernel) && (kernel && entry.decisions > 0 ? `${whole(entry.decisions)} decisions` : hits(entry, kernel)), pace(entry), open > 0 && counted(open, 'open connection'), place && `in ${visible(place)}`, version && `version ${visible(version.slice(0, 16))}`].filter(Boolean).join(' · ')}
      </p>
      <p class="actions">
        <Go to={connectionsOf(term)} class="small">
          Show its connections
        </Go>
        <Go to={{ ...connectionsOf(term), panel: 'denied' }} class="small">
          Denied by it{denied > 0 && ` (${whole(denied)})`}
        </Go>
      </p>
      {why && <p class="instead">{visible(why)}</p>}
      {rules.length > 0 && (
        <section>
          <h3>Rules</h3>
          <ul class="rules">
            {rules.map((rule) => (
              <Rule key={`${rule.path} ${rule.direction}`} rule={rule} />
            ))}
          </ul>
          {rules_hidden > 0 && <p class="quiet-text">and {whole(rules_hidden)} more</p>}
        </section>
      )}
      {findings.length > 0 && (
        <section>
          <h3>Findings</h3>
          <ul class="findings">
            {worst(findings).map((finding) => (
              <Lint key={`${finding.code} ${finding.line} ${finding.problem}`} finding={finding} />
            ))}
          </ul>
        </section>
      )}
      {(state === 'enforced' || state === 'stale') && kernel && (
        <section>
          <h3>Selects</h3>
          {workloads.length === 0 && <p class="quiet-text">No pods.</p>}
          <ul class="tags">
            {workloads.map(({ name, pods }) => (
              <li key={name}>
                <WorkloadLink name={name} />
                {pods > 1 && <span class="quiet-text"> {counted(pods, 'pod')}</span>}
              </li>
            ))}
            {workloads_hidden > 0 && <li class="quiet-text">and {whole(workloads_hidden)} more</li>}
          </ul>
        </section>
      )}
      {yaml !== undefined && (
        <section>
          <h3>Manifest, as it is in force</h3>
          <Numbered text={yaml} findings={findings} />
        </section>
      )}
      {(versions.length > 0 || versions_why) && (
        <section>
          <h3>Versions</h3>
          {versions_why && <p class="quiet-text">{inZone(visible(versions_why))}</p>}
          <Versions versions={versions} />
        </section>
      )}
    </div>
  );
}

export function PolicyPanel({ policy }: { policy: string }) {
  const { answer: details, error } = useAnswer('/api/policy', { name: policy }, AGAIN, changes.value.at(-1)?.time);
  const close = () => {
    go({ policy: null });
    document.getElementById('flows')?.focus();
  };
  return (
    <aside class="drawer" aria-labelledby="drawer-title">
      <header>
        <h2 id="drawer-title">
          <bdi>{visible(policy)}</bdi>
        </h2>
        <span class="stretch" />
        <button class="quiet" onClick={() => void copy(location.href, 'The link')} title="Copy a link to this" aria-label="Copy a link to this">
          <Icon name="link" />
        </button>
        <button class="quiet" onClick={close} title="Close (Esc)" aria-label="Close">
          <Icon name="close" />
        </button>
      </header>
      {error && (
        <p class="error-text inset" role="alert">
          {error}
        </p>
      )}
      {!details && !error && <p class="quiet-text inset">Asking the server…</p>}
      {details && <Body details={details} />}
    </aside>
  );
}

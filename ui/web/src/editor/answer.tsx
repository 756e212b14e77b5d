// What was found in the text: errors and doubts with their places, what the policies mean, and what they
// would change.

import { counted, visible } from '../format';
import type { ChangedEnd, Diagnostic, PolicyChange, PolicyCheck, PolicyDiff, RecordedImpact } from '../openapi';

const SEVERITIES = { error: 'Error', warning: 'Warning', note: 'Note' };

function Found({ found, goTo }: { found: Diagnostic; goTo: (line: number, column: number) => void }) {
  const { severity, code, line, column, object, field, problem, remedy } = found;
  return (
    <li class={severity}>
      <button onClick={() => goTo(line, column)} disabled={line === 0} title={line === 0 ? undefined : 'Go to the line'}>
        <b>{SEVERITIES[severity]}</b>
        {line > 0 && <span class="where">{column > 0 ? `line ${line}:${column}` : `line ${line}`}</span>}
        <span class="what">
          {object && <span class="quiet-text">{visible(object)}: </span>}
          {visible(problem)}
          {field && <code> {visible(field)}</code>}
        </span>
      </button>
      {remedy && <p class="remedy">{visible(remedy)}</p>}
      {severity !== 'error' && <code class="code">{code}</code>}
    </li>
  );
}

function More({ count, what }: { count: number; what: string }) {
  return count > 0 ? <p class="quiet-text">and {counted(count, `more ${what}`)}</p> : null;
}

export function Ends({ ends }: { ends: readonly ChangedEnd[] }) {
  return (
    <dl class="ruled">
      {ends.map(({ direction, before, after }) => (
        <div key={direction}>
          <dt>{direction}</dt>
          <dd>
            <span class="quiet-text">before</span> {visible(before)}
          </dd>
          <dd>
            <span class="quiet-text">after</span> {visible(after)}
          </dd>
        </div>
      ))}
    </dl>
  );
}

function Changes({ changes, becomes }: { changes: readonly PolicyChange[]; becomes: PolicyChange['becomes'] }) {
  const rows = changes.filter((change) => change.becomes === becomes);
  if (rows.length === 0) return null;
  return (
    <>
      <h4>{becomes === 'denied' ? 'Become denied' : 'Become allowed'}</h4>
      <ul class={`becomes ${becomes}`}>
        {rows.map(({ sources, destinations, ports, ends }) => (
          <li key={`${sources} ${destinations} ${ports} ${JSON.stringify(ends)}`}>
            <p>
              <span class="sign" aria-hidden="true">
                {becomes === 'denied' ? '−' : '+'}
              </span>
              <bdi>{visible(sources)}</bdi> <span class="arrow">→</span> <bdi>{visible(destinations)}</bdi> <b>{visible(ports)}</b>
            </p>
            <Ends ends={ends} />
          </li>
        ))}
      </ul>
    </>
  );
}

function Impact({ recorded: { summary, changes, more_changes, notes } }: { recorded: RecordedImpact }) {
  return (
    <section>
      <h3>Recorded connections</h3>
      <p>{summary}</p>
      <ul class="becomes">
        {changes.map(({ becomes, text, ends }) => (
          <li key={text + JSON.stringify(ends)} class={becomes}>
            <p>
              <b class="sign">{becomes === 'denied' ? 'denied' : 'allowed'}</b> {visible(text)}
            </p>
          </li>
        ))}
      </ul>
      <More count={more_changes} what="row" />
      {notes.map((note) => (
        <p class="quiet-text small-text" key={note}>
          {note}
        </p>
      ))}
    </section>
  );
}

function Diff({ diff }: { diff: PolicyDiff }) {
  const { summary, denied, allowed, objects, changes, more_changes, recorded, not_compared } = diff;
  return (
    <>
      <section>
        <h3>What would change</h3>
        <p class={`verdictline ${denied > 0 ? 'bad' : allowed > 0 ? 'good' : ''}`}>{summary}</p>
        {objects.length > 0 ? (
          <p class="quiet-text">
            {objects.map(({ change, object }) => `${change}: ${visible(object)}`).join('; ')}
          </p>
        ) : (
          <p class="quiet-text">Nothing in the text differs from what is enforced.</p>
        )}
        <Changes changes={changes} becomes="denied" />
        <Changes changes={changes} becomes="allowed" />
        <More count={more_changes} what="row" />
        {not_compared.map((pod) => (
          <p class="quiet-text" key={pod}>
            Pod {visible(pod)} is in one of the states only: not compared.
          </p>
        ))}
      </section>
      {recorded && <Impact recorded={recorded} />}
    </>
  );
}

/** `goTo`: to a place in the text; of another text there is none. */
export function Answer({ found, goTo }: { found: PolicyCheck; goTo: (line: number, column: number) => void }) {
  const { diagnostics, more_diagnostics, meanings, more_meanings, diff, no_diff, documents, policies, cluster } = found;
  return (
    <>
      {diagnostics.length > 0 && (
        <section>
          <h3>Findings</h3>
          <ul class="findings">
            {diagnostics.map((found) => (
              <Found key={JSON.stringify(found)} found={found} goTo={goTo} />
            ))}
          </ul>
          <More count={more_diagnostics} what="finding" />
        </section>
      )}
      {documents > 0 && policies === 0 && <p class="quiet-text">No policies among {counted(documents, 'document')}.</p>}
      {meanings.length > 0 && (
        <section>
          <h3>Meaning</h3>
          <dl class="meanings">
            {meanings.map(({ policy, text }) => (
              <div key={policy}>
                <dt>{visible(policy)}</dt>
                <dd>{visible(text)}</dd>
              </div>
            ))}
          </dl>
          <More count={more_meanings} what="policy" />
          {!cluster && <p class="quiet-text small-text">Which pods that are is not known here: the server does not tell its pods.</p>}
        </section>
      )}
      {diff && <Diff diff={diff} />}
      {no_diff && (
        <section>
          <h3>What would change</h3>
          <p class="quiet-text">Not known: {visible(no_diff)}</p>
        </section>
      )}
    </>
  );
}

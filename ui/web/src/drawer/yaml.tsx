// YAML to read and to copy.

import { Icon } from '../icons';
import { visibleLines } from '../format';
import { copy } from '../state';
import { parts } from './yamlparts';

/** Of a manifest that stands far down in a file, its lines alone. */
function lines(text: string): string[] {
  return visibleLines(text.replace(/^(\s*\n)+/, '').trimEnd()).split('\n');
}

/** `edit`: what another button says that takes it to the editor. */
export function Yaml({ text, what, edit }: { text: string; what: string; edit?: { says: string; run: (text: string) => void } }) {
  return (
    <div class="yaml">
      {edit && (
        <button class="small" onClick={() => edit.run(lines(text).join('\n'))}>
          {edit.says}
        </button>
      )}
      <button class="quiet" onClick={() => void copy(lines(text).join('\n'), what)} aria-label={`Copy: ${what.toLowerCase()}`} title="Copy">
        <Icon name="copy" />
      </button>
      <pre tabIndex={0}>
        {lines(text).map((line, index) => (
          <span key={index}>
            {parts(line).map(({ kind, text }, at) => (
              <span key={at} class={kind}>
                {text}
              </span>
            ))}
            {'\n'}
          </span>
        ))}
      </pre>
    </div>
  );
}

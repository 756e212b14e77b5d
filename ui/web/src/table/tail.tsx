// Behind the oldest row: where history begins, or the way to what was before.

import { clock } from '../format';
import { fetchOlder, fetching, olderError } from '../older';
import { status } from '../state';

export function Tail() {
  const held = status.value?.held;
  if (!held) return null;
  const from = held.oldest === undefined ? '' : ` (${clock(held.oldest, 1000)})`;
  return (
    <div class={`tail ${held.older}`} role="row">
      <div role="gridcell">
        {held.older === 'begins' && <>History begins here{from}</>}
        {held.older === 'full' && <>flows-ui is at its --capacity; older flows were evicted or do not fit{from}</>}
        {held.older === 'more' &&
          (fetching.value ? (
            'Fetching older flows…'
          ) : (
            <>
              {olderError.value && <span class="error-text">{olderError.value} </span>}
              <button class="small" onClick={() => void fetchOlder()}>
                {olderError.value ? 'Retry' : 'Fetch older flows'}
              </button>
            </>
          ))}
      </div>
    </div>
  );
}

// The page as a whole: what stands where, and the keys that work everywhere.

import { useEffect } from 'preact/hooks';
import { signal } from '@preact/signals';
import { DeniedView } from './denied/denied';
import { ConnectionDrawer } from './drawer/connection';
import { Drawer } from './drawer/drawer';
import { FilterBar, focusFilter } from './filter/bar';
import { DROPPED, toggleFilter } from './filter/terms';
import { Header } from './header';
import { Help } from './help';
import { TimeAxis } from './histogram/axis';
import { typing } from './keys';
import { lazy } from './lazy';
import { ServiceMapView } from './map/map';
import { Outage } from './outage';
import { SignIn } from './signin';
import { StatusView } from './status';
import { FlowTable, tableKeys } from './table/table';
import { go, notice, pause, paused, resume, setUnit, view } from './state';
import { setTheme, theme } from './theme';
import { tokenNeeded } from './api';
import type { Panel } from './url';

export const helpOpen = signal(false);

const PANELS: readonly Panel[] = ['split', 'map', 'flows', 'denied', 'status', 'policies'];
/** Views that are about all there is: filters mean nothing there. */
const UNFILTERED: readonly Panel[] = ['status', 'policies', 'workload', 'editor'];
/** Views beside which no flow or connection is shown. */
const ALONE: readonly Panel[] = ['status', 'policies', 'editor'];

const PoliciesView = lazy('Policies', async () => (await import('./policies/policies')).PoliciesView);
const WorkloadView = lazy('Workload', async () => (await import('./workload/workload')).WorkloadView);
const Editor = lazy('Editor', async () => (await import('./editor/editor')).Editor);

/** Whether arrows mean nothing there: on the page itself, and on the buttons above the views. */
function free(target: EventTarget | null): boolean {
  if (target === document.body) return !helpOpen.value;
  return target instanceof HTMLElement && target.closest('.head, .filterbar, .tablehead') !== null && !target.closest('.menu');
}

function onKey(event: KeyboardEvent): void {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (event.key === 'Escape') {
    if (helpOpen.value) helpOpen.value = false;
    else go({ flow: null, connection: null, policy: null });
    return;
  }
  if (typing(event)) return;
  if (/^([jk]|Arrow(Up|Down))$/.test(event.key) && free(event.target)) {
    tableKeys.current?.(event);
    return;
  }
  const onButton = event.target instanceof HTMLElement && event.target.closest('button, a, summary');
  const panel = PANELS[Number(event.key) - 1];
  if (event.key === '/') focusFilter();
  else if (event.key === '?') helpOpen.value = !helpOpen.value;
  else if (event.key === ' ' && !onButton) paused.value ? resume() : pause();
  else if (event.key === 'd') go({ filters: toggleFilter(view.value.filters, DROPPED) });
  else if (event.key === 'e') setUnit(view.value.unit === 'events' ? 'connections' : 'events');
  else if (event.key === 'c') go({ filters: [], since: '', until: '', namespaces: [] });
  else if (event.key === 'y') go({ panel: 'editor' });
  else if (event.key === 'u') go({ utc: !view.value.utc }, true);
  else if (event.key === 't') setTheme(theme.value === 'system' ? 'dark' : theme.value === 'dark' ? 'light' : 'system');
  else if (panel) go({ panel });
  else return;
  event.preventDefault();
}

export function App() {
  useEffect(() => {
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, []);
  const { panel, flow, connection, policy } = view.value;
  const drawers = !ALONE.includes(panel);
  const opened = panel === 'policies' ? policy : drawers ? (flow ?? connection) : null;
  return (
    <>
      <a class="skip" href="#flows" onClick={(event) => (event.preventDefault(), document.getElementById('flows')?.focus())}>
        Skip to the flows
      </a>
      <Header />
      <Outage />
      {!UNFILTERED.includes(panel) && (
        <>
          <FilterBar />
          <TimeAxis />
        </>
      )}
      <main class={`main show-${panel}${opened !== null ? ' with-drawer' : ''}`}>
        {panel === 'status' && <StatusView />}
        {panel === 'editor' && <Editor />}
        {(panel === 'split' || panel === 'map') && <ServiceMapView />}
        {(panel === 'split' || panel === 'flows') && <FlowTable />}
        {panel === 'denied' && <DeniedView />}
        {panel === 'policies' && <PoliciesView />}
        {panel === 'workload' && <WorkloadView />}
        {drawers && flow !== null && <Drawer flow={flow} key={flow} />}
        {drawers && flow === null && connection !== null && <ConnectionDrawer connection={connection} />}
      </main>
      {helpOpen.value && <Help onClose={() => (helpOpen.value = false)} />}
      {tokenNeeded.value && <SignIn />}
      <p class={`notice${notice.value ? ' on' : ''}`} role="status">
        {notice.value}
      </p>
    </>
  );
}

// The service map: who talks to whom, how much, and what is dropped.

import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { rate } from '../format';
import { Icon } from '../icons';
import type { ServiceMap } from '../openapi';
import { go, map as shownMap, view } from '../state';
import { asked } from './asked';
import { activate, described } from './card';
import { refused, type Card } from './graph';
import { MapHead } from './head';
import { extent, READABLE, type Area, type Box } from './layout';
import { MatrixPanel } from './matrixpanel';
import { ALL, toggle as toggledBy } from './open';
import { nearest, Scene, type Drawn } from './scene';
import { drawn, fit as fitTo, zoomed, type Viewport } from './viewport';
import { useArrangement } from './use';
import { denied } from './words';

/** Fewer cards than this are all drawn, seen or not. */
const CULL = 150;
/** Nearer than this, all words can be read: farther away only names are shown, as large as before. */
const NEAR = READABLE - 0.01;
/** Farther away cards are lower than their names. */
const LOW = 0.45;
/** A pointer that moved less (px) was a click. */
const CLICK = 4;
/** Nearer than this (px) to an edge, the pointer is on it. */
const BESIDE = 7;
/** Spots are large enough for their names. */
const NAMED = 0.3;

/** Counts the questions whose first answer has come: what they ask for is then arranged anew. */
function useAnswered(map: ServiceMap | null, question: string): number {
  const last = useRef({ map, question, answered: 0 });
  if (last.current.question !== question && last.current.map !== map) last.current = { map, question, answered: last.current.answered + 1 };
  else if (last.current.question === question) last.current.map = map;
  return last.current.answered;
}

export function ServiceMapView() {
  return view.value.matrix === null ? <GraphPanel /> : <MatrixPanel />;
}

function GraphPanel() {
  const box = useRef<HTMLDivElement>(null);
  const [viewport, setViewport] = useState<Viewport>({ x: 0, y: 0, zoom: 1 });
  const [area, setArea] = useState<Area | null>(null);
  const [hot, setHot] = useState('');
  const [again, setAgain] = useState(0);
  const moved = useRef(false);
  const { filters, since, until, namespaces, toggled } = view.value;
  const map = shownMap.value;
  const answered = useAnswered(map, `${filters.join(' and ')} ${since} ${until} ${namespaces.join()}`);
  const { graph, arranged, generation, busy } = useArrangement(area && map, toggled, area ?? { w: 0, h: 0 }, `${toggled.join()} ${answered} ${area?.w} ${area?.h} ${again}`);
  const layout = arranged?.layout ?? null;

  const { placed, whole } = useMemo(() => {
    const placed = graph && layout ? graph.cards.filter(({ id }) => layout.cards[id]) : [];
    const boxes = [...placed.flatMap(({ id }) => layout?.cards[id] ?? []), ...(graph?.groups ?? []).flatMap((name) => layout?.groups[name] ?? [])];
    return { placed, whole: extent(boxes) };
  }, [graph, layout]);
  const fit = () => {
    moved.current = false;
    if (area) setViewport(fitTo(whole, area, placed.length > CULL));
  };
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    const watch = new ResizeObserver(() => {
      const [w, h] = [element.clientWidth, element.clientHeight];
      if (w && h) setArea((area) => (area?.w === w && area.h === h ? area : { w, h }));
    });
    watch.observe(element);
    return () => watch.disconnect();
  }, []);
  // A map that was arranged anew is shown whole; one that grew, unless somebody moved it.
  useLayoutEffect(() => fit(), [generation]);
  useLayoutEffect(() => {
    if (!moved.current) fit();
  }, [area, Math.round(whole.w), Math.round(whole.h)]);

  const zoom = (factor: number, px = (area?.w ?? 0) / 2, py = (area?.h ?? 0) / 2) => {
    moved.current = true;
    setViewport((viewport) => zoomed(viewport, factor, px, py));
  };
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    // Not passive: the page stands still while the map is zoomed.
    const onWheel = (event: WheelEvent) => {
      event.preventDefault();
      const corner = element.getBoundingClientRect();
      zoom(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0015)), event.clientX - corner.left, event.clientY - corner.top);
    };
    element.addEventListener('wheel', onWheel, { passive: false });
    return () => element.removeEventListener('wheel', onWheel);
  }, [area]);

  /** How far the pointer went while it was down, px. */
  const way = useRef(0);
  const fingers = useRef(new Map<number, { x: number; y: number }>());
  const onMove = (event: PointerEvent) => {
    const last = fingers.current.get(event.pointerId);
    if (!last) return;
    const [dx, dy] = [event.clientX - last.x, event.clientY - last.y];
    const others = [...fingers.current].filter(([id]) => id !== event.pointerId);
    fingers.current.set(event.pointerId, { x: event.clientX, y: event.clientY });
    const other = others[0]?.[1];
    if (other) {
      const corner = box.current?.getBoundingClientRect();
      const [before, after] = [Math.hypot(last.x - other.x, last.y - other.y), Math.hypot(event.clientX - other.x, event.clientY - other.y)];
      if (corner && before > 10) zoom(after / before, (event.clientX + other.x) / 2 - corner.left, (event.clientY + other.y) / 2 - corner.top);
      return;
    }
    if (Math.abs(dx) + Math.abs(dy) > 0) moved.current = true;
    way.current += Math.abs(dx) + Math.abs(dy);
    setViewport(({ x, y, zoom }) => ({ x: x + dx, y: y + dy, zoom }));
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === '+' || event.key === '=') zoom(1.25);
    else if (event.key === '-') zoom(0.8);
    else if (event.key === '0') fit();
    else return;
    event.preventDefault();
  };

  // The same function as long as it does the same: what is drawn stays as it is.
  const open = arranged?.open.join();
  const toggle = useCallback((name: string) => go({ toggled: toggledBy(toggled, name, !arranged?.open.includes(name)) }), [toggled.join(), open]);
  const many = placed.length > CULL;
  const near = viewport.zoom > NEAR;
  const far = many && viewport.zoom < 0.55;
  const named = far && viewport.zoom > NAMED;
  const part = useRef<Box | null>(null);
  part.current = many && (!far || named) ? drawn(viewport, area?.w ?? 0, area?.h ?? 0, part.current) : null;
  const scale = named ? Math.floor(viewport.zoom * 50) / 50 : 0;
  const crowd = useRef<readonly Drawn[]>([]);
  const at = (event: PointerEvent) => {
    const corner = box.current?.getBoundingClientRect();
    return { x: (event.clientX - (corner?.left ?? 0) - viewport.x) / viewport.zoom, y: (event.clientY - (corner?.top ?? 0) - viewport.y) / viewport.zoom };
  };
  // In a crowd edges are no elements either.
  const alongside = (event: PointerEvent) => {
    if (crowd.current.length === 0 || (event.target instanceof Element && event.target.closest('button, .edge .hit'))) return;
    setHot(nearest(crowd.current, at(event), BESIDE / viewport.zoom)?.id ?? '');
  };

  // From afar cards are no elements: which one is meant is found by its place.
  const under = (event: PointerEvent): Card | undefined => {
    if (!far || !layout) return undefined;
    const { x, y } = at(event);
    return placed.find(({ id }) => {
      const place = layout.cards[id];
      return place && x >= place.x && x <= place.x + place.w && y >= place.y && y <= place.y + place.h;
    });
  };
  const pointed = far ? placed.find(({ id }) => id === hot) : undefined;
  const drops = useMemo(() => {
    const names = new Map(graph?.cards.map(({ id, title }) => [id, title]));
    const bad = (graph?.edges ?? []).filter((edge) => refused(edge) > 0).slice(0, 50);
    return bad.map((edge) => ({ edge, ends: `${names.get(edge.source) ?? ''} to ${names.get(edge.destination) ?? ''}` }));
  }, [graph]);
  const spaces = useMemo(() => new Set(map?.nodes.flatMap(({ namespace }) => namespace || [])).size, [map]);
  const allOpen = graph !== null && graph.groups.length === spaces;

  return (
    <section class="map" aria-label="Service map">
      <MapHead map={map} edges={graph?.edges.length ?? 0} busy={busy} allOpen={allOpen} onAll={() => go({ toggled: toggledBy(toggled, ALL, !allOpen) })}>
        <button class="quiet" onClick={() => zoom(0.8)} aria-label="Zoom out" title="Zoom out (−)">
          <Icon name="minus" />
        </button>
        <button class="quiet" onClick={() => zoom(1.25)} aria-label="Zoom in" title="Zoom in (+)">
          <Icon name="plus" />
        </button>
        <button class="quiet" onClick={fit} aria-label="Fit to view" title="Fit to view (0)">
          <Icon name="fit" />
        </button>
        <button class="quiet" onClick={() => setAgain(again + 1)} aria-label="Re-layout" title="Re-layout">
          <Icon name="layout" />
        </button>
      </MapHead>
      <div
        class={`canvas${near ? '' : ' far'}${viewport.zoom < LOW ? ' low' : ''}${far ? ' spotted' : ''}`}
        ref={box}
        onKeyDown={onKey}
        onPointerDown={(event) => {
          if (event.target instanceof Element && event.target.closest('button, .edge .hit')) return;
          box.current?.setPointerCapture(event.pointerId);
          fingers.current.set(event.pointerId, { x: event.clientX, y: event.clientY });
          way.current = 0;
        }}
        onPointerMove={(event) => {
          onMove(event);
          if (fingers.current.size > 0) return;
          if (far) setHot(under(event)?.id ?? '');
          else alongside(event);
        }}
        onPointerUp={(event) => {
          const card = fingers.current.delete(event.pointerId) && way.current < CLICK ? under(event) : undefined;
          if (card) activate(card, event.shiftKey, toggle);
        }}
        onPointerCancel={(event) => fingers.current.delete(event.pointerId)}
      >
        <div class="world" style={{ transform: `translate(${viewport.x}px, ${viewport.y}px) scale(${viewport.zoom})`, '--zoom': String(viewport.zoom), '--left': String(-viewport.x / viewport.zoom), '--top': String(-viewport.y / viewport.zoom) }}>
          {graph && layout && (
            <Scene graph={graph} layout={layout} ways={arranged?.ways ?? {}} seconds={map?.seconds ?? 1} part={part.current} near={near} far={far} scale={scale} hot={hot} crowd={crowd} onHot={setHot} onToggle={toggle} />
          )}
        </div>
        {pointed && <p class="pointed">{described(pointed, map?.seconds ?? 1)}</p>}
        {graph && graph.cards.length === 0 && (
          <p class="nothing">{filters.length || since || until || namespaces.length ? 'No matching flows.' : 'No connections yet.'}</p>
        )}
      </div>
      <ul class="hidden" aria-label="Dropped connections on the map">
        {drops.map(({ edge, ends }) => (
          <li key={edge.id}>
            {ends} {edge.label}: {edge.dropped > 0 && `${denied(edge.dropped)} ${edge.reasons.join(', ')}, ${rate(edge.dropped, map?.seconds ?? 1)}`} {edge.denied > 0 && asked(edge)}
          </li>
        ))}
      </ul>
    </section>
  );
}

// The encoded data set on a map. Plotly draws the dots; marker, thumbnail, outline and tiles are
// elements of our own above and below it, because redrawing 70,000 dots for every step of the
// hand would not stay live.

import { component } from "../component.js";
import { element, fromBase64, toBase64 } from "../element.js";
import { commit, currentCheckpoint, currentZ, setZ, watchPlace } from "../live.js";
import { loadCodes, loadFigure, loadPictures, loadPlotly } from "./fetched.js";
import { followHand } from "./hand.js";
import { Frame, described, drawPlot, themeOf } from "./plot.js";
import { classesOf, firstPlaces, maskWithin, nearestDot } from "./points.js";
import { linear, neighbours } from "./projection.js";
import { save } from "./saving.js";
import { makeStage } from "./stage.js";
import { Thumbnail } from "./thumbnail.js";
import { Tiles } from "./tiles.js";
import { legend, toolbar } from "./toolbar.js";

const SAME = 1e-5; // two z that are the same but for a way through JSON
const NOTHING = { figure: "", description: null };

// Kept for the page, not for the element: both outlive a visit to another panel.
let pin = null; // { view, xy, z }: where the hand left z on a map without a formula
let picked = { checkpoint: null, revision: null, mask: null, version: 0 };

export default component("latent-map", (root, listen, ended) => {
  const { plot, surface, guide, marker, message, announce, classBar, stage } = makeStage();
  const frame = new Frame(plot);
  const tiles = new Tiles(stage, frame);
  const thumbnail = new Thumbnail(stage);
  stage.append(message);

  let data = null;
  let setStateValue;
  let mode = "move";
  let loaded = ""; // the address that these three came from
  let figure = null;
  let classes = [];
  let projection = null;
  let hidden = new Set(); // names of classes that the legend hides
  let asked = ""; // all that the last drawing depends on, whether or not it is done
  let drawn = NOTHING;
  let moved = false; // whether the hand has chosen what is in view
  let pictures = { checkpoint: null, bytes: null };
  let watching = null; // while a map without a formula needs the nearest images

  const view = () => `${data.live.checkpoint}/${data.view}`;
  const ready = () => frame.ready && projection && drawn.figure === data.figure
    && currentZ().length === projection.dimensions && currentCheckpoint() === data.live.checkpoint;

  const { bar, choose } = toolbar({
    onMode: (chosen) => {
      mode = chosen;
      stage.dataset.mode = chosen;
    },
    onReset: () => refresh(true),
    onSelect: () => {
      if (!ready()) return;
      const { left, top, width, height } = frame.box();
      selectWithin([[left, top], [left + width, top], [left + width, top + height], [left, top + height]]);
    },
    onSave: async (format) => {
      if (!ready()) return;
      await save(format, `latent-map-${data.live.checkpoint}-${data.view}`, plot, drawn.description, {
        theme: themeOf(root), ranges: frame.ranges(), tiles: tiles.picture,
        xy: placeOf(currentZ()) ?? [0, 0], classes: classes.length,
      }).catch((error) => fail(`The map cannot be saved: ${error.message}.`));
    },
  });
  root.append(bar, classBar, stage);
  choose("move");

  /** Where z lies on the map; null until the server has told its neighbours. */
  const placeOf = (z) => {
    if (pin?.view === view() && pin.z.length === z.length
      && z.every((value, d) => Math.abs(value - pin.z[d]) < SAME)) return pin.xy;
    const xy = projection.project(z);
    return xy && data.line ? [xy[0], 0] : xy;
  };

  // Outside the axes the marker waits at the edge, pale, so that it is never lost.
  const place = () => {
    if (!ready()) return;
    tiles.place();
    const xy = placeOf(currentZ());
    if (!xy) return;
    const { left, top, width, height } = frame.box();
    const [px, py] = frame.toPixel(xy);
    const x = Math.min(Math.max(px, left), left + width);
    const y = Math.min(Math.max(py, top), top + height);
    marker.classList.toggle("outside", x !== px || y !== py);
    marker.style.transform = `translate(${x}px, ${y}px)`;
    marker.style.visibility = "visible";
    guide.style.transform = `translate(${x}px, ${top}px)`;
  };

  const moveTo = (xy) => {
    const z = projection.lift(xy, currentZ());
    pin = projection.exact ? null : { view: view(), xy, z };
    setZ(z);
  };

  const dotAt = (px, reach) => nearestDot(classes, hidden, frame, px, reach);

  followHand({
    stage, surface, marker, frame,
    mode: () => mode,
    on: {
      drag: (px) => ready() && moveTo(frame.toData(px)),
      release: () => commit(setStateValue),
      nudge: (dx, dy) => {
        const xy = ready() && placeOf(currentZ());
        if (!xy) return;
        const to = [xy[0] + dx, xy[1] + dy];
        moveTo(to);
        commit(setStateValue);
        if (!frame.shows(to, data.line)) frame.look(to, 1, data.line); // the map goes along
      },
      zoom: (by) => {
        const xy = ready() && placeOf(currentZ());
        if (xy) frame.look(xy, by, data.line);
      },
      whole: () => refresh(true),
      click: async (px, reach) => {
        if (!ready()) return;
        const dot = dotAt(px, reach);
        if (!dot) {
          moveTo(frame.toData(px));
        } else {
          const wanted = data.encoded;
          const mu = await loadCodes(wanted).catch((error) => fail(sentence(error)));
          if (!mu || data.encoded !== wanted) return;
          const size = projection.dimensions;
          const z = mu.slice(dot.index * size, (dot.index + 1) * size);
          pin = projection.exact ? null : { view: view(), xy: dot.xy, z };
          setZ(z);
        }
        commit(setStateValue);
      },
      hover: (px, reach) => {
        const dot = ready() && dotAt(px, reach);
        stage.classList.toggle("on-dot", Boolean(dot));
        if (!dot) return thumbnail.hide();
        const { shape } = data.live;
        const known = pictures.checkpoint === data.live.checkpoint ? pictures.bytes : null;
        const enough = known?.length >= (dot.index + 1) * shape.reduce((a, b) => a * b);
        thumbnail.show({
          index: dot.index, caption: captionOf(dot), pictures: enough ? known : null, shape, at: px,
        });
      },
      leave: () => {
        stage.classList.remove("on-dot");
        thumbnail.hide();
      },
      outline: (path) => ready() && selectWithin(path),
    },
  }, ended);

  /** The dots within an outline in px of the stage. */
  const selectWithin = (path) => {
    const mask = maskWithin(classes, hidden, path.map((px) => frame.toData(px)));
    pick(mask.some(Boolean) ? mask : null);
    setStateValue("selection", {
      checkpoint: data.live.checkpoint, points: data.points, projection: data.view,
      mask: picked.mask ? toBase64(picked.mask) : "",
    });
    refresh();
  };

  const captionOf = ({ index, name }) => {
    const [split, number] = index < data.reference ? ["test", index] : ["training", index - data.reference];
    const which = `${split} ${data.noun} ${number}`;
    return classes.length > 1 ? `${name} · ${which}` : which;
  };

  const pick = (mask) => {
    picked = { ...picked, checkpoint: data.live.checkpoint, mask, version: picked.version + 1 };
  };

  /** Python's selection counts when it has set a new one; the hand's own come back unchanged. */
  const adopt = ({ mask, revision }) => {
    if (picked.checkpoint === data.live.checkpoint && picked.revision === revision) return;
    picked.revision = revision;
    pick(mask ? fromBase64(mask) : null);
  };

  const sentence = (error) =>
    `The map cannot be shown: ${error.message.replace(/\.?$/, ".")} Check that the server is running, then try again.`;
  const say = (text, ...more) => {
    message.replaceChildren(element("p", {}, text), ...more);
    announce(text);
    message.hidden = false;
    stage.classList.add("loading");
    thumbnail.hide(); // the next map's dot of the same number may be another picture
  };
  const fail = (text) => {
    const again = element("button", { type: "button" }, "Try again");
    again.onclick = () => draw();
    say(text, again);
    marker.style.visibility = "hidden";
  };

  /**
   * Plotly anew, for another figure, underlay, legend, selection or theme. The part of a figure that
   * the hand has brought into view stays, unless `whole` shows it all.
   */
  const redraw = async (whole = false) => {
    if (loaded !== data.figure) return; // its dots are on their way
    const theme = themeOf(root);
    const key = [loaded, data.underlay, [...hidden], picked.version, Object.values(theme)].join("|");
    if (key === asked && !whole) return;
    if (whole || drawn.figure !== loaded) moved = false;
    const description = described({
      figure, classes, hidden, mask: picked.mask, underlay: data.underlay, theme, line: data.line,
      ranges: moved ? frame.ranges() : null,
    });
    asked = key;
    try {
      await drawPlot(plot, description);
    } catch (error) {
      [asked, drawn] = ["", NOTHING];
      throw error;
    }
    if (ended.aborted || asked !== key) return;
    drawn = { figure: loaded, description };
    settle();
    tiles.set(data.underlay === "tiles" ? { projection, line: data.line, shape: data.live.shape } : null, theme.text);
  };
  const refresh = (whole) => redraw(whole).then(place, (error) => fail(sentence(error)));

  /** The parts of our own follow Plotly's axes. */
  const settle = () => {
    const { left, top, width, height } = frame.box();
    Object.assign(surface.style, {
      left: `${left}px`, top: `${top}px`, width: `${width}px`, height: `${height}px`,
    });
    guide.style.height = `${height}px`;
    if (plot.dataset.heard) return;
    plot.dataset.heard = "yes";
    plot.on("plotly_afterplot", () => {
      settle();
      place();
    });
    plot.on("plotly_relayouting", place);
    plot.on("plotly_relayout", (change) => { // by keys, wheel or pan; or of another size
      moved ||= Object.keys(change).some((key) => key.includes("axis.range"));
      tiles.follow();
    });
  };

  const draw = async () => {
    const wanted = data.figure;
    say("Drawing the map …");
    try {
      const [found, mu] = await Promise.all([
        loadFigure(wanted), data.plane.kind === "linear" ? null : loadCodes(data.plane.encoded), loadPlotly(),
      ]);
      if (ended.aborted || data.figure !== wanted) return; // another map was asked for meanwhile
      [loaded, figure] = [wanted, found];
      classes = classesOf(figure);
      projection = mu ? neighbours(firstPlaces(classes, data.reference), mu) : linear(data.plane);
      watchNeighbours(Boolean(mu));
      classBar.replaceChildren(...legend(classes, hidden, (next) => {
        hidden = next;
        refresh();
      }));
      root.classList.toggle("line", data.line);
      await redraw();
      if (ended.aborted || data.figure !== wanted) return;
      message.hidden = true;
      announce("");
      stage.classList.remove("loading");
      place();
      fetchPictures();
    } catch (error) {
      if (data.figure === wanted) fail(sentence(error));
    }
  };

  const watchNeighbours = (needed) => {
    if (needed === Boolean(watching)) return;
    watching?.abort();
    watching = needed ? new AbortController() : null;
    if (watching) watchPlace(watching.signal);
  };

  // Not needed to see the map, only to hover and to click: after it, and without complaint.
  const fetchPictures = async () => {
    const { checkpoint } = data.live;
    const bytes = await loadPictures(data.pictures).catch(() => null);
    if (bytes && checkpoint === data.live.checkpoint) pictures = { checkpoint, bytes };
    await loadCodes(data.encoded).catch(() => null); // a click tries again, and says so
  };

  listen("z", () => {
    place();
    tiles.follow();
  });
  listen("place", place);
  listen("status", () => tiles.restart());
  const resized = new ResizeObserver(() => {
    if (!frame.ready || !stage.clientWidth) return;
    window.Plotly.Plots.resize(plot).then(() => tiles.follow(), () => {}); // hidden meanwhile
  });
  resized.observe(stage);
  ended.addEventListener("abort", () => {
    resized.disconnect();
    watching?.abort();
    window.Plotly?.purge(plot);
  });

  return (args) => {
    ({ data, setStateValue } = args);
    adopt(data.selection);
    if (drawn.figure === data.figure && message.hidden) refresh();
    else draw();
  };
});

// What a component is to Streamlit: a function that is called again with every new data.

import { follow, live } from "./live.js";
import { inTurn } from "./saying.js";

/**
 * What a component's file exports. `build(root, listen)` makes its elements once and returns
 * `update(args)`, which Streamlit's every new data goes to. `listen(type, handler)` hears `live`
 * until the component leaves the page.
 */
export function component(className, build) {
  const views = new WeakMap();
  return (args) => {
    const [data] = args.data; // in a list for Streamlit's sake, see components/wrapping.py
    if (data.live && !follow(data.live)) return () => {};
    let view = views.get(args.parentElement);
    if (!view) {
      const root = document.createElement("div");
      root.className = className;
      args.parentElement.append(root);
      const ended = new AbortController();
      const listen = (type, handler) =>
        live.addEventListener(type, handler, { signal: ended.signal });
      const update = build(root, listen, ended.signal);
      view = { root, ended, update, shown: null, settled: null };
      views.set(args.parentElement, view);
    }
    const show = (call) => {
      view.shown = call;
      view.update(call);
    };
    const call = { ...args, ...inTurn(view, args), data };
    show(call);
    // Data that come while this module is still being fetched make Streamlit call once for each, in
    // any order, and take back at once, by its clean-up, every call but that of the newest data.
    let takenBack = false;
    setTimeout(() => {
      if (!takenBack) view.settled = call;
      else if (view.root.isConnected && view.shown === call && view.settled) {
        if (view.settled.data.live) follow(view.settled.data.live);
        show(view.settled);
      }
    });
    return () => {
      takenBack = true;
      setTimeout(() => {
        if (view.root.isConnected) return;
        view.ended.abort();
        views.delete(args.parentElement);
      });
    };
  };
}

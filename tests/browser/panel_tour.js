// What tests/browser/test_access.py asks of a page: `tour` is handed to the page as it is.
(() => {
  const roots = () => {
    const found = [document];
    for (const root of found) {
      for (const each of root.querySelectorAll("*")) if (each.shadowRoot) found.push(each.shadowRoot);
    }
    return found;
  };
  const all = (selector) => roots().flatMap((root) => [...root.querySelectorAll(selector)]);
  let reached = new Set();
  let faint = [];

  const ours = (node) => {
    for (let at = node; at; at = at.parentNode ?? at.host) {
      if (at.classList?.contains("stBidiComponent")) return true;
    }
    return false;
  };
  const named = (node) => [
    node.tagName.toLowerCase(), node.dataset?.testid, node.getAttribute("aria-label"),
    node.textContent?.trim().slice(0, 40), node.className?.toString().slice(0, 60),
  ].filter(Boolean).join(" | ");

  /** Everything that Tab should stop at, in the document's order. */
  const stops = () => all("a[href], button, input, select, textarea, summary, [tabindex]").filter((node) =>
    node.tabIndex >= 0 && !node.disabled && !node.closest("[inert]")
    && !(node.type === "radio" && !node.checked)
    && node.checkVisibility({ visibilityProperty: true })
    && (node.getBoundingClientRect().width > 0 || node.type === "file"));

  /** Of a group of choices Tab stops at one; arrow keys go on from there. */
  const inGroup = (node) => {
    const group = node.closest("[data-testid=stButtonGroup]");
    return Boolean(group) && [...reached].some((each) => group.contains(each));
  };

  const luminance = (colour) => {
    const probe = document.createElement("canvas").getContext("2d");
    probe.fillStyle = colour;
    probe.fillRect(0, 0, 1, 1);
    const [r, g, b] = [...probe.getImageData(0, 0, 1, 1).data].map((level) => {
      const share = level / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (a, b) => {
    const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
    return (high + 0.05) / (low + 0.05);
  };

  /** Why the focus on one of our elements would not be seen, or "". */
  const unseen = (node) => {
    // A file's input is out of sight within its zone; a picture within a button has the ring.
    const rings = [node, node.closest(".zone"), ...node.querySelectorAll("canvas")].filter(Boolean);
    const styles = rings.map((each) => getComputedStyle(each));
    const ring = styles.find((style) => style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1);
    if (!ring) return `no ring: ${named(node)}`;
    const ground = getComputedStyle(document.querySelector("[data-testid=stApp]")).backgroundColor;
    const ratio = contrast(ring.outlineColor, ground);
    return ring.outlineStyle !== "auto" && ratio < 3 ? `ring of ${ratio.toFixed(1)}: ${named(node)}` : "";
  };

    window.tour = {
    /** Begin at the first stop; how many there are. */
    begin() {
      [reached, faint] = [new Set(), []];
      for (const root of roots()) {
        if (root.toured) continue;
        root.toured = true;
        root.addEventListener("focusin", (event) => {
          const node = event.composedPath()[0];
          reached.add(node);
          if (ours(node)) faint.push(unseen(node));
        }, true);
      }
      const found = stops();
      found[0].focus();
      reached.add(found[0]);
      return found.length;
    },

    /** What Tab has not stopped at, and where its focus could not be seen. */
    end: () => ({
      unreached: stops().filter((node) => !reached.has(node) && !inGroup(node)).map(named),
      faint: faint.filter(Boolean),
    }),

    /** Elements of ours that move by themselves. */
    moving: () => roots().flatMap((root) => root.getAnimations())
      .filter(({ playState, effect }) => playState === "running" && effect?.target && ours(effect.target))
      .map(({ effect }) => named(effect.target)),
  };
})();

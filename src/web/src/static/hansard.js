// The player, and what is live. Every page is whole without this file.
"use strict";
(() => {
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  document.documentElement.classList.add("scripted");
  const clock = (ms) => {
    const s = Math.max(0, Math.floor(ms / 1000));
    const pad = (n) => String(n).padStart(2, "0");
    return s >= 3600 ? `${Math.floor(s / 3600)}:${pad(Math.floor(s / 60) % 60)}:${pad(s % 60)}` : `${Math.floor(s / 60)}:${pad(s % 60)}`;
  };
  const kept = {
    get: (name) => { try { return localStorage.getItem(name); } catch { return null; } },
    set: (name, value) => { try { localStorage.setItem(name, value); } catch { /* It is asked again. */ } },
  };
  const fetched = async (url) => {
    const answer = await fetch(url, { credentials: "same-origin", redirect: "error" });
    if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
    return answer;
  };

  // What has the same value is shown together.
  let chosen = null;
  const marks = (root) => {
    for (const mark of $$(".redacted[data-value]", root)) {
      if (!mark.closest("summary, a, button")) { mark.tabIndex = 0; mark.setAttribute("role", "button"); }
      mark.classList.toggle("same", mark.dataset.value === chosen);
      if (mark.getAttribute("role")) mark.setAttribute("aria-pressed", String(mark.dataset.value === chosen));
    }
  };
  const choose = (mark) => { chosen = chosen === mark.dataset.value ? null : mark.dataset.value; marks(document); };
  document.addEventListener("click", (event) => { const mark = event.target.closest?.(".redacted[role=button]"); if (mark) choose(mark); });
  document.addEventListener("keydown", (event) => {
    const mark = event.target.closest?.(".redacted[role=button]");
    if (mark && (event.key === "Enter" || event.key === " ")) { event.preventDefault(); event.stopImmediatePropagation(); choose(mark); }
  });
  marks(document);

  // Calls back when the ledger has changed, while somebody looks.
  const watch = (version, wanted, changed) => {
    const ask = async () => {
      if (!document.hidden && wanted()) {
        try {
          const now = (await (await fetched("/live")).json()).version;
          if (version !== null && now !== version) await changed();
          version = now;
        } catch { /* The next time may do better. */ }
      }
      setTimeout(ask, 3000);
    };
    setTimeout(ask, 3000);
  };

  const list = $(".live[data-version]");
  if (list) {
    list.hidden = false;
    const rows = $("#rows");
    watch(Number(list.dataset.version), () => $("#live").checked, async () => {
      const url = new URL(location.href);
      url.searchParams.set("fragment", "true");
      const before = new Set($$("tr[data-id]", rows).map((row) => row.dataset.id));
      rows.innerHTML = await (await fetched(url)).text();
      const fresh = $$("tr[data-id]", rows).filter((row) => !before.has(row.dataset.id)).length;
      $("#live-said").textContent = fresh ? `${fresh} new` : "updated";
    });
  }

  const box = $("#turns");
  if (!box) return;
  const size = Number(box.dataset.window);
  const base = `/sessions/${encodeURIComponent(box.dataset.session)}`;
  let total = Number(box.dataset.total);
  const player = $("#player"), scrub = $("#scrub"), said = $("#said"), cursor = $("#cursor");
  if (matchMedia("(max-width: 999px)").matches) for (const panel of $$("details.panel")) panel.open = false;

  // === Windows of turns: those near are there, the others keep their height. ===
  const windows = new Map();
  let typical = 12000;
  const coming = new Map();
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) if (entry.isIntersecting) load(Number(entry.target.dataset.from));
    forget();
  }, { rootMargin: "1500px" });
  const place = () => {
    let before = null;
    for (let from = 0; from < total; from += size) {
      let section = windows.get(from) ?? $(`.window[data-from="${from}"]`, box);
      if (!section) {
        section = document.createElement("section");
        section.className = "window";
        section.dataset.from = from;
        section.style.height = `${typical}px`;
      }
      if (!windows.has(from)) {
        windows.set(from, section);
        if (before) before.after(section); else box.prepend(section);
        seen.observe(section);
      }
      before = section;
    }
  };
  const load = (from, again = false) => {
    const section = windows.get(from);
    if (!section || (section.childElementCount && !again)) return Promise.resolve();
    if (!coming.has(from)) {
      coming.set(from, (async () => {
        try {
          const page = new DOMParser().parseFromString(await (await fetched(`${base}/turns?from=${from}`)).text(), "text/html");
          section.replaceChildren(...($(".window", page)?.childNodes ?? []));
          section.setAttribute("aria-label", `Turns from ${from + 1}`);
          section.style.height = "";
          typical = section.offsetHeight || typical;
          marks(section);
          show();
        } finally { coming.delete(from); }
      })());
    }
    return coming.get(from);
  };
  const forget = () => {
    for (const section of windows.values()) {
      if (!section.childElementCount || section.contains(document.activeElement)) continue;
      const { top, bottom, height } = section.getBoundingClientRect();
      if (top > innerHeight + 6000 || bottom < -6000) {
        section.style.height = `${height}px`;
        section.replaceChildren();
        section.removeAttribute("aria-label");
      }
    }
  };

  // === Time: recorded, and as it is drawn, with idle time cut short. ===
  let stops = [], points = [], ends = [], callTurns = [], length = 1;
  const outline = async () => {
    const answer = await (await fetched(`${base}/outline`)).json();
    length = Math.max(1, answer.length);
    stops = answer.turns.map(([from, to, lane, calls, drawnFrom, drawnTo]) => ({ from, to, lane, calls, drawnFrom, drawnTo }));
    points = stops.flatMap((stop) => [[stop.from, stop.drawnFrom], [stop.to, stop.drawnTo]]).sort((a, b) => a[0] - b[0] || a[1] - b[1]);
    let end = -Infinity;
    ends = stops.map((stop) => (end = Math.max(end, stop.to)));
    callTurns = stops.flatMap((stop, turn) => Array(stop.calls).fill(turn));
    scrub.max = length;
  };
  const last = (items, at, key) => {
    let [low, high] = [0, items.length];
    while (low < high) { const mid = (low + high) >> 1; if (key(items[mid]) <= at) low = mid + 1; else high = mid; }
    return low - 1;
  };
  const between = (at, one, other) => {
    const i = last(points, at, (point) => point[one]);
    if (i < 0) return points[0]?.[other] ?? 0;
    const [a, b] = [points[i], points[i + 1] ?? points[i]];
    return b[one] === a[one] ? a[other] : a[other] + (at - a[one]) / (b[one] - a[one]) * (b[other] - a[other]);
  };
  const drawn = (at) => between(at, 0, 1);
  const recorded = (at) => between(at, 1, 0);
  const turnAt = (at) => Math.max(0, last(stops, at, (stop) => stop.from));

  // === What is shown: everything, or what there was at a time. ===
  let now = 0, current = 0, call = -1, timed = false, playing = false, quiet = 0;
  const beats = new WeakMap();
  const unsaid = typeof Highlight === "function" && CSS.highlights ? new Highlight() : null;
  if (unsaid) CSS.highlights.set("unsaid", unsaid);
  const beatsOf = (turn) => {
    if (!beats.has(turn)) beats.set(turn, turn.dataset.beats.split(" ").filter(Boolean).map((beat) => beat.split(",").map(Number)));
    return beats.get(turn);
  };
  const show = () => {
    document.body.classList.toggle("playing", timed);
    unsaid?.clear();
    if (!timed) return;
    for (const turn of $$(".turn", box)) turn.classList.toggle("later", Number(turn.dataset.from) > now);
    for (const known of $$("[data-known]", box)) known.classList.toggle("later", Number(known.dataset.known) > now);
    for (const turn of $$(".turn:not(.later)", box)) {
      const passed = now - Number(turn.dataset.from);
      const all = beatsOf(turn);
      if (!all.length) continue;
      const there = new Map();
      for (const [at, block, chars] of all) if (at <= passed) there.set(block, Math.max(chars, there.get(block) ?? 0));
      const complete = all[all.length - 1][0] <= passed;
      for (const block of $$(".answer > .block", turn)) {
        const chars = there.get(Number(block.dataset.block));
        block.classList.toggle("later", !complete && chars === undefined);
        const whole = Number(block.dataset.chars);
        if (unsaid && !complete && chars !== undefined && chars < whole && !$(".call", block)) cover(block, chars / whole);
      }
    }
  };
  // The rest of a text that is still coming takes its room, and is not seen.
  const cover = (block, part) => {
    const walker = document.createTreeWalker(block, NodeFilter.SHOW_TEXT);
    let left = Math.floor(block.textContent.length * part);
    while (walker.nextNode()) {
      const node = walker.currentNode;
      if (left < node.length) {
        const range = document.createRange();
        range.setStart(node, left);
        range.setEndAfter(block.lastChild);
        unsaid.add(range);
        return;
      }
      left -= node.length;
    }
  };
  const tell = () => {
    const at = timed ? now : stops[current]?.from ?? 0;
    const position = drawn(at);
    scrub.value = position;
    const text = `Turn ${current + 1} of ${total}, ${clock(at - (stops[0]?.from ?? 0))}`;
    scrub.setAttribute("aria-valuetext", text);
    $("#clock").textContent = `${clock(at - (stops[0]?.from ?? 0))} · turn ${current + 1} of ${total}`;
    const picture = $(".timeline svg");
    cursor.hidden = false;
    cursor.style.left = `${picture.offsetLeft || 12}px`;
    const frame = picture.getBoundingClientRect(), figure = picture.parentElement.getBoundingClientRect();
    cursor.style.left = `${frame.left - figure.left + frame.width * Math.min(1, position / length)}px`;
  };
  const announce = (turn) => {
    if (playing && Number($("#speed").value) > 1) return;
    said.textContent = turn ? $("h3", turn).textContent.trim() : `Turn ${current + 1}`;
  };
  const select = (turn) => {
    for (const other of $$(".turn.current, .call.current", box)) other.classList.remove("current");
    turn?.classList.add("current");
  };
  const goto = async (number, target = null, focus = true) => {
    current = Math.min(Math.max(number, 1), total) - 1;
    quiet = performance.now() + 400;
    if (timed && !playing) now = Math.max(now, stops[current]?.from ?? 0);
    await load(Math.floor(current / size) * size);
    const turn = document.getElementById(`t${current + 1}`);
    select(turn);
    const goal = (target && document.getElementById(target)) || turn;
    if (goal !== turn) goal.classList.add("current");
    if (target?.startsWith("c")) call = Number(target.slice(1));
    else call = last(callTurns, current - 1, (of) => of);
    goal?.scrollIntoView({ block: "start" });
    if (focus && turn) { turn.tabIndex = -1; turn.focus({ preventScroll: true }); }
    history.replaceState(null, "", `#${target ?? `t${current + 1}`}`);
    show();
    tell();
    announce(turn);
  };
  const seek = (at) => {
    timed = true;
    now = at;
    const turn = turnAt(now);
    if (turn !== current || !document.getElementById(`t${turn + 1}`)) return goto(turn + 1, null, false);
    show();
    tell();
    return Promise.resolve();
  };

  // === Playing. ===
  let frame = 0, before = 0;
  const play = (on) => {
    playing = on;
    const button = $(".play", player);
    button.setAttribute("aria-pressed", String(on));
    $(".word", button).textContent = on ? "Pause" : "Play";
    cancelAnimationFrame(frame);
    if (!on) return;
    if (!timed) { timed = true; now = stops[current]?.from ?? 0; }
    if (now >= (ends[ends.length - 1] ?? 0)) now = stops[0]?.from ?? 0;
    before = performance.now();
    frame = requestAnimationFrame(tick);
  };
  const tick = (time) => {
    now += (time - before) * Number($("#speed").value);
    before = time;
    let turn = turnAt(now);
    const next = stops[turn + 1];
    if ($("#idle").checked && next && now > ends[turn] + 300 && next.from > now + 300) { now = next.from; turn += 1; }
    if (now >= ends[ends.length - 1]) { now = ends[ends.length - 1]; play(false); said.textContent = "The end of the session"; }
    if (turn !== current) goto(turn + 1, null, false);
    else { show(); tell(); follow(); }
    if (playing) frame = requestAnimationFrame(tick);
  };
  // Keeps what is being said in view, unless somebody scrolls.
  const follow = () => {
    if (performance.now() < quiet) return;
    const blocks = $$(`#t${current + 1} .answer > .block:not(.later)`);
    const bottom = blocks[blocks.length - 1]?.getBoundingClientRect().bottom ?? 0;
    if (bottom > innerHeight - 90) scrollBy(0, Math.min(bottom - innerHeight + 90, 40));
  };
  const everything = () => { play(false); timed = false; show(); tell(); };
  const stepCall = (by) => {
    const index = by > 0 ? call + 1 : call - 1;
    if (index < 0 || index >= callTurns.length) return;
    if (timed) now = Math.max(now, stops[callTurns[index]].to);
    goto(callTurns[index] + 1, `c${index}`);
  };
  const speed = (by) => { const select = $("#speed"); select.selectedIndex = Math.min(Math.max(select.selectedIndex + by, 0), select.options.length - 1); said.textContent = `Speed ${select.value}`; };
  const help = () => { const dialog = $("#help"); if (dialog.open) dialog.close(); else dialog.showModal(); };
  const acts = {
    play: () => play(!playing),
    "turn-back": () => goto(current, null), "turn-on": () => goto(current + 2, null),
    "call-back": () => stepCall(-1), "call-on": () => stepCall(1),
    all: everything, help,
  };
  // A step in time: what is later than the turn it goes to is not shown.
  const step = (act) => { if (timed && !playing && act.startsWith("turn")) now = stops[Math.min(Math.max(current + (act === "turn-on" ? 1 : -1), 0), total - 1)].to; acts[act](); };
  player.addEventListener("click", (event) => { const act = event.target.closest("[data-do]")?.dataset.do; if (act) step(act); });
  scrub.addEventListener("input", () => { play(false); seek(recorded(Number(scrub.value))); });
  $(".timeline svg").addEventListener("click", (event) => {
    const frame = event.currentTarget.getBoundingClientRect();
    const at = recorded((event.clientX - frame.left) / frame.width * length);
    if (timed) seek(at); else goto(turnAt(at) + 1);
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[data-turn]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    goto(Number(link.dataset.turn), link.dataset.goto ?? null);
  });
  const shortcuts = $("#shortcuts");
  shortcuts.checked = kept.get("shortcuts") !== "off";
  shortcuts.addEventListener("change", () => kept.set("shortcuts", shortcuts.checked ? "on" : "off"));
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || $("#help").open || !shortcuts.checked) return;
    const at = event.target;
    if (at.closest("input, select, textarea, dialog")) return;
    if (event.key === " " && at.closest("button, a, summary, [role=button]")) return;
    if (event.key.startsWith("Arrow") && at.closest("pre, .wide")) return;
    const act = {
      " ": () => play(!playing), ArrowLeft: () => step("turn-back"), ArrowRight: () => step("turn-on"),
      j: () => stepCall(1), k: () => stepCall(-1), "<": () => speed(-1), ">": () => speed(1), "?": help,
      i: () => { $("#idle").checked = !$("#idle").checked; said.textContent = $("#idle").checked ? "Idle time is skipped" : "Idle time is kept"; },
      Home: () => goto(1), End: () => goto(total), Escape: everything, "/": () => { location.href = "/search"; },
    }[event.key];
    if (act) { event.preventDefault(); act(); }
  });
  // While somebody reads, the bar says where they are.
  let asked = false;
  addEventListener("scroll", () => {
    if (asked || playing || performance.now() < quiet) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      const turn = $$(".turn", box).find((one) => one.getBoundingClientRect().bottom > 80);
      if (turn && !timed) { current = Number(turn.dataset.n) - 1; call = last(callTurns, current - 1, (of) => of); tell(); }
    });
  }, { passive: true });

  const start = async () => {
    const wanted = /^#([tc])(\d+)$/.exec(location.hash);
    current = Number($(".turn", box)?.dataset.n ?? 1) - 1;
    const queried = Number(new URLSearchParams(location.search).get("turn"));
    if (queried) current = Math.min(Math.max(queried, 1), total) - 1;
    const first = $(".window", box);
    if (first) typical = first.offsetHeight || typical;
    place();
    if (queried || wanted) document.getElementById(`t${current + 1}`)?.scrollIntoView({ block: "start" });
    player.hidden = false;
    await outline();
    if (wanted?.[1] === "t") await goto(Number(wanted[2]), null, false);
    else if (wanted) await goto((callTurns[Number(wanted[2])] ?? 0) + 1, `c${wanted[2]}`, false);
    else tell();
    player.dataset.ready = "";
    if ("open" in box.dataset) watch(null, () => true, async () => {
      const count = total;
      await outline();
      total = stops.length;
      place();
      await load(Math.floor((count - 1) / size) * size, true);
      if (total > count) said.textContent = `${total - count} new turns`;
      tell();
    });
  };
  start().catch(() => { player.hidden = true; });
})();

"use strict";
// The player: moments in their order, one shown after the other. Without it the page is whole.
(() => {
  const blocks = [...document.querySelectorAll("[data-at]")];
  const moments = [...new Set(blocks.map((block) => Number(block.dataset.at)))].sort((a, b) => a - b);
  const player = document.getElementById("player");
  if (moments.length < 2) return;
  const [scrub, clock, play, speed] = ["scrub", "clock", "play", "speed"].map((id) => document.getElementById(id));
  const cursor = document.getElementById("cursor");
  const marks = [...document.querySelectorAll("rect[data-from]")];
  // Idle time is played no longer than this, in milliseconds.
  const LONGEST = 1500;
  let place = moments.length - 1;
  let timer = 0;
  scrub.max = String(moments.length - 1);
  player.hidden = false;

  const show = (next, scroll) => {
    place = Math.min(Math.max(next, 0), moments.length - 1);
    const now = moments[place];
    let last = null;
    for (const block of blocks) {
      const at = Number(block.dataset.at);
      block.classList.toggle("later", at > now);
      if (at === now) last = block;
    }
    scrub.value = String(place);
    const s = Math.floor((now - moments[0]) / 1000);
    clock.textContent = `${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")}`;
    for (const mark of marks) {
      if (Number(mark.dataset.from) <= now) cursor.setAttribute("x", mark.getAttribute("x"));
    }
    if (scroll && last) last.scrollIntoView({ block: "nearest" });
  };
  const pause = () => {
    clearTimeout(timer);
    timer = 0;
    play.textContent = "Play";
  };
  const tick = () => {
    if (place >= moments.length - 1) return pause();
    const gap = Math.min(moments[place + 1] - moments[place], LONGEST);
    timer = setTimeout(() => { show(place + 1, true); tick(); }, gap / Number(speed.value));
  };
  const start = () => {
    if (place >= moments.length - 1) show(0, true);
    play.textContent = "Pause";
    tick();
  };
  const act = {
    play: () => (timer ? pause() : start()),
    back: () => { pause(); show(place - 1, true); },
    on: () => { pause(); show(place + 1, true); },
    all: () => { pause(); show(moments.length - 1, false); },
  };
  player.addEventListener("click", (event) => act[event.target.closest("button")?.dataset.do]?.());
  scrub.addEventListener("input", () => { pause(); show(Number(scrub.value), true); });
  document.addEventListener("keydown", (event) => {
    if (event.target.closest("input, select, button, summary") || event.ctrlKey || event.metaKey || event.altKey) return;
    const name = { " ": "play", ArrowLeft: "back", ArrowRight: "on", Escape: "all" }[event.key];
    if (name) { event.preventDefault(); act[name](); }
  });
})();

// Keeps a page up to date. Every page is whole without it: this only hears the same events that the
// page's links would show after a reload, fetches the page again and puts the parts that changed in place.
"use strict";
(() => {
  const body = document.body;
  const pause = 180; // events of one moment are one refresh, milliseconds
  const every = Number(document.body.dataset.every) || 5000; // a page that no event keeps up to date, milliseconds
  const firstWait = 1000; // after a stream was refused, milliseconds; doubled each time
  const longestWait = 30000;
  const toastFor = 8000;
  const mostToasts = 4;
  const mostSteps = 12; // steps, jobs of each and texts of each job whose live text is kept
  const mostJobs = 16;
  const mostTexts = 60;
  const mostChars = 20000; // of one text; the newest ones
  const mostOver = 500; // jobs that are known to be over

  const ago = (at) => {
    const seconds = Math.max(0, Math.round((Date.now() - at) / 1000));
    if (seconds < 60) return `${seconds} s ago`;
    if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
    if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ago`;
    return `${Math.floor(seconds / 86400)} d ago`;
  };
  const span = (ms) => {
    if (ms < 60000) return `${(Math.max(0, ms) / 1000).toFixed(1)} s`;
    const minutes = Math.floor(ms / 60000);
    const two = (n) => String(n).padStart(2, "0");
    if (minutes < 60) return `${minutes} min ${two(Math.floor(ms / 1000) % 60)} s`;
    return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`;
  };
  const age = () => {
    for (const time of document.querySelectorAll("time[data-since]")) {
      time.textContent = span(Date.now() - Date.parse(time.dateTime));
    }
    for (const time of document.querySelectorAll("time[data-ago]")) {
      const told = ago(Date.parse(time.dateTime));
      if (time.textContent !== told) time.textContent = told;
    }
  };

  const made = (name, kind, text) => {
    const element = document.createElement(name);
    element.className = kind;
    if (text) element.textContent = text;
    return element;
  };

  const toast = (text, href, tone) => {
    const box = document.getElementById("toasts");
    const toast = made("div", `toast ${tone || ""}`);
    const said = made(href ? "a" : "span", "", text);
    if (href) said.href = href;
    const away = made("button", "away", "×");
    away.type = "button";
    away.setAttribute("aria-label", "Dismiss");
    away.addEventListener("click", () => toast.remove());
    toast.append(said, away);
    box.append(toast);
    while (box.childElementCount > mostToasts) box.firstElementChild.remove();
    // Whoever reads it or is on it keeps it.
    const leave = () => (toast.matches(":hover, :focus-within") ? setTimeout(leave, 1000) : toast.remove());
    setTimeout(leave, toastFor);
  };

  // For who listens: what begins and ends, together when it comes together; never the text itself.
  let unsaid = [];
  const say = (sentence) => {
    unsaid.push(sentence);
    if (unsaid.length > 1) return;
    setTimeout(() => {
      document.getElementById("said").textContent = unsaid.slice(-mostSteps).join(" ");
      unsaid = [];
    }, pause);
  };

  // Live text: kept by step, job and place in the artifact, put into the step's pane as text alone. Nothing
  // of it is promised; the artifact takes its place.
  const written = new Map();
  const over = new Set();
  const utf8 = new TextEncoder();
  const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);
  const spelled = { linkedin: "LinkedIn", seo: "SEO" };
  const words = (name) => spelled[name] ?? sentence(name.replaceAll("_", " "));
  const label = (path) =>
    path
      .replace(/^\/platforms(?=\/)|\/text$/g, "")
      .split("/")
      .slice(1)
      .map((part) => (/^\d+$/.test(part) ? String(Number(part) + 1) : words(part.replaceAll("~1", "/").replaceAll("~0", "~"))))
      .join(" › ");
  const pane = (step) => document.querySelector(`[data-writing="${CSS.escape(step)}"]`);

  // Adds to what is there, so that what someone has selected stays so.
  const set = (element, text) => {
    const node = element.firstChild;
    if (!node || !text.startsWith(node.data)) element.textContent = text;
    else if (node.data !== text) node.appendData(text.slice(node.data.length));
  };

  const paint = (step) => {
    const box = pane(step);
    const jobs = written.get(step);
    if (!box || !jobs) return;
    const atEnd = box.scrollTop + box.clientHeight >= box.scrollHeight - 8;
    const texts = [...jobs.values()].flatMap((job) => [...job.texts]);
    if (!box.querySelector(":scope > .piece-live")) box.replaceChildren();
    while (box.childElementCount > texts.length) box.lastElementChild.remove();
    texts.forEach(([path, piece], i) => {
      if (!box.children[i]) {
        const row = made("div", "piece-live");
        row.append(made("p", "place"), made("p", "live-text"));
        box.append(row);
      }
      const [place, text] = box.children[i].children;
      set(place, label(path));
      set(text, piece.text);
    });
    if (atEnd) box.scrollTop = box.scrollHeight;
  };

  const take = (delta) => {
    const { step, job_id: id, attempt = 0, draft = 0 } = delta;
    if (!step || over.has(id)) return;
    if (!written.has(step)) {
      if (written.size >= mostSteps) return;
      written.set(step, new Map());
      if (pane(step)) say(`${words(step)} is being written.`);
      // A worker has it now, which no event says.
      refresh();
    }
    const jobs = written.get(step);
    let job = jobs.get(id);
    if (job && job.draft > draft) return;
    if (!job || job.draft < draft) {
      // A later attempt, or another draft: what was shown before is void.
      for (const [other, { attempt: before }] of jobs) if (before < attempt) jobs.delete(other);
      if (!job && jobs.size >= mostJobs) return;
      job = { attempt, draft, texts: new Map() };
      jobs.set(id, job);
    }
    for (const { path = "", at = 0, text = "" } of delta.pieces || []) {
      const from = Number(at);
      const to = from + utf8.encode(text).length;
      if (!job.texts.has(path)) {
        if (job.texts.size >= mostTexts) job.texts.delete(job.texts.keys().next().value);
        job.texts.set(path, { to: 0, text: "" });
      }
      const piece = job.texts.get(path);
      if (to <= piece.to) continue;
      piece.text += (from > piece.to ? "…" : "") + text;
      piece.to = to;
      if (piece.text.length > mostChars) piece.text = `…${piece.text.slice(-mostChars)}`;
    }
    paint(step);
  };

  const end = (event) => {
    const { step, type } = event;
    if (!step || !["step_finished", "step_failed", "step_retrying", "step_skipped"].includes(type)) return;
    if (over.size > mostOver) over.clear();
    for (const id of written.get(step)?.keys() ?? []) over.add(id);
    written.delete(step);
    if (type === "step_finished" && pane(step)) say(`${words(step)} is written.`);
  };

  // A document is asked for as one, so that no text ever becomes markup here.
  const fetched = () =>
    new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      request.open("GET", location.pathname + location.search);
      request.setRequestHeader("accept", "text/html");
      request.responseType = "document";
      request.onload = () =>
        request.status === 200 && request.responseXML ? resolve(request.responseXML) : reject(request.status);
      request.onerror = () => reject(0);
      request.send();
    });

  const put = (fresh) => {
    body.toggleAttribute("data-every", fresh.body.hasAttribute("data-every"));
    for (const part of fresh.querySelectorAll("[data-live]")) {
      const old = document.getElementById(part.id);
      if (!old || old === body || old.isEqualNode(part)) continue;
      // Whoever is typing or choosing in it is not disturbed.
      const active = document.activeElement;
      // What is being written is there already, and more of it than the server has.
      const writing = (card) => card.querySelector("[data-writing]")?.dataset.writing;
      if (writing(old) && writing(old) === writing(part)) continue;
      if (old.contains(active) && active.matches("input, textarea, select")) continue;
      const chosen = new Set([...old.querySelectorAll("input:checked")].map((input) => input.value));
      const focused = old.contains(active) && active.id;
      const log = old.querySelector("[data-log]");
      const atEnd = log && log.scrollTop + log.clientHeight >= log.scrollHeight - 4;
      const scrolled = log ? log.scrollTop : 0;
      const copy = document.importNode(part, true);
      for (const input of copy.querySelectorAll("input[type=checkbox]")) input.checked = chosen.has(input.value);
      old.replaceWith(copy);
      const now = copy.querySelector("[data-log]");
      if (now) now.scrollTop = atEnd ? now.scrollHeight : scrolled;
      if (focused) document.getElementById(focused)?.focus();
    }
    for (const step of written.keys()) paint(step);
    age();
  };

  let waiting = false;
  let again = false;
  const refresh = () => {
    if (waiting) {
      again = true;
      return;
    }
    waiting = true;
    setTimeout(async () => {
      try {
        put(await fetched());
      } catch {
        // The next event, or the next connection, asks again.
      }
      waiting = false;
      if (again) {
        again = false;
        refresh();
      }
    }, pause);
  };

  const told = (event) => {
    const here = location.pathname.startsWith(`/runs/${event.run_id}`);
    const href = here ? null : `/runs/${event.run_id}`;
    if (event.type === "ended" || event.type === "cancelled") toast(sentence(event.message), href);
    if (event.type === "step_failed") toast(sentence(event.message), href, "bad");
    if (event.type === "review_asked") toast(sentence(event.message), `/runs/${event.run_id}/reviews/${event.step}`);
    if (event.type === "reopened" && !here) toast(sentence(event.message), href);
  };

  const listen = () => {
    const asked = body.dataset.live;
    if (asked === undefined || !window.EventSource) return;
    const state = document.querySelector("[data-live-state]");
    const show = (on) => {
      if (!state) return;
      state.hidden = false;
      state.dataset.on = on ? "yes" : "no";
      state.textContent = on ? "Live" : "Reconnecting";
    };
    const query = new URLSearchParams(asked);
    let opened = false;
    let refused = 0;
    let source;

    const heard = (message) => {
      // Where to go on after a refusal; over a broken connection the browser does so itself.
      const id = message.lastEventId;
      if (id) query.set("after", query.has("run") ? id.slice(id.lastIndexOf(".") + 1) : id);
      refresh();
      try {
        const event = JSON.parse(message.data).data;
        end(event);
        told(event);
      } catch {
        // An event of a later version still refreshes.
      }
    };
    const wrote = (message) => {
      try {
        take(JSON.parse(message.data));
      } catch {
        // For the eye only: what cannot be read is not shown.
      }
    };
    const open = () => {
      const wanted = new URLSearchParams(query);
      // Events are worth more than live text, which may be what cannot be had.
      if (refused % 2) wanted.delete("live");
      source = new EventSource(`${body.dataset.events}?${wanted}`);
      source.onopen = () => {
        show(true);
        refused = 0;
        // What happened between the page and the stream, or during a break.
        if (opened || !asked) refresh();
        opened = true;
      };
      source.onerror = () => {
        show(false);
        // A browser comes again by itself, unless it was answered with a refusal.
        if (source.readyState !== EventSource.CLOSED) return;
        setTimeout(open, Math.min(firstWait * 2 ** refused, longestWait));
        refused += 1;
      };
      for (const type of [
        "submitted", "step_started", "step_finished", "step_skipped", "step_retrying", "step_failed",
        "job_redriven", "milestone_reached", "outcome_late", "reopened", "ended", "cancelled", "step_edited",
        "review_asked", "review_decided", "review_escalated", "review_ended", "paused", "resumed",
        "fanned_out", "gathered", "loop_repeated", "loop_ended",
      ]) {
        source.addEventListener(`pressrun.run.v1.${type}`, heard);
      }
      source.addEventListener("delta", wrote);
    };
    open();
    addEventListener("pagehide", () => source.close());
  };

  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-submits]")) event.target.form.requestSubmit();
  });
  document.addEventListener("submit", (event) => {
    const question = event.submitter?.dataset.confirm;
    if (question && !confirm(question)) event.preventDefault();
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#finding-'], a[href^='#place-']");
    if (link) document.querySelector(link.getAttribute("href"))?.focus({ preventScroll: true });
  });

  document.querySelector("[data-focus]")?.focus();
  const log = document.querySelector("[data-log]");
  if (log) log.scrollTop = log.scrollHeight;
  age();
  setInterval(age, 1000);
  setInterval(() => {
    if (body.hasAttribute("data-every") && !document.hidden) refresh();
  }, every);
  listen();
})();

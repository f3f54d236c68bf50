// Keeps a page up to date. Every page is whole without it: this only hears the same events that the
// page's links would show after a reload, fetches the page again and puts the parts that changed in place.
"use strict";
(() => {
  const body = document.body;
  const pause = 180; // events of one moment are one refresh, milliseconds
  const toastFor = 6000;
  const mostToasts = 4;

  const ago = (at) => {
    const seconds = Math.max(0, Math.round((Date.now() - at) / 1000));
    if (seconds < 60) return `${seconds} s ago`;
    if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
    if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ago`;
    return `${Math.floor(seconds / 86400)} d ago`;
  };
  const age = () => {
    for (const time of document.querySelectorAll("time[data-ago]")) {
      const told = ago(Date.parse(time.dateTime));
      if (time.textContent !== told) time.textContent = told;
    }
  };

  const toast = (text, href) => {
    const box = document.getElementById("toasts");
    const toast = document.createElement("div");
    toast.className = "toast";
    if (href) {
      const link = document.createElement("a");
      link.href = href;
      link.textContent = text;
      toast.append(link);
    } else {
      toast.textContent = text;
    }
    box.append(toast);
    while (box.childElementCount > mostToasts) box.firstElementChild.remove();
    setTimeout(() => toast.remove(), toastFor);
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
    for (const part of fresh.querySelectorAll("[data-live]")) {
      const old = document.getElementById(part.id);
      if (!old || old === body || old.isEqualNode(part)) continue;
      // Whoever is typing or choosing in it is not disturbed.
      const active = document.activeElement;
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

  const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);

  const told = (event) => {
    const here = location.pathname.startsWith(`/runs/${event.run_id}`);
    const href = here ? null : `/runs/${event.run_id}`;
    if (event.type === "ended" || event.type === "cancelled") toast(sentence(event.message), href);
    if (event.type === "step_failed") toast(sentence(event.message), href);
    if (event.type === "reopened" && !here) toast(sentence(event.message), href);
  };

  const listen = () => {
    const asked = body.dataset.live;
    if (asked === undefined || !window.EventSource) return;
    const state = document.querySelector("[data-live-state]");
    const say = (on) => {
      if (!state) return;
      state.hidden = false;
      state.dataset.on = on ? "yes" : "no";
      state.textContent = on ? "Live" : "Reconnecting";
    };
    const source = new EventSource(`${body.dataset.events}${asked ? `?${asked}` : ""}`);
    let opened = false;
    source.onopen = () => {
      say(true);
      // What happened between the page and the stream, or during a break.
      if (opened || !asked) refresh();
      opened = true;
    };
    source.onerror = () => say(false);
    const heard = (message) => {
      refresh();
      try {
        told(JSON.parse(message.data).data);
      } catch {
        // An event of a later version still refreshes.
      }
    };
    for (const type of [
      "submitted", "step_started", "step_finished", "step_skipped", "step_retrying", "step_failed",
      "job_redriven", "milestone_reached", "outcome_late", "reopened", "ended", "cancelled",
    ]) {
      source.addEventListener(`pressrun.run.v1.${type}`, heard);
    }
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
  listen();
})();

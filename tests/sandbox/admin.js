// The admin's side of a framed app: answers ecwid-app.js, and says so when the page does not call init in time.
(function () {
  "use strict";

  var frame = document.getElementById("app");
  var state = document.getElementById("state");
  var log = document.getElementById("log");
  var app = frame.dataset.app;
  var origin = new URL(frame.dataset.src).origin;
  var timer = setTimeout(fail, Number(frame.dataset.seconds) * 1000);

  function show(kind, text) {
    state.className = "state " + kind;
    state.textContent = text;
  }

  function fail() {
    frame.hidden = true;
    show("failed", "The page of this app did not call EcwidApp.init and ready in time, so the admin does not show it.");
  }

  function note(text) {
    var line = document.createElement("li");
    line.textContent = text;
    log.append(line);
  }

  function reply(message) {
    message.ecwidSandbox = 1;
    message.app = app;
    frame.contentWindow.postMessage(message, origin);
  }

  function read(message) {
    fetch(frame.dataset.storage)
      .then(function (answer) { return answer.json(); })
      .then(function (values) {
        var one = values.find(function (entry) { return entry.key === message.key; });
        var value = message.key === undefined ? values : one ? one.value : null;
        reply({ number: message.number, value: value });
      });
  }

  function write(message) {
    var request = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(message.values) };
    fetch(frame.dataset.storage, request).then(function (answer) {
      reply({ number: message.number, failed: !answer.ok });
    });
  }

  var calls = {
    init: function () { reply({ answer: "hello" }); },
    ready: function () {
      clearTimeout(timer);
      frame.hidden = false;
      show("ready", "The page is loaded.");
    },
    height: function (message) { frame.style.height = Math.min(Number(message.height) || 0, 20000) + "px"; },
    openPage: function (message) { note("openPage: the admin would show its page “" + message.page + "”."); },
    sendUserToUpgrade: function (message) {
      note("sendUserToUpgrade: the admin would offer a plan with " + [].concat(message.features).join(", ") + ".");
    },
    closeAppPopup: function () { note("closeAppPopup: the admin would close the popup."); },
    read: read,
    write: write,
  };

  window.addEventListener("message", function (event) {
    var data = event.data;
    var isOurs = event.source === frame.contentWindow && event.origin === origin;
    if (isOurs && data && data.ecwidSandbox === 1 && data.app === app && Object.hasOwn(calls, data.message.call)) {
      calls[data.message.call](data.message);
    }
  });

  // Only now, lest the page calls before somebody listens.
  frame.src = frame.dataset.src;
})();

// A stand-in for Ecwid's SDK of native pages, 0.3 (contract §8.6). It talks to admin.js in the parent window;
// the messages between the two are the sandbox's own invention.
(function () {
  "use strict";

  var admin = "*"; // The parent's origin, once it has answered: nothing of worth is sent before.
  var appId = "";
  var isReady = false;
  var autoHeight = false;
  var waiting = {}; // Callbacks by number, each with the one for success and the one for failure.
  var held = []; // What was asked for before the admin had answered.
  var count = 0;

  function post(message) {
    if (admin === "*" && message.call !== "init" && message.call !== "ready") {
      held.push(message);
      return;
    }
    window.parent.postMessage({ ecwidSandbox: 1, app: appId, message: message }, admin);
  }

  function ask(message, success, failure) {
    count += 1;
    waiting[count] = { success: success, failure: failure };
    message.number = count;
    post(message);
  }

  function resize(height) {
    post({ call: "height", height: height });
  }

  function measure() {
    resize(document.documentElement.offsetHeight);
  }

  window.addEventListener("message", function (event) {
    var data = event.data;
    if (event.source !== window.parent || !data || data.ecwidSandbox !== 1 || data.app !== appId) {
      return;
    }
    if (data.answer === "hello") {
      admin = event.origin;
      held.splice(0).forEach(post);
      if (autoHeight) {
        measure();
        new ResizeObserver(measure).observe(document.body);
      }
      return;
    }
    var callbacks = waiting[data.number];
    delete waiting[data.number];
    var chosen = callbacks && (data.failed ? callbacks.failure : callbacks.success);
    if (chosen) {
      chosen(data.value);
    }
  });

  window.EcwidApp = {
    init: function (params) {
      appId = params.app_id;
      autoHeight = params.autoheight === true;
      post({ call: "init" });
      if (params.autoloadedflag === true) {
        window.EcwidApp.ready();
      }
      return window.EcwidApp;
    },
    ready: function () {
      if (!isReady) {
        isReady = true;
        post({ call: "ready" });
      }
    },
    getPayload: function () {
      var hex = window.location.hash.slice(1);
      if (!/^([0-9a-f]{2})+$/.test(hex)) {
        return undefined;
      }
      var bytes = hex.match(/../g).map(function (pair) {
        return parseInt(pair, 16);
      });
      return JSON.parse(new TextDecoder().decode(new Uint8Array(bytes)));
    },
    openPage: function (page) {
      post({ call: "openPage", page: page });
    },
    setSize: function (size) {
      resize(size.height);
    },
    sendUserToUpgrade: function (features) {
      post({ call: "sendUserToUpgrade", features: features });
    },
    closeAppPopup: function () {
      post({ call: "closeAppPopup" });
    },
    getAppStorage: function (key, callback) {
      if (typeof key === "function") {
        ask({ call: "read" }, key);
        return;
      }
      ask({ call: "read", key: key }, callback);
    },
    setAppStorage: function (values, success, failure) {
      ask({ call: "write", values: values }, success, failure);
    },
    getAppPublicConfig: function (callback) {
      ask({ call: "read", key: "public" }, callback);
    },
    setAppPublicConfig: function (value, success, failure) {
      ask({ call: "write", values: { public: value } }, success, failure);
    },
  };
})();

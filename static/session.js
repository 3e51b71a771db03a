// Tells the page around this frame whether somebody is still signed in here (OpenID Connect Session
// Management 1.0, section 3.2). The calculation is that of the provider.
(function () {
  "use strict";
  var EVERY = 20000, looked = 0, waiting = null;
  function here() {
    var found = /(?:^|; )(?:__Host-)?countersign-state=([^;]*)/.exec(document.cookie);
    return found ? found[1] : "";
  }
  // That a session ended elsewhere only the provider knows, which then takes the cookie away.
  function look(then) {
    if (waiting) { waiting.push(then); return; }
    if (!here() || Date.now() - looked < EVERY) { then(); return; }
    looked = Date.now();
    waiting = [then];
    var request = new XMLHttpRequest();
    request.open("GET", "state");
    request.timeout = 3000;
    request.onloadend = function () {
      var all = waiting;
      waiting = null;
      all.forEach(function (next) { next(); });
    };
    request.send();
  }
  function hex(buffer) {
    return Array.prototype.map.call(new Uint8Array(buffer), function (byte) {
      return ("0" + byte.toString(16)).slice(-2);
    }).join("");
  }
  window.addEventListener("message", function (event) {
    function say(word) { event.source.postMessage(word, event.origin); }
    if (!event.source || event.origin === "null") return;
    var text = typeof event.data === "string" ? event.data : "";
    var space = text.lastIndexOf(" ");
    var client = text.slice(0, Math.max(space, 0));
    var state = text.slice(space + 1).split(".");
    if (!client || state.length !== 2 || !state[0] || !state[1] || !(window.crypto && crypto.subtle)) {
      say("error");
      return;
    }
    look(function () {
      var words = client + " " + event.origin + " " + here() + " " + state[1];
      crypto.subtle.digest("SHA-256", new TextEncoder().encode(words)).then(function (hash) {
        say(hex(hash) === state[0] ? "unchanged" : "changed");
      }, function () { say("error"); });
    });
  });
})();

"""The test suite, by story; tests/sandbox plays Ecwid over HTTP."""

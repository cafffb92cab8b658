package main

import (
	"strings"
	"testing"
	"time"

	"vault-plugin-secrets-oauthrefresh/internal/clock"
)

// In a log there is a line now and then, on a terminal a bar that is drawn over itself.
func TestProgress(t *testing.T) {
	var log, screen strings.Builder
	plain, bar := newProgress(&log, "written", 4), newProgress(&screen, "written", 4)
	bar.terminal = true
	for n := range 4 {
		clock.Pass(6 * time.Second)
		plain.step(n + 1)
		bar.step(n + 1)
	}
	plain.end()
	bar.end()
	if log.String() != "import: 2 of 4 written, about 12s left\nimport: 4 of 4 written, about 0s left\n" {
		t.Errorf("the log is %q", log.String())
	}
	if got := screen.String(); strings.Count(got, "\r[") != 4 || strings.Contains(got, "\n") || !strings.HasSuffix(got, "\r\x1b[K") ||
		!strings.Contains(got, "[###############               ] 2 of 4 written, about 12s left") {
		t.Errorf("the screen is %q", got)
	}
}

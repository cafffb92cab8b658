package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"vault-plugin-secrets-oauthrefresh/internal/clock"
)

// progress shows how far a run of steps is: a bar that is drawn over itself on a terminal, else a line every ten seconds,
// for a log. It is this plain because a library for it would stand in the go.mod of the plugin too.
type progress struct {
	w        io.Writer
	what     string
	total    int
	terminal bool
	began    time.Time
	shown    time.Time
}

func newProgress(w io.Writer, what string, total int) *progress {
	p := &progress{w: w, what: what, total: total, began: clock.Now(), shown: clock.Now()}
	if file, ok := w.(*os.File); ok {
		info, err := file.Stat()
		p.terminal = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return p
}

// step says that n are behind.
func (p *progress) step(n int) {
	every := 10 * time.Second
	if p.terminal {
		every = 100 * time.Millisecond
	}
	if clock.Since(p.shown) < every && (!p.terminal || n < p.total) {
		return
	}
	p.shown = clock.Now()
	left := (clock.Since(p.began) / time.Duration(n) * time.Duration(p.total-n)).Round(time.Second)
	if !p.terminal {
		fmt.Fprintf(p.w, "import: %d of %d %s, about %s left\n", n, p.total, p.what, left)
		return
	}
	const width = 30
	full := width * n / p.total
	fmt.Fprintf(p.w, "\r[%s%s] %d of %d %s, about %s left\x1b[K", strings.Repeat("#", full), strings.Repeat(" ", width-full), n, p.total, p.what, left)
}

// end leaves the line to what comes next.
func (p *progress) end() {
	if p.terminal {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}

//go:build clockstep

package clock

import (
	"os"
	"strings"
	"time"
)

// A plugin that is built for tests takes its step from a file, again and again, so that the clock of a process
// that runs can be put forward and back from outside. The file holds a duration, such as -24h.
func init() {
	name := os.Getenv("OAUTHREFRESH_CLOCK_STEP")
	if name == "" {
		return
	}
	look := func() {
		text, err := os.ReadFile(name)
		if err != nil {
			return
		}
		if d, err := time.ParseDuration(strings.TrimSpace(string(text))); err == nil {
			step.Store(int64(d))
		}
	}
	look() // the first time that anybody asks for is right already
	go func() {
		for range time.Tick(20 * time.Millisecond) {
			look()
		}
	}()
}

//go:build unix

package main

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// What a signal does.
const (
	goesOn   = "goes on"
	ends     = "ends, after storing what is in flight"
	stands   = "stands still until `CONT`"
	endsDead = "ends at once"
)

// signals are all there are on every Unix that this is built for, STKFLT and PWR excepted, which are Linux's.
var signals = map[string]struct {
	number syscall.Signal
	does   string
}{
	"HUP": {syscall.SIGHUP, goesOn}, "USR1": {syscall.SIGUSR1, goesOn}, "USR2": {syscall.SIGUSR2, goesOn},
	"INT": {syscall.SIGINT, goesOn}, "PIPE": {syscall.SIGPIPE, goesOn},
	"TSTP": {syscall.SIGTSTP, goesOn}, "TTIN": {syscall.SIGTTIN, goesOn}, "TTOU": {syscall.SIGTTOU, goesOn},
	"ALRM": {syscall.SIGALRM, goesOn}, "VTALRM": {syscall.SIGVTALRM, goesOn}, "PROF": {syscall.SIGPROF, goesOn},
	"XCPU": {syscall.SIGXCPU, goesOn}, "XFSZ": {syscall.SIGXFSZ, goesOn},
	"IO": {syscall.SIGIO, goesOn}, "URG": {syscall.SIGURG, goesOn}, "WINCH": {syscall.SIGWINCH, goesOn},
	"CHLD": {syscall.SIGCHLD, goesOn}, "CONT": {syscall.SIGCONT, goesOn}, "PWR": {30, goesOn},
	"TERM": {syscall.SIGTERM, ends}, "QUIT": {syscall.SIGQUIT, ends}, "ABRT": {syscall.SIGABRT, ends},
	"STOP": {syscall.SIGSTOP, stands},
	"KILL": {syscall.SIGKILL, endsDead}, "ILL": {syscall.SIGILL, endsDead}, "TRAP": {syscall.SIGTRAP, endsDead},
	"BUS": {syscall.SIGBUS, endsDead}, "FPE": {syscall.SIGFPE, endsDead}, "SEGV": {syscall.SIGSEGV, endsDead},
	"SYS": {syscall.SIGSYS, endsDead}, "STKFLT": {16, endsDead},
}

// TestEachSignalDoesWhatTheTableSays holds docs/signals.md to the process, signal for signal.
func TestEachSignalDoesWhatTheTableSays(t *testing.T) {
	table := signalTable(t)
	if got, want := slices.Sorted(maps.Keys(table)), slices.Sorted(maps.Keys(signals)); !slices.Equal(got, want) {
		t.Errorf("the table has %q, this test %q", got, want)
	}
	c := startChild(t, "mount", false)
	for _, name := range slices.Sorted(maps.Keys(signals)) {
		s := signals[name]
		if !strings.HasPrefix(table[name], s.does) {
			t.Errorf("%s: the table says %q, want %q", name, table[name], s.does)
		}
		switch s.does {
		case goesOn:
			c.signal(s.number)
			c.tell("after " + name)
		case ends:
			t.Run(name, func(t *testing.T) { endsAfterStoring(t, s.number) })
		}
	}
	if c.stderr.Len() != 0 {
		t.Errorf("the process writes %q", c.stderr.String())
	}
}

// endsAfterStoring sends a signal, then more of them, which must not cut short the end that has begun.
func endsAfterStoring(t *testing.T, s syscall.Signal) {
	c := startChild(t, "mount", false)
	c.signal(s)
	c.hear("ending")
	for _, again := range []syscall.Signal{s, syscall.SIGTERM, syscall.SIGQUIT, syscall.SIGHUP, syscall.SIGINT} {
		c.signal(again)
		c.tell("after another " + again.String())
	}
	if _, err := c.stdin.Write([]byte("end\n")); err != nil {
		t.Fatal(err)
	}
	if code, by := c.end(); code != 0 {
		t.Errorf("the process ends with status %d, signal %d", code, by)
	}
	if c.stderr.Len() != 0 { // a dump of goroutines names what they were called with
		t.Errorf("the process writes %q", c.stderr.String())
	}
}

// Vault has gone, so nobody reads the plugin's log: that must not be how it ends.
func TestALogThatNobodyReadsEndsNothing(t *testing.T) {
	c := startChild(t, "mount", true)
	c.tell("log")
	c.tell("log")
}

var quotedName = regexp.MustCompile("`([A-Z0-9]+)`")

// signalTable returns what the document says that each signal does.
func signalTable(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("../../docs/signals.md")
	if err != nil {
		t.Fatal(err)
	}
	table := map[string]string{}
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(line, " | ")
		if !strings.HasPrefix(line, "| `") || len(cells) != 4 {
			continue
		}
		stays := strings.TrimSuffix(strings.TrimSpace(cells[3]), " |")
		if does := cells[2]; (stays == "yes") != (strings.HasPrefix(does, goesOn) || strings.HasPrefix(does, stands)) {
			t.Errorf("a row contradicts itself: %s", line)
		}
		for _, name := range quotedName.FindAllStringSubmatch(cells[0], -1) {
			table[name[1]] = cells[2]
		}
	}
	return table
}

//go:build unix

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/sdk/logical"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// childEnv makes the test binary a process that heeds signals as the plugin's does, over a mount that ends
// when it is told to.
const childEnv = "OAUTHREFRESH_TEST_CHILD"

func TestMain(m *testing.M) {
	switch os.Getenv(childEnv) {
	case "":
		os.Exit(m.Run())
	case "mount":
		runMount()
	case "orphan":
		runOrphan()
	}
}

// runMount answers each line it reads with the line, and ends its mount after the line "end".
func runMount() {
	b := &slowBackend{over: make(chan struct{})}
	served := mounts{served: []mount{{Backend: b}}}
	served.heedSignals()
	fmt.Println("ready")
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		switch lines.Text() {
		case "end":
			close(b.over)
		case "log":
			hclog.New(&hclog.LoggerOptions{Output: os.Stderr}).Error("nobody reads this")
		}
		fmt.Println(lines.Text())
	}
	select {}
}

// runOrphan is a plugin whose Vault has gone.
func runOrphan() {
	gone := answering(status.Error(codes.Unavailable, "connection refused"))
	served := mounts{served: []mount{{Backend: &slowBackend{}, vault: gone}}}
	served.heedSignals()
	fmt.Println("ready")
	served.endWithVault(hclog.New(&hclog.LoggerOptions{Output: os.Stderr}), os.Getppid(), time.Millisecond)
}

// slowBackend takes its time to end.
type slowBackend struct {
	logical.Backend
	over chan struct{}
}

// Cleanup implements logical.Backend.
func (b *slowBackend) Cleanup(context.Context) {
	fmt.Println("ending")
	<-b.over
}

// answering is a Vault that answers with an error, or well when that is nil.
func answering(err error) logical.SystemView { return &fakeVault{answer: func() error { return err }} }

type fakeVault struct {
	logical.SystemView
	answer func() error
}

// PluginEnv implements logical.SystemView.
func (v *fakeVault) PluginEnv(context.Context) (*logical.PluginEnvironment, error) {
	return new(logical.PluginEnvironment), v.answer()
}

// child is a process of the test's own.
type child struct {
	t      *testing.T
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	lines  chan string
	stderr strings.Builder
}

// startChild runs this binary as the given kind of child. With deaf nobody reads its stderr: a write to it
// breaks.
func startChild(t *testing.T, kind string, deaf bool) *child {
	t.Helper()
	c := &child{t: t, cmd: exec.Command(os.Args[0]), lines: make(chan string, 10)}
	c.cmd.Env = append(os.Environ(), childEnv+"="+kind)
	c.cmd.Stderr = &c.stderr
	if deaf {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		r.Close()
		defer w.Close()
		c.cmd.Stderr = w
	}
	var err error
	if c.stdin, err = c.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	stdout, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.cmd.Process.Kill() })
	go func() {
		defer close(c.lines)
		for lines := bufio.NewScanner(stdout); lines.Scan(); {
			c.lines <- lines.Text()
		}
	}()
	c.hear("ready")
	return c
}

// hear waits for a line of the child's.
func (c *child) hear(want string) {
	c.t.Helper()
	select {
	case line, ok := <-c.lines:
		if !ok || line != want {
			c.t.Fatalf("the process says %q, want %q; it has ended: %t", line, want, !ok)
		}
	case <-time.After(20 * time.Second):
		c.t.Fatalf("the process does not say %q", want)
	}
}

// tell has the child do something, which it then confirms: so it goes on.
func (c *child) tell(what string) {
	c.t.Helper()
	if _, err := fmt.Fprintln(c.stdin, what); err != nil {
		c.t.Fatal(err)
	}
	c.hear(what)
}

func (c *child) signal(s syscall.Signal) {
	c.t.Helper()
	if err := c.cmd.Process.Signal(s); err != nil {
		c.t.Fatal(err)
	}
}

// end waits until the child has ended and returns its exit status, or -1 and the signal.
func (c *child) end() (int, syscall.Signal) {
	c.t.Helper()
	for range c.lines {
	}
	_ = c.cmd.Wait()
	ws := c.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if ws.Signaled() {
		return -1, ws.Signal()
	}
	return ws.ExitStatus(), 0
}

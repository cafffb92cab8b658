package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// process is a child that cannot outlive the test binary, with its output in a file.
type process struct {
	cmd  *exec.Cmd
	log  string // path of the file that holds stdout and stderr
	done chan struct{}
}

// start runs a program with exactly the given environment, appending its output to workdir/log.
func start(log string, env []string, name string, args ...string) (*process, error) {
	return startAs(&syscall.SysProcAttr{}, log, env, name, args...)
}

// startApart is start for a program that ends its whole process group with itself, as Apache does.
func startApart(log string, env []string, name string, args ...string) (*process, error) {
	return startAs(&syscall.SysProcAttr{Setpgid: true}, log, env, name, args...)
}

func startAs(as *syscall.SysProcAttr, log string, env []string, name string, args ...string) (*process, error) {
	p := &process{cmd: exec.Command(name, args...), log: filepath.Join(workdir, log), done: make(chan struct{})}
	out, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	p.cmd.Stdout, p.cmd.Stderr, p.cmd.Env = out, out, env
	// TERM, not KILL: Vault then ends its plugins too. They would be orphans otherwise.
	as.Pdeathsig = syscall.SIGTERM
	p.cmd.SysProcAttr = as
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = p.cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// stop ends the process the polite way, and by force after ten seconds.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(10 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}

// await polls ok until it returns nil, the process ends, or the limit is over.
func (p *process) await(what string, limit time.Duration, ok func() error) error {
	deadline := time.After(limit)
	for {
		err := ok()
		if err == nil {
			return nil
		}
		select {
		case <-p.done:
			return fmt.Errorf("%s: the process ended: %v\n%s", what, err, tail(p.log))
		case <-deadline:
			return fmt.Errorf("%s: not within %s: %v\n%s", what, limit, err, tail(p.log))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// tail returns the last lines of a log for a failure message.
func tail(path string) string {
	b, _ := os.ReadFile(path)
	return string(b[max(0, len(b)-4000):])
}

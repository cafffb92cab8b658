package browser

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// patience bounds every wait for something that comes at once where a machine is idle.
const patience = 60 * time.Second

// process is a child that cannot outlive the test binary, with its output in a file.
type process struct {
	cmd  *exec.Cmd
	log  string
	done chan struct{}
}

// start runs a program with exactly the given environment, and its output in workdir/log.
func start(log string, env []string, name string, args ...string) (*process, error) {
	p := &process{cmd: exec.Command(name, args...), log: filepath.Join(workdir, log), done: make(chan struct{})}
	out, err := os.Create(p.log)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	p.cmd.Stdout, p.cmd.Stderr, p.cmd.Env = out, out, env
	// TERM, not KILL: Vault then ends its plugins too. They would be orphans otherwise.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
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

// await polls ok until it returns nil, the process ends, or patience does.
func (p *process) await(what string, ok func() error) error {
	deadline := time.After(patience)
	for {
		err := ok()
		if err == nil {
			return nil
		}
		select {
		case <-p.done:
			return fmt.Errorf("%s: the process ended: %v\n%s", what, err, p.tail())
		case <-deadline:
			return fmt.Errorf("%s: not within %s: %v\n%s", what, patience, err, p.tail())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// tail returns the last lines of the log for a failure message.
func (p *process) tail() string {
	b, _ := os.ReadFile(p.log)
	return string(b[max(0, len(b)-4000):])
}

// environ is the whole environment of a child: nothing of the caller's proxies, tokens or home.
func environ() []string { return []string{"PATH=" + os.Getenv("PATH"), "HOME=" + workdir} }

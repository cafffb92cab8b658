package e2e

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// vaultLivesThrough are the signals after which Vault goes on, or that never were meant for it.
var vaultLivesThrough = map[string]syscall.Signal{
	"HUP": syscall.SIGHUP, "USR1": syscall.SIGUSR1, "USR2": syscall.SIGUSR2, "INT": syscall.SIGINT,
	"TSTP": syscall.SIGTSTP, "TTIN": syscall.SIGTTIN, "TTOU": syscall.SIGTTOU, "PIPE": syscall.SIGPIPE,
	"ALRM": syscall.SIGALRM, "VTALRM": syscall.SIGVTALRM, "PROF": syscall.SIGPROF, "XCPU": syscall.SIGXCPU,
	"XFSZ": syscall.SIGXFSZ, "PWR": syscall.SIGPWR, "IO": syscall.SIGIO, "URG": syscall.SIGURG,
	"WINCH": syscall.SIGWINCH, "CHLD": syscall.SIGCHLD, "CONT": syscall.SIGCONT,
}

// vaultEnds are those that tell a process to end.
var vaultEnds = map[string]syscall.Signal{"TERM": syscall.SIGTERM, "QUIT": syscall.SIGQUIT, "ABRT": syscall.SIGABRT}

// The plugin gets signals that are none of its business in the middle of a refresh, one after the other. It goes on in
// the same process, and stores the answer that is still to come.
func TestSignalsThatVaultLivesThrough(t *testing.T) {
	t.Parallel()
	wantRows(t, "goes on", vaultLivesThrough)
	l := newLab(t)
	l.run("vault write oauth/roles/hosting " + keliwebRole)
	l.sandbox.control("keliweb", map[string]any{"hold": 1})
	l.hangUpDuring("keliweb", "oauth/creds/hosting")
	plugin := l.pluginPID()
	for _, name := range slices.Sorted(maps.Keys(vaultLivesThrough)) {
		kill(t, vaultLivesThrough[name], plugin)
		time.Sleep(50 * time.Millisecond) // to die takes less
		if !slices.Contains(pluginPIDs(0), plugin) {
			t.Fatalf("%s ends the plugin with a refresh in flight", name)
		}
	}
	l.sandbox.control("keliweb", map[string]any{"release": true})
	l.read("oauth/creds/hosting").want(t, map[string]string{"generation": "1"})
	l.wantKept("keliweb", "hosting")
	if now := l.pluginPID(); now != plugin {
		t.Errorf("the plugin was process %d and is %d", plugin, now)
	}
}

// pkill -HUP vault, with three grants in the middle of a refresh: Vault reopens its audit log, and its plugin, which
// gets the signal too, keeps all three.
func TestAuditLogIsReopenedDuringRefreshes(t *testing.T) {
	t.Parallel()
	l := newLabOn(t, newRaft(t, "reopened"))
	grants := map[string]string{"keliweb": "hosting", "pingone": "identity", "isabel-connect": "isabel"}
	for provider, role := range grants {
		l.run("vault write oauth/roles/" + role + " " + systemNamed(role).role)
		l.sandbox.control(provider, map[string]any{"hold": 1})
		l.hangUpDuring(provider, "oauth/creds/"+role)
	}
	plugin, audit := l.pluginPID(), auditLog(l.v.name)
	if err := os.Rename(audit, audit+".1"); err != nil {
		t.Fatal(err)
	}
	kill(t, syscall.SIGHUP, plugin, l.v.cmd.Process.Pid)
	err := l.v.await("Vault reopens its audit log", 20*time.Second, func() error {
		_, err := os.Stat(audit)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for provider, role := range grants {
		l.sandbox.control(provider, map[string]any{"release": true})
		l.read("oauth/creds/"+role).want(t, map[string]string{"generation": "1"})
		l.wantKept(provider, role)
	}
	if now := l.pluginPID(); now != plugin {
		t.Errorf("the plugin was process %d and is %d", plugin, now)
	}
}

// The plugin gets a signal that ends it in the middle of a refresh: alone, from an operator, or along with Vault, from
// systemd when the unit does not say KillMode=process. It stores the answer that is still to come, and then ends.
func TestTerminatedDuringRefresh(t *testing.T) {
	t.Parallel()
	wantRows(t, "ends, after storing", vaultEnds)
	v := newRaft(t, "terminated")
	for _, name := range slices.Sorted(maps.Keys(vaultEnds)) {
		t.Run(name+" alone", func(t *testing.T) { endDuringRefresh(t, v, vaultEnds[name], false) })
	}
	t.Run("TERM with Vault", func(t *testing.T) { endDuringRefresh(t, v, syscall.SIGTERM, true) })
}

func endDuringRefresh(t *testing.T, v *vault, signal syscall.Signal, withVault bool) {
	l := newLabOn(t, v)
	l.run("vault write oauth/roles/hosting " + keliwebRole)
	l.sandbox.control("keliweb", map[string]any{"hold": 1})
	l.hangUpDuring("keliweb", "oauth/creds/hosting")
	plugin := l.pluginPID()
	kill(t, signal, plugin)
	if withVault {
		kill(t, signal, v.cmd.Process.Pid)
	}
	time.Sleep(time.Second) // long enough to see that it waits
	if !slices.Contains(pluginPIDs(0), plugin) {
		t.Error("the plugin has ended with a refresh in flight")
	}
	l.sandbox.control("keliweb", map[string]any{"release": true})
	awaitEnd(t, plugin)
	if withVault {
		<-v.done
		l.revive()
	}
	l.read("oauth/creds/hosting").want(t, map[string]string{"generation": "1"})
	l.wantKept("keliweb", "hosting")
	if log := tail(v.log); strings.Contains(log, "goroutine ") {
		t.Error("the plugin has dumped its goroutines into Vault's log")
	}
}

func kill(t *testing.T, signal syscall.Signal, pids ...int) {
	t.Helper()
	for _, pid := range pids {
		if err := syscall.Kill(pid, signal); err != nil {
			t.Fatal(err)
		}
	}
}

// awaitEnd waits until a plugin process is gone.
func awaitEnd(t *testing.T, pid int) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); slices.Contains(pluginPIDs(0), pid); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the plugin does not end")
		}
	}
}

var quotedSignal = regexp.MustCompile("`([A-Z0-9]+)`")

// wantRows compares the signals that docs/signals.md says the same of with those of a test.
func wantRows(t *testing.T, does string, signals map[string]syscall.Signal) {
	t.Helper()
	text, err := os.ReadFile("../docs/signals.md")
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for line := range strings.Lines(string(text)) {
		if cells := strings.Split(line, " | "); len(cells) == 4 && strings.HasPrefix(cells[2], does) {
			for _, name := range quotedSignal.FindAllStringSubmatch(cells[0], -1) {
				rows = append(rows, name[1])
			}
		}
	}
	slices.Sort(rows)
	if want := slices.Sorted(maps.Keys(signals)); !slices.Equal(rows, want) {
		t.Errorf("docs/signals.md has %q under %q, this test %q", rows, does, want)
	}
}

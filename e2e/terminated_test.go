package e2e

import (
	"slices"
	"syscall"
	"testing"
	"time"
)

// The plugin gets a SIGTERM in the middle of a refresh: alone, from an operator, or along with Vault, from systemd
// when the unit does not say KillMode=process. It stores the answer that is still to come, and then ends.
func TestTerminatedDuringRefresh(t *testing.T) {
	t.Parallel()
	v := newRaft(t, "terminated")
	for name, withVault := range map[string]bool{"alone": false, "with Vault": true} {
		t.Run(name, func(t *testing.T) {
			l := newLabOn(t, v)
			l.run("vault write oauth/roles/hosting " + keliwebRole)
			l.sandbox.control("keliweb", map[string]any{"hold": 1})
			l.hangUpDuring("keliweb", "oauth/creds/hosting")
			plugin, targets := l.pluginPID(), []int{l.pluginPID()}
			if withVault {
				targets = append(targets, v.cmd.Process.Pid)
			}
			for _, pid := range targets {
				if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
					t.Fatal(err)
				}
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
		})
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

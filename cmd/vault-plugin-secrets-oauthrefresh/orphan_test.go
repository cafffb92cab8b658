//go:build unix

package main

import (
	"errors"
	"os"
	"testing"
	"testing/synctest"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Only a connection that nobody answers any longer shows that Vault has gone.
func TestVaultIsGoneOnlyWhenNoMountReachesIt(t *testing.T) {
	refused := status.Error(codes.Unavailable, "connection refused")
	closed := status.Error(codes.Canceled, "grpc: the client connection is closing")
	slow := status.Error(codes.DeadlineExceeded, "context deadline exceeded")
	for name, c := range map[string]struct {
		parent  int
		answers []error
		gone    bool
	}{
		"Vault answers": {os.Getppid(), []error{nil}, false},
		"it answers, and another process is parent":   {1 << 30, []error{nil}, false},
		"it is slow, or stopped":                      {os.Getppid(), []error{slow}, false},
		"it answers with an error":                    {os.Getppid(), []error{errors.New("sealed")}, false},
		"it knows no such question":                   {os.Getppid(), []error{status.Error(codes.Unimplemented, "unknown method")}, false},
		"nobody listens":                              {os.Getppid(), []error{refused}, true},
		"the mount has been ended":                    {os.Getppid(), []error{closed}, true},
		"the mount was set up again":                  {os.Getppid(), []error{closed, nil}, false},
		"nobody listens for either":                   {os.Getppid(), []error{refused, closed}, true},
		"nothing is set up yet":                       {os.Getppid(), nil, false},
		"nothing was set up, and the parent has gone": {1 << 30, nil, true},
	} {
		var m mounts
		for _, err := range c.answers {
			m.served = append(m.served, mount{vault: answering(err)})
		}
		if got := m.vaultGone(c.parent); got != c.gone {
			t.Errorf("%s: gone is %t", name, got)
		}
	}
}

// An orphan ends by itself, with an error, also when nobody reads what it says of that.
func TestAnOrphanEndsByItself(t *testing.T) {
	for name, deaf := range map[string]bool{"with a log": false, "with its log cut": true} {
		t.Run(name, func(t *testing.T) {
			c := startChild(t, "orphan", deaf)
			if code, by := c.end(); code != 1 {
				t.Errorf("the orphan ends with status %d, signal %d", code, by)
			}
		})
	}
}

// One look that finds nobody is no proof, however often it happens.
func TestVaultIsGoneWhenItIsMissedTwiceInARow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		m := mounts{served: []mount{{vault: &fakeVault{answer: func() error {
			if asked++; asked < 20 && asked%2 == 0 {
				return nil
			}
			return status.Error(codes.Unavailable, "connection refused")
		}}}}}
		m.awaitVaultsEnd(os.Getppid(), lookInterval)
		if asked != 20 { // 19 and 20
			t.Errorf("gone after %d looks", asked)
		}
	})
}

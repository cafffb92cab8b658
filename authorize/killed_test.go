package authorize_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

// death is a process that dies at one of its writes: what storage holds then is all that there is, and nothing that it
// does afterwards counts.
type death struct {
	mu      sync.Mutex
	left    int  // writes before it
	applied bool // the last write counts
	image   *enginetest.Storage
}

var errDead = errors.New("the process has died")

// at lets the process die at a write, the first being 1, and returns what is left of it then.
func dieAt(t *testing.T, s *enginetest.Storage, write int, applied bool) *death {
	d := &death{left: write, applied: applied}
	hook := func(after bool) enginetest.StorageHook {
		return func(key string) error {
			d.mu.Lock()
			defer d.mu.Unlock()
			if d.image != nil {
				return errDead
			}
			if kind, _, _ := strings.Cut(key, "/"); kind != "consent" && kind != "role" && kind != "token" {
				return nil
			}
			if !after {
				d.left--
			}
			if d.left == 0 && after == d.applied {
				d.image = s.Copy(t)
				return errDead
			}
			return nil
		}
	}
	s.OnPut(hook(false))
	s.AfterPut(hook(true))
	s.OnDelete(hook(false)) // there is none after one: a delete that counts is the next write's image before it
	return d
}

// consent goes the whole way, as far as it comes, and returns the code of the page, and whether confirm was asked for.
func consent(t *testing.T, b *enginetest.Mount, server *enginetest.Authorization) (code string, asked bool) {
	resp, err := b.Try(t.Context(), enginetest.WriteOp, "authorize/r", nil)
	if err != nil || resp.IsError() {
		return "", false
	}
	_, page := b.Callback(server.Agree(resp.Data["authorization_url"].(string)))
	if code = enginetest.CodeOn(page); code == "" {
		return "", false
	}
	_, _ = b.Try(t.Context(), enginetest.WriteOp, "confirm/r", enginetest.Fields{"confirmation_code": code})
	return code, true
}

// The process dies at each of its writes, before that is applied and after: the grant that was there lives, none is active
// that nobody has confirmed, no code is presented twice, and confirming once more, or else beginning anew, leads to a grant.
func TestAProcessThatDiesAtEachWriteOfAConsent(t *testing.T) {
	for _, living := range []bool{false, true} {
		for write := 1; ; write++ {
			died := false
			for _, applied := range []bool{false, true} {
				t.Run(fmt.Sprintf("a living grant %v, write %d, applied %v", living, write, applied), func(t *testing.T) {
					died = dies(t, living, write, applied) || died
				})
			}
			if !died {
				if write < 6 {
					t.Errorf("only %d writes", write-1)
				}
				break
			}
		}
	}
}

func dies(t *testing.T, living bool, write int, applied bool) bool {
	b := enginetest.New(t)
	server := enginetest.NewAuthorization(t, b)
	if living {
		consent(t, b, server)
		b.Write("refresh/r", nil)
	}
	d := dieAt(t, b.Storage, write, applied)
	code, asked := consent(t, b, server)
	b.Storage.OnPut(nil) // so that the end of the test need not wait for what is held
	b.Storage.AfterPut(nil)
	b.Storage.OnDelete(nil)
	if d.image == nil {
		return false
	}
	after := enginetest.NewOn(t, d.image)
	state := after.Data("status/r")["state"]
	if !asked && !living && state != "unauthorized" || living && state != "ok" && state != "new" {
		t.Errorf("after it the state is %v", state)
	}
	if living || state != "unauthorized" {
		wantWorking(t, after, server)
	}
	resp, err := after.Try(t.Context(), logical.UpdateOperation, "confirm/r", enginetest.Fields{"confirmation_code": code})
	if code == "" || err != nil || resp.IsError() {
		consent(t, after, server)
	}
	wantWorking(t, after, server)
	if server.Used != 0 {
		t.Errorf("%d codes were presented twice", server.Used)
	}
	return true
}

// wantWorking wants a token that is good, and one refresh more.
func wantWorking(t *testing.T, b *enginetest.Mount, server *enginetest.Authorization) {
	t.Helper()
	for range 2 {
		if got := b.Data("creds/r")["access_token"].(string); !server.Live(got) {
			t.Error("what is served is no good")
		}
		b.Write("refresh/r", nil)
	}
}

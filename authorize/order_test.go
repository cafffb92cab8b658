package authorize_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

// failing lets operations on keys with a prefix fail as long as it is on.
func failing(prefix string) enginetest.StorageHook {
	return func(key string) error {
		if strings.HasPrefix(key, prefix) {
			return fmt.Errorf("storage is down")
		}
		return nil
	}
}

// What can't be stored is not sent: the state stays good, and the browser may reload.
func TestNothingIsSentThatCouldNotBeStored(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewAuthorization(t, b)
	back := server.Agree(b.Authorize())
	b.Storage.OnPut(failing("consent/"))
	status, page := b.Callback(back)
	if status != http.StatusServiceUnavailable || !strings.Contains(page, "Reload") || len(server.Requests()) != 0 {
		t.Errorf("%d, %d requests: %s", status, len(server.Requests()), page)
	}
	b.Storage.OnPut(nil)
	b.Storage.OnGet(failing("consent/"))
	if status, _ := b.Callback(back); status != http.StatusServiceUnavailable {
		t.Errorf("%d", status)
	}
	b.Storage.OnGet(nil)
	if status, page := b.Callback(back); status != http.StatusOK || enginetest.CodeOn(page) == "" {
		t.Errorf("after that: %d %s", status, page)
	}
}

// An answer that storage refuses is held, as a refresh's is: it can be confirmed, and is stored when storage is back.
func TestAnAnswerThatStorageRefusesIsHeld(t *testing.T) {
	for _, confirmed := range []bool{true, false} {
		b := enginetest.New(t)
		server := enginetest.NewAuthorization(t, b)
		back := server.Agree(b.Authorize())
		puts := 0
		b.Storage.OnPut(func(key string) error {
			if !strings.HasPrefix(key, "consent/") {
				return nil
			}
			if puts++; puts > 1 { // after the intent
				return fmt.Errorf("storage is down")
			}
			return nil
		})
		status, page := b.Callback(back)
		if status != http.StatusOK {
			t.Fatalf("%d %s", status, page)
		}
		if got := b.Data("authorize/r"); got["state"] != "granted" {
			t.Errorf("%v", got)
		}
		if confirmed {
			b.Write("confirm/r", enginetest.Fields{"confirmation_code": enginetest.CodeOn(page)})
			b.Data("creds/r")
			b.Storage.OnPut(nil)
			continue
		}
		b.Storage.OnPut(nil)
		b.Cleanup(t.Context()) // waits for what is held
		if left := consents(t, b); len(left) != 1 || !strings.Contains(b.Storage.Contents(t)[left[0]], `"granted"`) {
			t.Errorf("%q is stored", left)
		}
	}
}

// confirm writes the role first, then the state, and removes the consent last. Whichever of these fails, before it is
// applied or after, nothing is lost and a repeated confirm finishes, without a second exchange. A reader who comes between
// loses nothing either.
func TestAConfirmThatBreaksOffIsFinishedByAnother(t *testing.T) {
	for _, living := range []bool{false, true} {
		for _, at := range []string{"role/", "token/", "consent/"} {
			for _, applied := range []bool{false, true} {
				for _, read := range []bool{false, true} {
					t.Run(fmt.Sprintf("a living grant %v, %s, applied %v, read between %v", living, at, applied, read), func(t *testing.T) {
						breakConfirm(t, living, at, applied, read)
					})
				}
			}
		}
	}
}

func breakConfirm(t *testing.T, living bool, at string, applied, read bool) {
	b := enginetest.New(t)
	server := enginetest.NewAuthorization(t, b)
	if living {
		_, page := b.Callback(server.Agree(b.Authorize()))
		b.Write("confirm/r", enginetest.Fields{"confirmation_code": enginetest.CodeOn(page)})
		b.Data("creds/r")
	}
	_, page := b.Callback(server.Agree(b.Authorize()))
	proof := enginetest.Fields{"confirmation_code": enginetest.CodeOn(page)}
	sent := len(server.Requests())
	hook := failing(at)
	switch {
	case at == "consent/":
		b.Storage.OnDelete(hook)
	case applied:
		b.Storage.AfterPut(hook)
	default:
		b.Storage.OnPut(hook)
	}
	_, err := b.Try(t.Context(), enginetest.WriteOp, "confirm/r", proof)
	if (err == nil) != (at == "consent/") {
		t.Errorf("the confirm says %v", err)
	}
	b.Storage.OnPut(nil)
	b.Storage.AfterPut(nil)
	b.Storage.OnDelete(nil)
	if read && (at == "token/" || at == "consent/" || applied) {
		b.Data("creds/r")
	}
	b.Write("confirm/r", proof)
	b.Write("refresh/r", nil)
	if got := b.Data("creds/r"); !server.Grant.Live(got["access_token"].(string)) {
		t.Errorf("what is served is of another grant")
	}
	exchanges := 0
	for _, r := range server.Requests()[sent:] {
		if r.Form.Get("grant_type") == "authorization_code" {
			exchanges++
		}
	}
	if exchanges != 0 || server.Used != 0 || server.Grant.Current() == "" {
		t.Errorf("%d exchanges, %d codes twice, the refresh token is %q", exchanges, server.Used, server.Grant.Current())
	}
	if left := consents(t, b); len(left) != 0 {
		t.Errorf("%q are left", left)
	}
}

// Of two browsers that come at once with one state, one exchanges the code.
func TestTwoCallbacksAtOnce(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewAuthorization(t, b)
	back := server.Agree(b.Authorize())
	var browsers sync.WaitGroup
	codes := make([]string, 8)
	var looks atomic.Int32
	all := make(chan struct{})
	b.Storage.OnGet(func(key string) error {
		if strings.HasPrefix(key, "consent/") && looks.Add(1) == int32(len(codes))+1 { // each has looked, and one has the lock
			close(all)
		}
		return nil
	})
	b.Storage.OnPut(func(key string) error {
		if strings.HasPrefix(key, "consent/") {
			<-all
		}
		return nil
	})
	for i := range codes {
		browsers.Go(func() {
			resp, err := b.HandleRequest(t.Context(), &logical.Request{Operation: logical.ReadOperation, Path: "callback/test", Storage: b.Storage, Data: map[string]any(back)})
			if err == nil {
				body, _ := resp.Data[logical.HTTPRawBody].([]byte)
				codes[i] = enginetest.CodeOn(string(body))
			}
		})
	}
	browsers.Wait()
	shown := 0
	for _, code := range codes {
		if code != "" {
			shown++
		}
	}
	if shown != 1 || len(server.Requests()) != 1 || server.Used != 0 {
		t.Errorf("%d codes are shown, %d requests made", shown, len(server.Requests()))
	}
}

// A process that dies in the midst of an exchange leaves a consent that says so, and a role as it was.
func TestAnExchangeThatAProcessDiedIn(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewAuthorization(t, b)
	back := server.Agree(b.Authorize())
	var image *enginetest.Storage
	puts := 0
	b.Storage.AfterPut(func(key string) error {
		if puts++; strings.HasPrefix(key, "consent/") && puts == 1 {
			image = b.Storage.Copy(t)
		}
		return nil
	})
	b.Callback(back)
	after := enginetest.NewOn(t, image)
	if got := after.Data("authorize/r"); got["state"] != "failed" || !strings.Contains(got["error"].(string), "lost") {
		t.Errorf("%v", got)
	}
	after.Rejects(enginetest.WriteOp, "confirm/r", enginetest.Fields{"confirmation_code": "BCDF-GHJK"}, "answer to the exchange of the authorization code was lost")
	if status, _ := after.Callback(back); status != http.StatusBadRequest || server.Used != 0 {
		t.Errorf("%d, %d codes twice", status, server.Used)
	}
	if got := after.Data("status/r"); got["state"] != "unauthorized" {
		t.Errorf("%v", got)
	}
}

package e2e

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// Somebody types a code at the provider, on another machine: at a library that nobody here wrote, known by its issuer. The
// engine asks until they have, more slowly once the library says so, and confirm names who it was.
func TestDeviceFlow(t *testing.T) {
	t.Parallel()
	l, server := newLab(t), startDeviceServer(t)
	sh := l.with("ISSUER="+server.URL, "AUTHORITY="+server.authority(), "ID="+deviceClient, "SECRET="+deviceSecret)
	sh.run(`cat "$SANDBOX_CA" "$AUTHORITY" >both.pem && vault write oauth/config ca_certificate=@both.pem`)
	sh.run(`vault write oauth/providers/devices issuer="$ISSUER"`)
	sh.run(`vault write oauth/roles/screen provider=devices client_id="$ID" client_secret="$SECRET" scope="openid email"`)
	if text := sh.refused(400, "vault write -force oauth/device/screen"); !strings.Contains(text, "device_flow=true") {
		t.Error(text)
	}
	sh.run("vault write oauth/roles/screen device_flow=true")

	begun := sh.write("oauth/device/screen")
	begun.want(t, map[string]string{"verification_uri": server.URL + "/device", "finish": "vault write -force oauth/confirm/screen"})
	if !strings.HasSuffix(begun.get("verification_uri_complete"), begun.get("user_code")) {
		t.Errorf("%v", begun.Data)
	}
	if text := sh.refused(400, "vault write -force oauth/confirm/screen"); !strings.Contains(text, "nobody has agreed yet") {
		t.Error(text)
	}
	sh.read("oauth/authorize/screen").want(t, map[string]string{"state": "begun", "user_code": begun.get("user_code")})
	awaitPolls(t, l, server.store, 1) // and was too hasty
	if err := server.store.CompleteDeviceAuthorization(t.Context(), begun.get("user_code"), deviceUser); err != nil {
		t.Fatal(err)
	}
	awaitState(t, l, "screen", "granted")
	sh.refused(400, "vault read oauth/creds/screen") // before confirm it is nobody's
	done := sh.write("oauth/confirm/screen")
	done.want(t, map[string]string{"account": deviceEmail, "account_verified": "true"})
	polls := server.store.polled()
	if len(polls) != 2 || polls[1].Sub(polls[0]) < 5*time.Second {
		t.Errorf("polled at %v, want five seconds between them after slow_down", polls)
	}

	first := sh.read("oauth/creds/screen")
	sh.run("vault write -force oauth/refresh/screen")
	if next := sh.read("oauth/creds/screen"); next.token() == first.token() || next.get("generation") != "2" {
		t.Errorf("after a refresh: %v", next.get("generation"))
	}
}

// awaitPolls waits until the library was polled so often.
func awaitPolls(t *testing.T, l *lab, store *deviceStore, n int) {
	t.Helper()
	err := l.v.await("polls", 30*time.Second, func() error {
		if len(store.polled()) < n {
			return errors.New("too few")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// awaitState waits until a consent of root's is that far.
func awaitState(t *testing.T, l *lab, role, state string) {
	t.Helper()
	l.v.caller(t, l.v.token).awaitsState(role, state)
}

// awaitsState waits until a consent of the caller's is that far.
func (c caller) awaitsState(role, state string) {
	c.t.Helper()
	var got any
	for deadline := time.Now().Add(40 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if got = c.read("oauth/authorize/" + role)["state"]; got == state {
			return
		}
	}
	c.t.Fatalf("the consent is %v, want %s", got, state)
}

// Whoever opens the page may say no, the same at the sandbox: the reason is told, and nothing is activated. What a person
// agreed to while the plugin was killed is not lost: the next one goes on asking as soon as whoever has begun looks.
func TestDeviceFlowOfPingOne(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.run("vault write oauth/roles/portal device_flow=true " + consentRole)
	l.sandbox.control("pingone", map[string]any{"device_interval": 1})
	root := l.v.caller(t, l.v.token)

	begun := root.write("oauth/device/portal", nil)
	l.run("sandbox browse -deny -device " + begun["user_code"].(string))
	awaitState(t, l, "portal", "failed")
	root.refused("oauth/confirm/portal", nil, "chose not to agree")
	l.run("vault delete oauth/authorize/portal")

	begun = root.write("oauth/device/portal", nil)
	l.kill()
	l.awaitPlugin()
	l.run("sandbox browse -user bob@example.test -device " + begun["user_code"].(string))
	awaitState(t, l, "portal", "granted")
	if got := root.write("oauth/confirm/portal", nil); got["account"] != bob || got["account_verified"] != true {
		t.Errorf("%v", got)
	}
	l.wantGrant(l.shell, "portal", "pingone")
}

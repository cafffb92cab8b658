package watch_test

import (
	"net/http"
	"testing"
	"time"

	"vault-plugin-secrets-oauthrefresh/sandbox/sandboxtest"
)

// A fault that is ordered for a grant waits for that grant, whatever else comes to the provider first; it knows the
// grant by any refresh token of its chain.
func TestAFaultOfAGrantIsTakenByNobodyElse(t *testing.T) {
	b := sandboxtest.New(t)
	mine := b.Initial("generic")
	next := b.Want(200, "", b.Good("generic", mine)).Text("refresh_token")
	var other map[string]string
	b.Order("/grant", map[string]any{"provider": "generic"}, &other)
	b.Order("/control", map[string]any{"provider": "generic", "refresh_token": mine, "fail": 1, "status": 500}, nil)
	others := b.Want(200, "", b.Good("generic", other["refresh_token"])).Text("refresh_token")
	b.Want(500, "", b.Good("generic", next))
	b.Want(200, "", b.Good("generic", next))
	b.Want(200, "", b.Good("generic", others))
	if s := b.Stats("generic"); s.Faults != 1 || s.Replays != 0 {
		t.Errorf("%+v", s)
	}
}

func TestAFaultOfAClientIsTakenByNobodyElse(t *testing.T) {
	b := sandboxtest.New(t)
	post := sandboxtest.Request{URL: "https://auth.pingone.eu/" + b.Env["PINGONE_ENVIRONMENT_ID"] + "/as/token", Form: sandboxtest.Form(
		"grant_type", "refresh_token", "refresh_token", b.Env["PINGONE_POST_REFRESH_TOKEN"],
		"client_id", b.Env["PINGONE_POST_CLIENT_ID"], "client_secret", b.Env["PINGONE_POST_CLIENT_SECRET"])}
	for client, orders := range map[string]func(){
		b.Env["PINGONE_CLIENT_ID"]: func() {
			b.Want(200, "", post)
			if got := b.Last().ClientID; got != b.Env["PINGONE_POST_CLIENT_ID"] {
				t.Errorf("the journal says %q", got)
			}
			b.Want(503, "", b.Good("pingone", b.Initial("pingone")))
		},
		b.Env["PINGONE_POST_CLIENT_ID"]: func() {
			b.Want(200, "", b.Good("pingone", b.Initial("pingone")))
			if got := b.Last().ClientID; got != b.Env["PINGONE_CLIENT_ID"] {
				t.Errorf("the journal says %q", got)
			}
			b.Want(503, "", post)
		},
	} {
		b.Order("/reset", map[string]any{}, nil)
		if status := b.Order("/control", map[string]any{"provider": "pingone", "client_id": client, "fail": 1}, nil); status != http.StatusOK {
			t.Fatal(status)
		}
		orders()
	}
}

// What is released without a name is everybody's.
func TestReleaseLetsTheHeldAnswersOfEveryOwnerGo(t *testing.T) {
	b := sandboxtest.New(t)
	grant := b.Initial("salesforce")
	b.Order("/control", map[string]any{"provider": "salesforce", "refresh_token": grant, "hold": 1}, nil)
	answer := make(chan error)
	go func() {
		_, err := b.Do(b.Client, b.Good("salesforce", grant))
		answer <- err
	}()
	b.Arrived(1)
	b.Order("/control", map[string]any{"release": true}, nil)
	if err := <-answer; err != nil {
		t.Error(err)
	}
}

// One grant is treated otherwise than the others of its provider: how long its tokens live, whether they rotate, when
// it ends.
func TestAGrantIsTreatedByItself(t *testing.T) {
	b := sandboxtest.New(t)
	mine := b.Initial("salesforce")
	var other map[string]string
	b.Order("/grant", map[string]any{"provider": "salesforce"}, &other)
	b.Order("/control", map[string]any{"provider": "salesforce", "refresh_token": mine, "expires_in": 20, "rotation": true}, nil)
	first := b.Want(200, "", b.Good("salesforce", mine))
	second := b.Want(200, "", b.Good("salesforce", other["refresh_token"]))
	if first.Text("refresh_token") == "" || second.Text("refresh_token") != "" {
		t.Errorf("rotated: %v and %v", first.Text("refresh_token") != "", second.Text("refresh_token") != "")
	}
	b.Advance(20 * time.Second)
	if b.Live("salesforce", first.Text("access_token")) || !b.Live("salesforce", second.Text("access_token")) {
		t.Error("20 seconds later: want the one dead, the other alive")
	}
	b.Order("/control", map[string]any{"provider": "salesforce", "refresh_token": mine, "revoke": "grants"}, nil)
	b.Want(400, "invalid_grant", b.Good("salesforce", first.Text("refresh_token")))
	b.Want(200, "", b.Good("salesforce", other["refresh_token"]))
}

func TestControlRefusesWhatIsNobodys(t *testing.T) {
	b := sandboxtest.New(t)
	for status, bodies := range map[int][]map[string]any{
		http.StatusNotFound: {{"refresh_token": "no such token", "fail": 1}, {"client_id": "nobody", "fail": 1}},
		http.StatusBadRequest: {
			{"client_id": "generic client", "refresh_token": b.Initial("generic"), "fail": 1},
			{"client_id": "generic client", "expires_in": 20}, {"client_id": "generic client", "revoke": "grants"},
			{"refresh_token": b.Initial("generic"), "clock_offset": 20},
		},
	} {
		for _, body := range bodies {
			body["provider"] = "generic"
			if got := b.Order("/control", body, nil); got != status {
				t.Errorf("%v: %d, want %d", body, got, status)
			}
		}
	}
}

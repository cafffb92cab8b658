package main

import (
	"net/http"
	"testing"
	"time"
)

// A fault that is ordered for a grant waits for that grant, whatever else comes to the provider first; it knows the
// grant by any refresh token of its chain.
func TestAFaultOfAGrantIsTakenByNobodyElse(t *testing.T) {
	b := newBench(t)
	mine := b.initial("generic")
	next := b.want(200, "", b.good("generic", mine)).text("refresh_token")
	var other map[string]string
	b.order("/grant", map[string]any{"provider": "generic"}, &other)
	b.order("/control", map[string]any{"provider": "generic", "refresh_token": mine, "fail": 1, "status": 500}, nil)
	others := b.want(200, "", b.good("generic", other["refresh_token"])).text("refresh_token")
	b.want(500, "", b.good("generic", next))
	b.want(200, "", b.good("generic", next))
	b.want(200, "", b.good("generic", others))
	if s := b.stats("generic"); s.Faults != 1 || s.Replays != 0 {
		t.Errorf("%+v", s)
	}
}

func TestAFaultOfAClientIsTakenByNobodyElse(t *testing.T) {
	b := newBench(t)
	post := request{url: "https://auth.pingone.eu/" + b.env["PINGONE_ENVIRONMENT_ID"] + "/as/token", form: form(
		"grant_type", "refresh_token", "refresh_token", b.env["PINGONE_POST_REFRESH_TOKEN"],
		"client_id", b.env["PINGONE_POST_CLIENT_ID"], "client_secret", b.env["PINGONE_POST_CLIENT_SECRET"])}
	for client, orders := range map[string]func(){
		b.env["PINGONE_CLIENT_ID"]: func() {
			b.want(200, "", post)
			if got := b.last().ClientID; got != b.env["PINGONE_POST_CLIENT_ID"] {
				t.Errorf("the journal says %q", got)
			}
			b.want(503, "", b.good("pingone", b.initial("pingone")))
		},
		b.env["PINGONE_POST_CLIENT_ID"]: func() {
			b.want(200, "", b.good("pingone", b.initial("pingone")))
			if got := b.last().ClientID; got != b.env["PINGONE_CLIENT_ID"] {
				t.Errorf("the journal says %q", got)
			}
			b.want(503, "", post)
		},
	} {
		b.order("/reset", map[string]any{}, nil)
		if status := b.order("/control", map[string]any{"provider": "pingone", "client_id": client, "fail": 1}, nil); status != http.StatusOK {
			t.Fatal(status)
		}
		orders()
	}
}

// What is released without a name is everybody's.
func TestReleaseLetsTheHeldAnswersOfEveryOwnerGo(t *testing.T) {
	b := newBench(t)
	grant := b.initial("salesforce")
	b.order("/control", map[string]any{"provider": "salesforce", "refresh_token": grant, "hold": 1}, nil)
	answer := make(chan error)
	go func() {
		_, err := b.do(b.client, b.good("salesforce", grant))
		answer <- err
	}()
	b.arrived(1)
	b.order("/control", map[string]any{"release": true}, nil)
	if err := <-answer; err != nil {
		t.Error(err)
	}
}

// One grant is treated otherwise than the others of its provider: how long its tokens live, whether they rotate, when
// it ends.
func TestAGrantIsTreatedByItself(t *testing.T) {
	b := newBench(t)
	mine := b.initial("salesforce")
	var other map[string]string
	b.order("/grant", map[string]any{"provider": "salesforce"}, &other)
	b.order("/control", map[string]any{"provider": "salesforce", "refresh_token": mine, "expires_in": 20, "rotation": true}, nil)
	first := b.want(200, "", b.good("salesforce", mine))
	second := b.want(200, "", b.good("salesforce", other["refresh_token"]))
	if first.text("refresh_token") == "" || second.text("refresh_token") != "" {
		t.Errorf("rotated: %v and %v", first.text("refresh_token") != "", second.text("refresh_token") != "")
	}
	b.advance(20 * time.Second)
	if b.live("salesforce", first.text("access_token")) || !b.live("salesforce", second.text("access_token")) {
		t.Error("20 seconds later: want the one dead, the other alive")
	}
	b.order("/control", map[string]any{"provider": "salesforce", "refresh_token": mine, "revoke": "grants"}, nil)
	b.want(400, "invalid_grant", b.good("salesforce", first.text("refresh_token")))
	b.want(200, "", b.good("salesforce", other["refresh_token"]))
}

func TestControlRefusesWhatIsNobodys(t *testing.T) {
	b := newBench(t)
	for status, bodies := range map[int][]map[string]any{
		http.StatusNotFound: {{"refresh_token": "no such token", "fail": 1}, {"client_id": "nobody", "fail": 1}},
		http.StatusBadRequest: {
			{"client_id": "generic client", "refresh_token": b.initial("generic"), "fail": 1},
			{"client_id": "generic client", "expires_in": 20}, {"client_id": "generic client", "revoke": "grants"},
			{"refresh_token": b.initial("generic"), "clock_offset": 20},
		},
	} {
		for _, body := range bodies {
			body["provider"] = "generic"
			if got := b.order("/control", body, nil); got != status {
				t.Errorf("%v: %d, want %d", body, got, status)
			}
		}
	}
}

package client

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestSecretsPrintNothing(t *testing.T) {
	secret := NewSecret("canary")
	type holder struct {
		Shown  Secret
		hidden Secret
		ptr    *Secret
	}
	h := holder{secret, secret, &secret}
	request := Request{ClientSecret: secret, RefreshToken: secret}
	failure := Error{RefreshToken: secret, Reason: "x"}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T", "%p", "%b", "%08v", "%c", "%U"} {
		for _, value := range []any{secret, &secret, h, &h, []Secret{secret}, map[string]Secret{"a": secret}, request, &request, failure, &failure} {
			text := strings.ToLower(fmt.Sprintf(verb, value))
			if strings.Contains(text, "canary") || strings.Contains(text, "63616e617279") || strings.Contains(text, "99 97 110") {
				t.Errorf("%s of %T shows the value", verb, value)
			}
		}
	}
	for _, value := range []any{secret, &secret, h, failure, map[string]any{"a": secret}} {
		out, err := json.Marshal(value)
		if err != nil || strings.Contains(string(out), "canary") {
			t.Errorf("JSON of %T: %s (%v)", value, out, err)
		}
	}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "secret", secret, "holder", h)
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "secret", secret, "holder", h)
	if strings.Contains(log.String(), "canary") {
		t.Errorf("logged: %s", log.String())
	}
	if h.hidden.Reveal() != "canary" || h.ptr.Reveal() != "canary" {
		t.Error("Reveal does not return the value")
	}
}

func TestSecretValues(t *testing.T) {
	if NewSecret("").IsSet() || (Secret{}).IsSet() || !NewSecret("a").IsSet() {
		t.Error("IsSet")
	}
	if (Secret{}).Reveal() != "" || NewSecret(" a ").Reveal() != " a " {
		t.Error("Reveal")
	}
	if !NewSecret("a").Equal(NewSecret("a")) || NewSecret("a").Equal(NewSecret("b")) || NewSecret("a").Equal(Secret{}) || !(Secret{}).Equal(NewSecret("")) {
		t.Error("Equal")
	}
	if _, err := json.Marshal(Secret{}); err != nil {
		t.Error(err)
	}
}

package e2e

import (
	"fmt"
	"testing"
	"time"
)

// secret is what vault read -format=json prints.
type secret struct {
	LeaseID       string         `json:"lease_id"`
	LeaseDuration int            `json:"lease_duration"`
	Renewable     bool           `json:"renewable"`
	Data          map[string]any `json:"data"`
	Warnings      []string       `json:"warnings"`
}

func parseSecret(t *testing.T, text string) secret {
	t.Helper()
	var s secret
	if text != "" {
		decode(t, text, &s)
	}
	return s
}

// get returns a field as text, "" when there is none.
func (s secret) get(field string) string {
	if v, ok := s.Data[field]; ok && v != nil {
		return fmt.Sprint(v)
	}
	return ""
}

func (s secret) token() string { return s.get("access_token") }

// wantLease asserts a lease that is not renewable and lasts between min and max.
func (s secret) wantLease(t *testing.T, min, max time.Duration) {
	t.Helper()
	if s.LeaseID == "" || s.Renewable {
		t.Fatalf("lease_id=%q renewable=%v, want a lease that is not renewable", s.LeaseID, s.Renewable)
	}
	if d := time.Duration(s.LeaseDuration) * time.Second; d < min || d > max {
		t.Fatalf("lease_duration=%s, want %s to %s", d, min, max)
	}
}

// wantExpiry asserts that expires_at is RFC 3339 in UTC and not before the lease ends.
func (s secret) wantExpiry(t *testing.T) {
	t.Helper()
	at, err := time.Parse(time.RFC3339, s.get("expires_at"))
	if err != nil || at.Location() != time.UTC {
		t.Fatalf("expires_at=%q is not RFC 3339 in UTC", s.get("expires_at"))
	}
	if end := time.Now().Add(time.Duration(s.LeaseDuration) * time.Second); at.Before(end.Truncate(time.Second)) {
		t.Fatalf("the token ends at %s, before its lease at %s", at, end)
	}
}

// want asserts fields by their text.
func (s secret) want(t *testing.T, fields map[string]string) {
	t.Helper()
	for name, value := range fields {
		if s.get(name) != value {
			t.Errorf("%s=%q, want %q", name, s.get(name), value)
		}
	}
}

// wantFields asserts that fields are there and not empty.
func (s secret) wantFields(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		if s.get(name) == "" {
			t.Errorf("the answer has no %s", name)
		}
	}
}

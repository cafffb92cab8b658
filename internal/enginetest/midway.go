package enginetest

import (
	"slices"
	"strings"
	"testing"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
)

// midway is a mount whose role r is being refreshed: one reader waits for the endpoint's answer.
type midway struct {
	*Mount
	Server *clienttest.Server
	Reader <-chan Outcome
	Open   func() // lets the answer go
}

// NewMidway begins a read whose refresh waits for this answer to be let go.
func NewMidway(t *testing.T, answer clienttest.Answer) *midway {
	t.Helper()
	m := &midway{Mount: New(t)}
	m.Server = NewEndpoint(t, m.Mount)
	m.WriteRole("r")
	answer, m.Open = Gated(answer)
	m.Server.Enqueue(answer)
	m.Reader = m.StartRead(t.Context(), "r")
	m.Server.WaitFor(1)
	return m
}

// MovedOn wants the reader to hear that it should try again, which it may do at once.
func (m *midway) MovedOn() {
	m.T.Helper()
	got := Await(m.T, m.Reader)
	if ErrStatus(got.Err) != 503 || !strings.Contains(got.Err.Error(), "try again") {
		m.T.Errorf("the reader hears %v, %v", got.Resp, got.Err)
	}
}

// Presented wants these refresh tokens to have been sent, in this order.
func (m *midway) Presented(want ...string) {
	m.T.Helper()
	if got := Sent(m.Server); !slices.Equal(got, want) {
		m.T.Errorf("presented were %q, want %q", got, want)
	}
}

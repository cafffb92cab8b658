package e2e

import "context"

// hangUpDuring writes to creds/ or refresh/ and hangs up once the provider has received what that made the plugin send.
func (l *lab) hangUpDuring(provider, path string) {
	l.t.Helper()
	before := l.sandbox.last()
	ctx, hangUp := context.WithCancel(context.Background())
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		_, _ = l.v.client().Logical().WriteWithContext(ctx, path, nil) // its caller does not stay for the answer
	}()
	l.sandbox.await("what "+path+" sends", before, func(r request) bool { return r.Provider == provider })
	hangUp()
	<-gone
}

// wantKept asserts that a role's grant was not lost and is not damaged: one more refresh succeeds, its token is
// live, and no spent refresh token was ever presented. That also means that no two refreshes of the role were ever
// made at once: the second would have presented what the first had spent.
func (l *lab) wantKept(provider, role string) {
	l.t.Helper()
	l.run("vault write -force oauth/refresh/" + role)
	l.sandbox.wantLive(provider, l.read("oauth/creds/"+role).token())
	if got := l.sandbox.stats(provider); got.Replays != 0 || got.Refusals != 0 {
		l.t.Errorf("the provider saw %+v, want no replay and nothing to refuse", got)
	}
}

package chaos

import (
	"strings"
	"sync"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/mount"
)

// consentLane is a mount with people who agree to grants.
type consentLane struct {
	*lane
	mu     sync.Mutex
	people map[string]*person // by the role that each begins for
	made   int
}

// watch sees every operation of storage.
func (l *consentLane) watch(key string, writes bool, apply func() error) error {
	p := l.whose(key)
	if p == nil {
		return apply()
	}
	stop := p.step(writes)
	if stop && !p.applied {
		p.hold()
	}
	err := apply()
	if stop && p.applied {
		p.hold()
	}
	return err
}

// whose is the person that an entry is about, nil for one of the mount.
func (l *consentLane) whose(key string) *person {
	kind, name, _ := strings.Cut(key, "/")
	first, _, _ := strings.Cut(name, "/") // a role, or the consents of a grant
	l.mu.Lock()
	defer l.mu.Unlock()
	if kind != "consent" {
		return l.people[first]
	}
	for _, p := range l.people {
		if mount.Digest("consents of", p.key()) == first {
			return p
		}
	}
	return nil
}

// answer is the provider's token endpoint, for all.
func (l *consentLane) answer(r *clienttest.Request) clienttest.Answer {
	l.serving.RLock()
	defer l.serving.RUnlock()
	l.mu.Lock()
	p := l.people[r.Form.Get("client_id")]
	l.mu.Unlock()
	if p == nil {
		return clienttest.JSON(401, `{"error":"invalid_client"}`)
	}
	if answer, is := p.answerOther(r); is {
		return answer
	}
	if r.Form.Get("grant_type") == "refresh_token" {
		return p.grantOf(r.Form.Get("refresh_token")).Answer(r)
	}
	answer := p.exchange(r.Form)
	p.mu.Lock()
	stop := p.stopped && !p.fired && p.phase == atProvider
	p.mu.Unlock()
	if stop {
		p.hold()
		return clienttest.Answer{Drop: true}
	}
	return answer
}

package grant

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/sdk/logical"
)

// Kind is a kind of event: a turn in the life of a grant that somebody may want to be woken for. Each is told once, when it
// comes to be so, with one line in the log and one event of Vault's.
type Kind int

// The kinds of events.
const (
	Died             Kind = iota // only a new refresh token helps
	Revived                      // what was dead is no longer
	Blocked                      // something is in the way of its refreshes that somebody must write
	Unblocked                    // and is no longer
	Unpersisted                  // its last answer is in memory only
	Persisted                    // and now in storage
	CredentialTaken              // the next credentials have become those in use
	ConsentBegun                 // somebody is to agree to a new grant
	ConsentConfirmed             // and has, and it is the role's
	kindsEnd
)

// kinds say how each is told: its type, the words of its line in the log, at which level, and the keys that come with it
// besides those of every event. What has no value is left out.
var kinds = [kindsEnd]struct {
	name, words string
	level       hclog.Level
	keys        []string
}{
	Died:             {"grant-died", "a grant is dead", hclog.Warn, []string{"state", "reason", "code", "status", "request_id", "answer_lost"}},
	Revived:          {"grant-revived", "a grant counts as dead no longer", hclog.Info, []string{"state", "by"}},
	Blocked:          {"grant-blocked", "a grant can't be refreshed before somebody writes something", hclog.Warn, []string{"state", "reason"}},
	Unblocked:        {"grant-unblocked", "nothing is in the way of a grant's refreshes any more", hclog.Info, nil},
	Unpersisted:      {"answer-unpersisted", "a refresh could not be stored; its answer is kept in memory and stored as soon as possible", hclog.Error, []string{"state", "generation"}},
	Persisted:        {"answer-persisted", "the answer kept in memory is stored", hclog.Info, []string{"generation"}},
	CredentialTaken:  {"credential-taken", "the next credentials of a role work and are those in use now", hclog.Info, []string{"which"}},
	ConsentBegun:     {"consent-begun", "a consent to a new grant was begun; it waits for somebody to agree", hclog.Info, []string{"flow", "expires_at"}},
	ConsentConfirmed: {"consent-confirmed", "a person has agreed to a new grant of a role, and it was confirmed", hclog.Info, nil},
}

// Kinds are all kinds of events.
func Kinds() []Kind {
	all := make([]Kind, kindsEnd)
	for i := range all {
		all[i] = Kind(i)
	}
	return all
}

// Type is the kind's name among the events of Vault, as in oauthrefresh/grant-died.
func (kind Kind) Type() string { return "oauthrefresh/" + kinds[kind].name }

// Words are those that the log's line begins with.
func (kind Kind) Words() string { return kinds[kind].words }

// Keys are what is told with events of the kind, besides what is told with all: see Event.
func (kind Kind) Keys() []string { return kinds[kind].keys }

// Event is one turn of one grant. It holds no secret, no account, and of an owner what the logs name already.
type Event struct {
	Kind     Kind
	Grant    Key
	Provider string            // the name of it
	Facts    map[string]string // by the kind's keys; what is missing or "" is not told
	Cause    error             // for the log only, since others have written it; nil for none
}

// pairs are the names and values of an event, those of the kind in its order.
func (e Event) pairs() (pairs []string) {
	add := func(name, value string) {
		if value != "" {
			pairs = append(pairs, name, value)
		}
	}
	add("role", e.Grant.Role())
	add("owner", e.Grant.Owner())
	add("provider", e.Provider)
	for _, name := range e.Kind.Keys() {
		add(name, e.Facts[name])
	}
	return pairs
}

// Tell logs an event, and sends it to whoever subscribes to Vault's events. It waits for nobody, and what can't be sent is
// in the log all the same.
func (k *Keeper) Tell(e Event) {
	pairs, line := e.pairs(), []any{"event", e.Kind.Type()}
	for _, text := range pairs {
		line = append(line, text)
	}
	if e.Cause != nil {
		line = append(line, "error", e.Cause)
	}
	k.Logger().Log(kinds[e.Kind].level, e.Kind.Words(), line...)
	// Where it can be read, and who may read that may subscribe to it: Vault puts the mount before both paths.
	at := "status/" + string(e.Grant)
	pairs = append(pairs, logical.EventMetadataPath, at, logical.EventMetadataDataPath, at,
		logical.EventMetadataOperation, kinds[e.Kind].name, logical.EventMetadataModified, "true")
	if k.outbox.put(letter{e.Kind.Type(), pairs}) {
		go k.sendAll()
	}
}

const (
	// maxLetters bounds what waits to be sent: more than that comes of one cause, and that was told.
	maxLetters = 256
	// sendTimeout bounds one event. Vault takes one in a millisecond, whether or not somebody subscribes.
	sendTimeout = 5 * time.Second
)

// letter is an event on its way to Vault.
type letter struct {
	kind  string
	pairs []string
}

// outbox are the events that wait to be sent, one after the other. The zero value is ready.
type outbox struct {
	mu      sync.Mutex
	waiting []letter
	sending bool
}

// put adds one, unless too many wait. It tells whether nobody sends them: then the caller must begin to.
func (o *outbox) put(l letter) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.waiting) >= maxLetters {
		return false
	}
	o.waiting = append(o.waiting, l)
	begin := !o.sending
	o.sending = true
	return begin
}

// next takes the first of them; not ok when there are none, and whoever asks is to end.
func (o *outbox) next() (l letter, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.waiting) == 0 {
		o.waiting, o.sending = nil, false
		return letter{}, false
	}
	l, o.waiting = o.waiting[0], o.waiting[1:]
	return l, true
}

// sendAll sends what waits. It is none of the mount's tasks: a mount that ends waits for those, and counts what is left of
// them as refreshes that are lost. Where the platform has no events (OpenBao, or a Vault without them) sending fails at once.
func (k *Keeper) sendAll() {
	for l, ok := k.outbox.next(); ok; l, ok = k.outbox.next() {
		k.Contained(func() {
			ctx, cancel := context.WithTimeout(context.Background(), sendTimeout)
			defer cancel()
			if err := logical.SendEvent(ctx, k.Host, l.kind, l.pairs...); err != nil {
				k.Logger().Debug("an event was not sent", "event", l.kind, "error", err)
			}
		})
	}
}

// turned tells when a grant has died, or is dead no longer.
func (k *Keeper) turned(before, after *Grant, by string) {
	switch {
	case after.Dead() && !before.Dead():
		k.Tell(after.died())
	case before.Dead() && !after.Dead():
		k.Tell(after.revived(after.lively(after.State.Intent != nil), by))
	}
}

// died is what is told of a grant that is dead now.
func (g *Grant) died() Event {
	f := g.State.Fault
	facts := map[string]string{"state": StateDead, "reason": "refused", "code": f.Code, "request_id": f.RequestID}
	if f.Revoked {
		facts["reason"] = "revoked"
	}
	if f.Status != 0 {
		facts["status"] = strconv.Itoa(f.Status)
	}
	if f.AnswerLost {
		facts["answer_lost"] = "true"
	}
	return Event{Kind: Died, Grant: g.Key, Provider: g.Role.Provider, Facts: facts}
}

// revived is what is told of a grant that was dead, and how it stands now.
func (g *Grant) revived(state, by string) Event {
	return Event{Kind: Revived, Grant: g.Key, Provider: g.Role.Provider, Facts: map[string]string{"state": state, "by": by}}
}

// How a grant came to be dead no longer.
const (
	byRefresh = "refresh"
	byConsent = "consent"
	byWrite   = "write" // of another refresh token, which nobody has presented yet
)

// generation is that of a state as it is told.
func (st *State) generation() string { return strconv.FormatInt(st.Generation, 10) }

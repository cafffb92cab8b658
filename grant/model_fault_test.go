package grant_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
	"vault-plugin-secrets-oauthrefresh/role"
)

// fault is what becomes of one request at the provider's door. The zero value is none.
type mishap struct {
	Kind       mishapKind
	Processed  bool          // the provider has processed the request all the same
	Status     int           // of an answer
	Page       bool          // a gateway's page, and no JSON
	RetryAfter int           // in seconds
	Lasts      time.Duration // slow
	Cut        int           // how many percent of the body come
	First      bool          // the refresh token comes first in the body
}

type mishapKind int

const (
	mishapNone mishapKind = iota
	mishapDropped
	mishapRefused // Status
	mishapHangs
	mishapSlow
	mishapCut
	mishapPacked // gzip without its header
	mishapBadClient
	mishapBare400
	mishapKilled // the plugin, while it waits
)

func (f mishap) String() string {
	processed := "unprocessed"
	if f.Processed {
		processed = "processed"
	}
	switch f.Kind {
	case mishapDropped:
		return "dropped " + processed
	case mishapRefused:
		text := fmt.Sprintf("%d %s", f.Status, processed)
		if f.Page {
			text += ", a page"
		}
		if f.RetryAfter > 0 {
			text += fmt.Sprintf(", Retry-After %d", f.RetryAfter)
		}
		return text
	case mishapHangs:
		return "hangs " + processed
	case mishapSlow:
		return "takes " + f.Lasts.String()
	case mishapCut:
		return fmt.Sprintf("cut at %d%%, refresh token first: %t", f.Cut, f.First)
	case mishapPacked:
		return "gzip without its header"
	case mishapBadClient:
		return "invalid_client"
	case mishapBare400:
		return "400 without a word"
	case mishapKilled:
		return "plugin killed " + processed
	}
	return "none"
}

// gate holds one request back, so that something can be done meanwhile.
type doorGate struct{ arrived, open chan struct{} }

// answer is the provider's door. It runs outside the bubble.
func (w *world) answer(r *clienttest.Request) clienttest.Answer {
	if code := r.Form.Get("code"); code != "" {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.exchange(code)
	}
	w.mu.Lock()
	g := w.gate
	w.gate = nil
	w.mu.Unlock()
	if g != nil {
		close(g.arrived)
		select {
		case <-g.open:
		case <-time.After(10 * time.Millisecond): // what is done meanwhile waits for this request
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.process.dead.Load() {
		return clienttest.Answer{Drop: true}
	}
	f := mishap{}
	if len(w.faults) > 0 {
		f, w.faults = w.faults[0], w.faults[1:]
	}
	if f.Kind != mishapNone {
		w.trouble()
	}
	w.count()
	if len(w.trace) > 20000 { // whatever asks and asks does so for ever
		panic(fmt.Sprintf("a storm: %+v\n%s\n...\n%s", w.kind, strings.Join(w.trace[:60], "\n"), strings.Join(w.trace[len(w.trace)-40:], "\n")))
	}
	presented := r.Form.Get("refresh_token")
	if f.Kind == mishapSlow {
		w.spend(f.Lasts)
	}
	if f.Kind == mishapBadClient || f.Kind == mishapBare400 || f.Kind != mishapNone && f.Kind != mishapSlow && f.Kind != mishapCut && f.Kind != mishapPacked && !f.Processed {
		w.noteLocked("provider: %s is presented: %s", presented, f)
		w.tried(r, f)
		return w.broken(f)
	}
	ruling, rt, p := w.strict.judge(r, w.now(), w.stepped)
	if ruling == rulingRefreshed {
		rt.edits = w.edits
	}
	w.noteLocked("provider: %s is presented (key %.8s): %s, fault: %s", presented, r.Header.Get(modelKeyHeader), ruling, f)
	if p == nil {
		w.refused(ruling, rt, f.Lasts)
		w.tried(r, f)
		if f.Kind != mishapNone {
			return w.broken(f)
		}
		return ruling.refusal().With("Date", w.date())
	}
	return w.deliver(r, rt, p, f)
}

func (r ruling) String() string {
	return [...]string{"refreshed", "replayed", "not the client", "another request under its key", "too old", "of a grant that has ended",
		"spent, and the grant ended", "unknown"}[r]
}

// deliver sends the pair as far as the fault lets it, and notes what the plugin has got.
func (w *world) deliver(r *clienttest.Request, rt *issuedRefresh, p *issuedPair, f mishap) clienttest.Answer {
	text := w.strict.text(p, f.First)
	a := clienttest.JSON(200, text).With("Date", w.date())
	access, refresh := true, true
	switch f.Kind {
	case mishapNone, mishapSlow:
	case mishapCut:
		a.CutAfter = max(1, len(text)*f.Cut/100)
		sent := text[:min(a.CutAfter, len(text))]
		refresh = strings.Contains(sent, `"`+p.refresh.name+`"`)
		access = false
	case mishapPacked:
		a.Body = pack(text)
	default:
		access, refresh, a = false, false, w.broken(f)
	}
	if w.strict.nested != w.role.nested {
		access = false
	}
	p.access.delivered = p.access.delivered || access
	if !p.rotated {
		refresh = true // it has it already
	}
	if refresh {
		p.refresh.delivered = true
		p.refresh.told = p.refresh.told || w.kind.Stated > 0 && p.rotated && access
		w.loss = nil
	} else if w.loss == nil {
		w.lose(rt)
	}
	if !access {
		w.tried(r, f)
		if f.Kind == mishapNone || f.Kind == mishapSlow {
			w.strict.key(r.Header.Get(modelKeyHeader)).own++
			w.trouble()
		}
	}
	return a
}

// broken is the answer of a provider in trouble. It needs the lock, and spends the time.
func (w *world) broken(f mishap) clienttest.Answer {
	w.loitered = false
	switch f.Kind {
	case mishapRefused:
		a := clienttest.JSON(f.Status, `{"message":"something went wrong"}`)
		if f.Status == 503 || f.Status == 429 {
			a.Body = `{"error":"temporarily_unavailable"}`
		}
		if f.Page {
			a = clienttest.Text(f.Status, "text/html", "<html><body>Bad Gateway</body></html>")
		}
		if f.RetryAfter > 0 {
			a = a.With("Retry-After", strconv.Itoa(f.RetryAfter))
		}
		return a.With("Date", w.date())
	case mishapHangs:
		patience := w.patience()
		w.spend(patience)
		w.loitered = patience > w.kind.Grace
		if w.loss != nil {
			w.loss.waited = w.loss.waited || w.loitered
		}
	case mishapBadClient:
		return clienttest.JSON(401, `{"error":"invalid_client"}`)
	case mishapBare400:
		return clienttest.Answer{Status: 400}
	case mishapKilled:
		w.die()
	}
	return clienttest.Answer{Drop: true}
}

// announced notes what the plugin has stored before it sends something.
func (w *world) announced(s *enginetest.Storage, key string) {
	tok, err := grant.GetState(context.Background(), &s.InmemStorage, w.whose.key())
	if key != w.stateKey() || err != nil || tok == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if i := tok.Intent; i != nil && (w.intent == nil || w.intent.AttemptID != i.AttemptID) {
		w.before, w.announcedAt = w.announcedAt, w.now()
	}
	w.intent = tok.Intent
}

// patience is how long the plugin waits for the answer to what it has just sent. It needs the lock.
func (w *world) patience() time.Duration {
	bound := client.Options{Timeout: 30 * time.Second}
	if w.intent == nil || w.kind.Keys {
		return bound.Timeout
	}
	t := &role.Target{
		Role:     &role.Role{Settings: role.Settings{GrantType: client.GrantRefreshToken}},
		Provider: &client.Provider{RefreshTokenRotation: w.kind.Rotation, ReuseGrace: client.Duration(w.role.grace)},
		Options:  bound,
	}
	return w.intent.Within(t, w.intent.At).Timeout
}

func (w *world) date() string { return w.now().UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT") }

// trouble notes that something is wrong now. It needs the lock.
func (w *world) trouble() { w.troubles = append(w.troubles, timespan{w.now(), w.now()}) }

// count sees to it that nobody asks and asks. It needs the lock.
func (w *world) count() {
	if !w.askedAt.Equal(w.bubble) {
		w.asked, w.askedAt = 0, w.bubble
	}
	if w.asked++; w.asked > 25 {
		w.failLocked("storm", "%d requests at one moment", w.asked)
	}
}

func pack(text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(text))
	_ = z.Close()
	return b.String()
}

// storageFaults are what becomes of the next operations on the role's state. They need the world's lock.
type storageMishaps struct {
	gets       int       // so many fail
	skip, puts int       // after so many Puts, so many fail,
	applied    bool      // which are applied all the same,
	kills      bool      // or kill the plugin
	until      time.Time // all Puts fail, in the bubble's time
	everFailed bool
}

var errModelStorage = errors.New("the storage backend does not answer")

func (w *world) beforeGet(key string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if key != w.stateKey() && key != "role/r" && key != "provider/test" || w.storage.gets == 0 {
		return nil
	}
	w.storage.gets--
	return w.storageFailed("reading " + key)
}

func (w *world) beforePut(key string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if key != w.stateKey() {
		return nil
	}
	if time.Now().Before(w.storage.until) {
		return w.storageFailed("an outage, writing " + key)
	}
	if w.storage.puts > 0 && w.storage.skip == 0 && !w.storage.applied {
		return w.putFails(key)
	}
	return nil
}

func (w *world) afterPut(key string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case key != w.stateKey() || w.storage.puts == 0:
		return nil
	case w.storage.skip > 0:
		w.storage.skip--
		return nil
	}
	return w.putFails(key)
}

func (w *world) putFails(key string) error {
	w.storage.puts--
	if w.storage.kills {
		w.die()
	}
	return w.storageFailed(fmt.Sprintf("writing %s, applied %t, killing the plugin: %t", key, w.storage.applied, w.storage.kills))
}

func (w *world) storageFailed(what string) error {
	w.storage.everFailed = true
	if w.loss != nil {
		w.loss.storage = true
	}
	w.trouble()
	w.noteLocked("storage fails: %s", what)
	return errModelStorage
}

package grant_test

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

// loss is an answer with a new refresh token that the plugin hasn't got, or has lost again.
type lostAnswer struct {
	rt      *issuedRefresh // what was spent for it
	at      time.Time
	tries   int           // requests that brought nothing, the first of them too
	kills   int           // of the plugin since
	down    time.Duration // of the plugin since
	lied    bool          // the provider said that it had processed nothing
	refused bool          // one of the tries, before it was looked at
	waited  bool          // an exchange was given all the time there is
	storage bool          // it has failed since
	prior   bool          // a grace before, the same token was presented without an answer
	edited  bool          // something was written since
	stepped bool          // the clock was, since
}

// lose notes a lost answer. It needs the lock.
func (w *world) lose(rt *issuedRefresh) {
	w.loss = &lostAnswer{rt: rt, at: rt.spent, edited: w.editing || w.edits != rt.edits || w.role.grace != w.kind.Grace}
	w.loss.waited = w.loitered
	w.loss.prior = rt.name == w.unanswered && rt.spent.Sub(w.unansweredAt) < w.kind.Grace
	w.noteLocked("the answer to %s is lost", rt.name)
	if !w.kind.forgives() {
		w.excuse = "an answer was lost, and this provider forgives nothing"
	}
}

// tried notes a request that brought nothing. It needs the lock.
func (w *world) tried(r *clienttest.Request, f mishap) {
	if f.Kind == mishapRefused && !f.Page && f.Status == 500 || f.Kind == mishapCut {
		w.strict.key(r.Header.Get(modelKeyHeader)).own++
	}
	w.unanswered, w.unansweredAt = r.Form.Get("refresh_token"), w.now()
	if rt := w.strict.refresh[w.unanswered]; rt != nil && !rt.vain {
		rt.vain, rt.vainAt = true, w.stepped
	}
	if w.loss == nil {
		return
	}
	w.loss.tries++
	w.loss.lied = w.loss.lied || f.Processed && f.Kind == mishapRefused && f.Status == http.StatusServiceUnavailable && (!f.Page || f.RetryAfter > 0)
	w.loss.refused = w.loss.refused || f.Kind == mishapBare400 || f.Kind == mishapBadClient || f.Kind == mishapRefused && f.Status == http.StatusTooManyRequests
}

// refused judges a request that the provider refuses, after some time. It needs the lock.
func (w *world) refused(ruling ruling, rt *issuedRefresh, takes time.Duration) {
	switch ruling {
	case rulingStranger:
		w.failLocked("spent", "a refresh token is presented that was never issued")
	case rulingTooOld:
		w.ended(rt, w.strict.end(rt))
	case rulingNoClient, rulingWrongKey:
		w.trouble()
		if w.loss != nil {
			w.loss.refused = true
		}
	case rulingReused:
		w.reused(rt, takes)
	}
}

// reused judges the presentation of a spent token that has just ended the grant.
func (w *world) reused(rt *issuedRefresh, takes time.Duration) {
	for _, next := range rt.children {
		if next.delivered {
			w.failLocked("spent", "%s is presented, which is spent, and the plugin has %s", rt.name, next.name)
			return
		}
	}
	// Within the grace of what may have spent it, the first or the last, when it was sent, or when the plugin
	// died that was about to.
	timely := false
	for _, t := range []time.Time{rt.spent, w.unansweredAt, w.before} {
		timely = timely || w.now().Sub(t)-takes < w.kind.Grace && (t != w.unansweredAt || w.unanswered == rt.name)
	}
	lied := w.loss != nil && w.loss.lied
	if at := w.atHand(); at != nil && !lied && !timely && !w.kind.Kills && !w.kind.Keys && !w.forcing() && at.stepped == w.stepped && !at.ageless && !w.nearEnd(rt) {
		if left := at.ends.Sub(w.now()); left > time.Minute+w.kind.Life/20 {
			w.failLocked("early", "%s may be spent and is presented while there is a token that is good for another %s", rt.name, left)
		}
	}
	if w.loss == nil {
		w.lose(rt)
	}
	if w.excuse == "" && w.now().Sub(rt.spent)-takes < w.kind.Grace {
		w.excuse = "the provider took up too late what had come in time"
	}
	if w.excuse == "" {
		w.excuse = w.inevitable(rt)
	}
	if w.excuse == "" {
		w.failLocked("lost", "the grant has ended: %s was presented %s after it was spent", rt.name, w.now().Sub(rt.spent))
	}
}

// inevitable is why a lost answer could not be had in time, "" when it could.
func (w *world) inevitable(rt *issuedRefresh) string {
	l := w.loss
	switch {
	case !w.kind.forgives():
		return "this provider forgives nothing"
	case l.lied:
		return "the provider said that it had processed nothing"
	case l.edited:
		return "something was written while an answer was lost"
	case l.stepped:
		return "the clock was set while an answer was lost"
	case w.kind.Keys && w.strict.key(rt.key).own > 1:
		return "the provider itself gave two useless answers under the key"
	case w.kind.Keys && l.refused:
		return "the provider refused the request under its key"
	case w.kind.Keys && !w.kind.Forgets:
		return ""
	case l.tries > 2:
		return "three tries brought nothing"
	case l.waited && (l.tries > 1 || l.prior): // a provider that is slow and well must be heard, too
		return "the last exchange that a grace allows was given more time than there is"
	case l.storage:
		return "storage failed while an answer was lost"
	case l.down > w.mercy()/2:
		return "the plugin was down"
	}
	return ""
}

// mercy is how long a lost answer can be had.
func (w *world) mercy() time.Duration {
	if w.kind.Keys {
		return modelKeysLive
	}
	return w.kind.Grace
}

// atHand is the access token that the plugin has, nil when it is of other settings than those of now.
func (w *world) atHand() (last *issuedAccess) {
	for _, at := range w.strict.access {
		if at.delivered && at.grant == w.strict.grant && (last == nil || at.serial > last.serial) {
			last = at
		}
	}
	if last == nil || last.scope != w.role.scope || !last.issued.After(w.role.pointedAt) {
		return nil
	}
	return last
}

// nearEnd tells whether half of the refresh token's life is over, or its keepalive due.
func (w *world) nearEnd(rt *issuedRefresh) bool {
	age := w.now().Sub(rt.issued)
	return w.role.idle > 0 && age >= w.role.idle/2*9/10 ||
		w.role.keepalive > 0 && age >= w.role.keepalive*8/10 ||
		rt.told && age >= w.kind.Stated/2*9/10
}

// ended judges a refresh token that nobody used in time. It needs the lock.
func (w *world) ended(rt *issuedRefresh, end time.Time) {
	if w.strict.dead != "" || rt.grant != w.strict.grant {
		return
	}
	w.strict.dead = "the refresh token has ended"
	w.noteLocked("%s has ended at %s", rt.name, end.Sub(w.began))
	whole := end.Sub(rt.used)
	tried := rt.used.Add(whole / 2) // when keeping it alive begins
	if w.kind.Kills || w.unanswered == rt.name {
		tried = rt.used.Add(whole * 9 / 10) // or the refresh would, or might, end the token of readers who may be there
	}
	inTime := w.role.idleAt.IsZero() || end.Sub(w.role.idleAt) > neededTime
	known := w.role.idle > 0 && w.role.idle <= w.kind.Idle && inTime || rt.told || w.role.keepalive > 0
	switch {
	case w.excuse != "":
	case !known:
		w.excuse = "nobody said that the refresh token ends"
	case w.role.keepalive > whole/2:
		w.excuse = "keepalive_period is too long"
	case rt.stepped != w.stepped:
		w.excuse = "the clock was set"
	case w.unanswered == rt.name && w.unansweredAt.After(end.Add(-whole/4)):
		w.excuse = "what was tried before its end brought nothing"
	case w.clean(tried, end) < neededTime:
		w.excuse = "there was always something wrong"
	case w.loss != nil:
		w.excuse = w.inevitable(w.loss.rt)
	}
	if w.excuse == "" {
		w.failLocked("lost", "the refresh token %s was left to die: unused for %s", rt.name, whole)
	}
}

// needed is how long nothing may be wrong for the plugin to be without excuse: the longest back-off, and some.
const neededTime = grant.MaxRefusalDelay*6/5 + 2*time.Minute

// clean is the longest time in which nothing was wrong. It needs the lock.
func (w *world) clean(from, to time.Time) (longest time.Duration) {
	for _, t := range w.troubles { // they are in order of their beginnings
		if t.to.Before(from) || t.from.After(to) {
			continue
		}
		longest = max(longest, t.from.Sub(from))
		from = grant.Later(from, t.to)
	}
	return max(longest, to.Sub(from))
}

// served judges an answer of creds/r to a reader who came when so many tokens had been issued. What was issued
// later may have been asked for by another reader since this one had its answer.
func (w *world) served(resp *logical.Response, serial int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	name, _ := resp.Data["access_token"].(string)
	at, lease := w.strict.access[name], resp.Secret.TTL
	switch {
	case at == nil:
		w.failLocked("foreign", "what is served is no access token: %q", name)
		return
	case at.grant != w.strict.grant:
		w.failLocked("foreign", "%s is served, of a grant that was replaced", name)
	case at.scope != w.role.scope:
		w.failLocked("foreign", "%s is served, got for the scope %s, and the role's is %s", name, at.scope, w.role.scope)
	case at.killedBy != nil && at.killedBy.delivered && at.killedBy.serial <= serial && w.strict.dead == "":
		w.failLocked("beyond", "%s is served, which a refresh has ended", name)
	case lease > w.kind.Life:
		w.failLocked("beyond", "a lease of %s on a token that lives for %s", lease, w.kind.Life)
	case w.role.ttl > 0 && lease > w.role.ttl:
		w.failLocked("beyond", "a lease of %s, and ttl is %s", lease, w.role.ttl)
	}
	beyond, unknown := w.now().Add(lease).Sub(at.ends), time.Duration(0)
	if w.ungraced && w.kind.Repeats { // nobody has said that an answer may be an old one
		unknown = w.kind.Grace
	}
	if beyond > time.Second+unknown+w.stepped-at.stepped {
		w.failLocked("beyond", "the lease of %s outlives its token by %s", name, beyond)
	}
	w.noteLocked("served: %s for %s", name, lease)
}

// check holds what must be so whenever nothing is under way.
func (w *world) check() {
	w.see()
	w.mu.Lock()
	var rt *issuedRefresh
	for _, t := range w.strict.refresh {
		if t.grant == w.strict.grant && t.spent.IsZero() && t.delivered && (rt == nil || t.used.After(rt.used)) {
			rt = t
		}
	}
	if rt != nil {
		if end := w.strict.end(rt); !end.IsZero() && !w.now().Before(end) {
			w.ended(rt, end)
		}
	}
	troubled := w.storage.everFailed
	w.mu.Unlock()
	if !troubled {
		w.checkQueue()
	}
	if log := w.process.Log.String(); strings.Contains(log, enginetest.Canary) {
		w.fail("log", "the log holds a secret")
	}
}

// checkQueue sees to it that background work knows the role, where it has something to do.
func (w *world) checkQueue() {
	w.mu.Lock()
	known := w.role.keepalive > 0 || w.role.idle > 0
	w.mu.Unlock()
	queued := func() bool { return w.process.Schedule.Index.Has(w.whose.key()) }
	if !known || w.process.dead.Load() || w.process.Grants.Held.Get(w.whose.key()) != nil || queued() {
		return
	}
	if w.pauseShortly(); queued() { // a survey looks at the roles at its leisure
		return
	}
	if status := w.status(); status != nil && status["reauthorization_required"] == false {
		w.fail("queue", "background work has forgotten the role: %v", w.summary(status))
	}
}

func (w *world) status() map[string]any {
	resp, err := w.process.Try(w.t.Context(), logical.ReadOperation, w.path("status"), nil)
	if err != nil || resp == nil {
		return nil
	}
	return resp.Data
}

func (w *world) summary(status map[string]any) string {
	return fmt.Sprintf("state %v, generation %v, next step: %v", status["state"], status["generation"], status["next_step"])
}

// finish ends all trouble, lets some time pass with a few readers, and asks for another token: the grant
// must live, unless there was an excuse.
func (w *world) finish() {
	w.note("all trouble ends")
	w.clearStorageFaults()
	w.set(func() { w.faults = nil })
	w.stepClock(modelStep{Op: opRightsClock})
	w.set(func() { w.role.setIdle(w.kind.Idle, w.now()); w.role.grace = w.kind.Grace })
	w.define()
	w.edit(logical.PatchOperation, "roles/r", enginetest.Fields{"max_refreshes_per_day": 0})
	for range 4 {
		w.pause(neededTime)
		w.read(1)
		w.check()
	}
	w.force()
	ok := w.read(1)
	w.settle()
	w.check()
	w.mu.Lock()
	excuse, dead := w.excuse, w.strict.dead
	w.mu.Unlock()
	if excuse == "" && (!ok || dead != "") {
		w.fail("lost", "no token after all trouble has ended: %s; at the provider the grant is dead: %q", w.summary(w.status()), dead)
	}
	w.checkQueue()
}

package grant_test

import (
	"context"
	"fmt"
	"sync"
	"testing/synctest"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/internal/clock"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

// op is what happens in a step.
type modelOp int

const (
	opReads modelOp = iota
	opPauses
	opForces
	opDoor // the next requests at the provider meet Fault
	opKills
	opRestarts
	opStorageFails
	opStepsClock
	opRightsClock
	opEdits
	opRenews // the role is deleted and written again with a new grant, or gets a new refresh token
	opLooks  // status and explain
)

// step is one of a sequence. What does not apply does nothing.
type modelStep struct {
	Op     modelOp
	D      time.Duration
	N      int
	Fault  mishap
	Edit   modelEdit
	During bool // while a refresh is under way
	After  bool
}

// edit is what an operator, or the provider, changes.
type modelEdit int

const (
	scopeEdit modelEdit = iota
	keepaliveEdit
	ttlEdit
	graceEdit    // of the definition: to 0, and back
	idleEdit     // the same of refresh_token_idle_ttl
	nestingEdit  // the provider wraps its answers, or stops doing so
	pointersEdit // as the provider's answers are
	secretEdit
	budgetEdit
	editsInAll
)

func (s modelStep) String() string {
	during := ""
	if s.During {
		during = ", while a refresh is under way"
	}
	switch s.Op {
	case opReads:
		return fmt.Sprintf("%d readers", s.N)
	case opPauses:
		return "pause " + s.D.String()
	case opForces:
		return "refresh/r"
	case opDoor:
		return fmt.Sprintf("the next %d requests: %s", s.N, s.Fault)
	case opKills:
		return fmt.Sprintf("kill, down for %s", s.D)
	case opRestarts:
		return "restart"
	case opStorageFails:
		return fmt.Sprintf("storage fault %d after %d, applied %t, for %s", s.N%5, s.N/5, s.After, s.D)
	case opStepsClock:
		return fmt.Sprintf("clock %s", s.D)
	case opRightsClock:
		return "clock put right"
	case opEdits:
		return [...]string{"edit the scope", "edit keepalive_period", "edit ttl", "edit reuse_grace", "edit refresh_token_idle_ttl",
			"the provider wraps its answers, or no longer", "write the pointers", "replace the client secret", "edit max_refreshes_per_day"}[s.Edit] + fmt.Sprintf(" %d", s.N) + during
	case opRenews:
		return fmt.Sprintf("a new grant %d", s.N) + during
	}
	return "status and explain"
}

// take takes one step.
func (w *world) take(s modelStep) {
	switch s.Op {
	case opReads:
		w.read(s.N)
	case opPauses:
		d := s.D
		if w.role.keepalive > 0 { // else most of the test's time goes into keeping one grant alive
			d = min(d, 20*w.role.keepalive)
		}
		w.pause(d)
	case opForces:
		w.force()
	case opDoor:
		w.mu.Lock()
		for range s.N {
			w.faults = append(w.faults, s.Fault)
		}
		w.down = s.D
		w.mu.Unlock()
	case opKills:
		w.restart(s.D)
	case opRestarts:
		w.process.Cleanup(context.Background())
		w.restart(0)
	case opStorageFails:
		w.failStorage(s)
	case opStepsClock, opRightsClock:
		w.stepClock(s)
	case opEdits, opRenews:
		w.change(s)
	case opLooks:
		for _, path := range []string{w.path("status"), w.path("explain"), "status"} {
			_, _ = w.process.Try(w.t.Context(), logical.ReadOperation, path, nil)
		}
	}
	w.settle()
}

// settle waits until nothing is under way, and starts the plugin again if it has died.
func (w *world) settle() {
	synctest.Wait()
	w.see()
	if w.process.dead.Load() {
		w.note("the plugin was killed")
		w.restart(w.down)
	}
}

// read is so many readers at once.
func (w *world) read(n int) (ok bool) {
	var readers sync.WaitGroup
	p := w.process
	w.mu.Lock()
	serial := w.strict.issued
	w.mu.Unlock()
	for range n {
		readers.Go(func() {
			resp, err := p.Try(w.t.Context(), logical.ReadOperation, w.path("creds"), nil)
			switch {
			case p.dead.Load():
			case err == nil && !resp.IsError():
				ok = true
				w.see()
				w.served(resp, serial)
			case err != nil:
				w.note("a reader hears: %.160s", err)
			default:
				w.note("a reader hears: %.160s", resp.Error())
			}
		})
	}
	readers.Wait()
	return ok
}

func (w *world) force() {
	w.setForced(true)
	defer w.setForced(false)
	resp, err := w.process.Try(w.t.Context(), logical.UpdateOperation, w.path("refresh"), nil)
	if err != nil || resp.IsError() {
		w.note("refresh/r says: %v %.160v", err, resp)
	}
}

func (w *world) setForced(forced bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.forced, w.forcedAt = forced, w.now()
}

// forcing tells whether an operator forces a refresh, or did so a moment ago: what a kill of the plugin interrupts is
// made up for within the grace. It needs the lock.
func (w *world) forcing() bool { return w.forced || w.now().Sub(w.forcedAt) < w.kind.Grace }

// pause lets time pass, in which Vault calls the plugin now and then.
func (w *world) pause(d time.Duration) {
	for until := time.Now().Add(d); time.Now().Before(until) && !w.failed(); w.settle() {
		time.Sleep(min(time.Until(until), max(d/8, 10*time.Second)))
		w.see()
		_, _ = w.process.Try(w.t.Context(), logical.RollbackOperation, "", nil)
	}
}

func (w *world) pauseShortly() {
	time.Sleep(100 * time.Millisecond)
	synctest.Wait()
	w.see()
}

// failStorage arms what N says.
func (w *world) failStorage(s modelStep) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f := &w.storage
	f.skip, f.puts, f.applied, f.kills = s.N/5, 1, s.After, false
	switch s.N % 5 {
	case 0: // one Put
	case 1:
		f.puts = 3
		f.applied = false
	case 2:
		f.kills, w.down = true, s.D
	case 3:
		f.puts, f.gets = 0, 1+s.N/5
	case 4:
		f.puts, f.until = 0, time.Now().Add(s.D)
		w.troubles = append(w.troubles, timespan{w.now(), w.now().Add(s.D)})
		f.everFailed = true
	}
}

func (w *world) clearStorageFaults() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.storage = storageMishaps{everFailed: w.storage.everFailed}
}

func (w *world) stepClock(s modelStep) {
	w.mu.Lock()
	d := s.D
	if s.Op == opRightsClock {
		d = -w.wrong
	}
	clock.Step(d)
	w.wrong += d
	w.stepped += d.Abs()
	w.trouble()
	if w.loss != nil {
		w.loss.stepped = w.loss.stepped || d != 0
	}
	w.mu.Unlock()
	w.pause(2 * time.Minute) // nobody sleeps longer without a look at the clock
}

// change makes an edit, perhaps while a refresh is under way.
func (w *world) change(s modelStep) {
	if !s.During {
		w.apply(s)
		return
	}
	w.mu.Lock()
	g := w.gates[0]
	w.gates, w.gate, w.editing = w.gates[1:], g, true
	w.mu.Unlock()
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.force()
	}()
	w.arrives(g, done)
	w.apply(s)
	close(g.open)
	<-done
	w.edited()
	w.mu.Lock()
	w.gate, w.editing = nil, false
	w.mu.Unlock()
}

func (w *world) apply(s modelStep) {
	w.edited()
	r, role := &w.role, enginetest.Fields{}
	switch {
	case s.Op == opRenews && s.N%2 == 0:
		w.edit(logical.DeleteOperation, "roles/r", nil)
		w.writeRole()
		return
	case s.Op == opRenews && w.whose != theRole:
		w.agree()
		return
	case s.Op == opRenews:
		w.mu.Lock()
		w.loss, w.excuse = nil, ""
		role["refresh_token"] = w.strict.authorize(w.now(), w.stepped)
		w.mu.Unlock()
	case s.Edit == scopeEdit:
		role["scope"] = fmt.Sprintf("s%d", s.N%3)
	case s.Edit == keepaliveEdit:
		d := []time.Duration{0, 10 * time.Minute, 2 * time.Hour, 24 * time.Hour}[s.N%4]
		if w.kind.Idle > 0 {
			d = min(d, w.kind.Idle/3)
		}
		role["keepalive_period"] = int(d.Seconds())
		defer w.set(func() { r.keepalive = d })
	case s.Edit == ttlEdit:
		d := []time.Duration{0, 30 * time.Second, 10 * time.Minute}[s.N%3]
		role["ttl"] = int(d.Seconds())
		defer w.set(func() { r.ttl = d })
	case s.Edit == graceEdit && w.kind.Grace > 0:
		d := []time.Duration{w.kind.Grace, 0}[s.N%2]
		w.set(func() { r.grace, w.ungraced = d, w.ungraced || d < w.kind.Grace })
		w.define()
	case s.Edit == idleEdit && w.kind.Idle > 0:
		d := []time.Duration{w.kind.Idle, 0}[s.N%2]
		w.set(func() { r.setIdle(d, w.now()) })
		w.define()
	case s.Edit == nestingEdit:
		w.set(func() { w.strict.nested = s.N%2 == 1 })
		return
	case s.Edit == pointersEdit:
		w.define()
		return
	case s.Edit == secretEdit:
		secret := fmt.Sprintf("%ssecret%d", enginetest.Canary, s.N)
		role["client_secret"] = secret
		w.set(func() { w.strict.secret = secret })
	case s.Edit == budgetEdit:
		role["max_refreshes_per_day"] = []int{1, 0, 1, 3}[s.N%4]
	}
	if len(role) > 0 {
		w.edit(logical.PatchOperation, "roles/r", role)
		if scope, ok := role["scope"]; ok {
			w.set(func() { r.scope = scope.(string) })
		}
	}
}

// edited notes that something is written, which may make the next request another one.
func (w *world) edited() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.trouble()
	w.edits++
	if w.loss != nil {
		w.loss.edited = true
	}
}

// define writes the definition as it is to be, with pointers that fit the provider's answers.
func (w *world) define() {
	f := w.kind.definition(w.server.URL())
	w.mu.Lock()
	prefix := ""
	if w.strict.nested {
		prefix = "/data"
	}
	f["reuse_grace"], f["refresh_token_idle_ttl"] = int(w.role.grace.Seconds()), int(w.role.idle.Seconds())
	w.mu.Unlock()
	for _, name := range []string{"access_token", "refresh_token", "expires_in", "refresh_token_expires_in"} {
		f[name+"_pointer"] = prefix + "/" + name
	}
	w.edit(logical.UpdateOperation, "providers/test", f)
	if w.role.nested != (prefix != "") {
		w.edit(logical.PatchOperation, "roles/r", enginetest.Fields{"scope": w.role.scope}) // which takes the new pointers to be right
		w.set(func() { w.role.nested, w.role.pointedAt = prefix != "", w.now() })
	}
}

func (w *world) set(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
}

// edit is a write of an operator, who makes it again when it fails.
func (w *world) edit(operation logical.Operation, path string, f enginetest.Fields) {
	for i := range 10 { // the plugin may die of what was prepared for it
		resp, err := w.process.Try(w.t.Context(), operation, path, f)
		w.edited()
		if err == nil && !resp.IsError() {
			return
		}
		w.note("%s %s says: %v %v", operation, path, err, resp)
		if i == 5 {
			w.set(func() { w.faults = nil })
		}
		w.clearStorageFaults()
		w.settle()
	}
	w.fail("harness", "%s %s fails", operation, path)
}

// arrives waits until a request is at the gate, or none will come.
func (w *world) arrives(g *doorGate, done chan struct{}) {
	select {
	case <-g.arrived:
	case <-done:
	}
}

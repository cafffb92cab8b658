package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptrace"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestARowEach(t *testing.T) {
	f := newFake(t)
	f.roles["b"] = map[string]any{"provider": "salesforce", "client_id": "b-client", "refresh_token": "canary-live"}
	f.after = func(w http.ResponseWriter, _ *http.Request, name string) bool {
		switch name {
		case "c":
			delete(f.roles, name)
			reply(w, 400, map[string]any{"errors": []string{"there is no provider of this name:\nlist them at providers"}})
		case "d":
			delete(f.roles, name)
			reply(w, 400, map[string]any{"errors": []string{"refresh_token canary-grant-d is no good"}})
		case "e":
			reply(w, 200, map[string]any{"warnings": []string{"no grant yet: authorize/e brings one"}})
		}
		return name != "a"
	}
	in, out := f.file("in", grants("a", "b", "c", "d", "e")), filepath.Join(f.dir, "out.json")
	f.want(exitPartly, []string{
		"line 2 a: written\n", "line 3 b: skipped: there was a role with this name before", "line 4 c: refused: there is no provider of this name: list them at providers\n",
		"line 5 d: refused: Vault's answer repeats a value of this row", "line 6 e: written\n    no grant yet", "5 rows: 2 written 1 skipped 2 refused\n", "in.journal: the same command again",
	}, "-report", out, in)
	if f.roles["b"]["refresh_token"] != "canary-live" {
		t.Error("a role that was there has another grant")
	}
	f.wantNoSecrets("out.json", "in.journal")
	var got report
	text, _ := os.ReadFile(out)
	if err := json.Unmarshal(text, &got); err != nil || got.Mount != "oauth/" || got.Counts[refused] != 2 || got.Rows[1].Outcome != skipped || got.Rows[4].Warnings == nil {
		t.Errorf("%v %+v", err, got)
	}

	f.posts, f.after = nil, nil // what was refused is tried again, and only that
	f.want(exitPartly, []string{"a: written before\n", "b: skipped", "c: written\n", "d: written\n", "e: written before\n"}, in)
	f.wantPosts("c", "d")
}

// A report that can't be stored is found before anything is begun, and one that can is as it was until the end.
func TestAReportThatCannotBeStored(t *testing.T) {
	f := newFake(t)
	in := f.file("in", grants("a"))
	for _, name := range []string{f.dir, filepath.Join(f.dir, "none", "r"), filepath.Join(in, "r")} {
		f.want(exitRefused, []string{"the report: "}, "-report", name, in)
	}
	earlier := f.file("earlier", "of before")
	for _, name := range []string{earlier, filepath.Join(f.dir, "r")} {
		f.want(exitRefused, []string{"verify refreshes at once"}, "-report", name, "-set", "verify=true", in)
	}
	f.wantPosts()
	f.wantFiles("earlier", "in")
	if text, err := os.ReadFile(earlier); err != nil || string(text) != "of before" {
		t.Errorf("the earlier report is %q: %v", text, err)
	}
}

// A journal is named only where there is one.
func TestNothingWasBegun(t *testing.T) {
	f := newFake(t)
	f.roles["a"] = rotated("a")
	if code, said := f.do(t.Context(), "", f.file("in", grants("a"))); code != exitPartly || strings.Contains(said, "in.journal") {
		t.Errorf("%d: %s", code, said)
	}
	f.wantFiles("in")
}

func TestDryRunWritesNothing(t *testing.T) {
	f := newFake(t)
	f.roles["b"] = grantOf("b")
	f.want(exitPartly, []string{"a: to be written", "b: skipped"}, "-dry-run", f.file("in", grants("a", "b")))
	f.wantPosts()
	f.wantFiles("in")
}

// An answer that was lost behind a write: the role is there, and is not written a second time.
func TestALostAnswerIsNoSecondWrite(t *testing.T) {
	f := newFake(t)
	f.after = func(w http.ResponseWriter, _ *http.Request, name string) bool {
		f.roles[name] = rotated(name)
		return cut(w)
	}
	f.want(exitDone, []string{"a: written\n"}, f.file("in", grants("a")))
	f.wantPosts("a")
	if f.roles["a"]["refresh_token"] != "canary-replaced" {
		t.Error("the spent refresh token was written over the live one")
	}
}

// Vault goes away behind a write, for good: the import stops. When it is started again it sees that the write had taken
// place, though the journal does not know.
func TestAnswerLostForGood(t *testing.T) {
	f := newFake(t)
	gone := false
	f.first = func(w http.ResponseWriter, _ *http.Request, _ string) bool { return gone && cut(w) }
	f.after = func(w http.ResponseWriter, _ *http.Request, name string) bool {
		if gone = name == "b"; gone {
			return cut(w)
		}
		return false
	}
	in := f.file("in", grants("a", "b", "c"))
	f.want(exitPartly, []string{"stopped: the Vault does not answer", "a: written\n", "b: not reached", "c: not reached"}, in)
	if len(f.pauses) < tries || f.pauses[len(f.pauses)-1] <= f.pauses[0] {
		t.Errorf("it has waited %v", f.pauses)
	}
	f.first, f.after = nil, nil
	f.roles["b"] = rotated("b")
	f.want(exitDone, []string{"a: written before", "b: written before: its write was interrupted", "c: written\n"}, in)
	f.want(exitDone, []string{"b: written before\n"}, in)
	f.wantPosts("a", "b", "c")
}

// The same journal, but what is there under the name is not this row's grant, or is gone: nothing is written on doubt.
func TestNothingIsWrittenOnDoubt(t *testing.T) {
	f := newFake(t)
	in := f.file("in", grants("a", "b", "c"))
	other := map[string]any{"provider": "salesforce", "client_id": "somebody else's", "refresh_token": "canary-other", "client_secret": "canary-s"}
	f.roles["a"] = other
	f.file("in.journal", "{\"mount\":\"oauth_1\"}\n{\"writing\":\"a\"}\n{\"writing\":\"b\"}\n{\"written\":\"b\"}\n")
	f.want(exitPartly, []string{"a: skipped: there is a role with this name that is not as this row has it", "b: skipped: this import has written it, and it is gone since", "c: written\n"}, in)
	f.wantPosts("c")
	if !reflect.DeepEqual(f.roles["a"], other) {
		t.Error("the other grant is gone")
	}
}

// Somebody writes the role between the look at all of them and this one's turn.
func TestARoleThatAppearsMeanwhile(t *testing.T) {
	f := newFake(t)
	f.after = func(_ http.ResponseWriter, _ *http.Request, _ string) bool {
		f.roles["b"] = rotated("b")
		return false
	}
	f.want(exitPartly, []string{"a: written", "b: skipped"}, f.file("in", grants("a", "b")))
	f.wantPosts("a")
}

// refuse answers a write of Vault's, and takes nothing.
func refuse(w http.ResponseWriter, r *http.Request) bool {
	if r.Method != http.MethodPost {
		return false
	}
	reply(w, 400, map[string]any{"errors": []string{"there is no provider of this name"}})
	return true
}

// Vault refuses a row, and somebody writes the role by hand: it is not taken for this row's, even if it looks like it.
func TestARefusalTakesTheIntentBack(t *testing.T) {
	for _, busy := range []int{0, 412, 429} { // before the refusal; nothing comes of these
		f := newFake(t)
		in := f.file("in", grants("a"))
		asked := 0
		f.first = func(w http.ResponseWriter, r *http.Request, _ string) bool {
			if r.Method == http.MethodPost {
				asked++
			}
			if r.Method == http.MethodPost && asked == 1 && busy != 0 {
				reply(w, busy, nil)
				return true
			}
			return refuse(w, r)
		}
		f.want(exitPartly, []string{"a: refused: there is no provider"}, in)
		f.want(exitPartly, []string{"a: refused: there is no provider"}, in)
		f.first = nil
		f.roles["a"] = grantOf("a")
		f.want(exitPartly, []string{"a: skipped: there was a role with this name before"}, in)
		delete(f.roles, "a")
		f.want(exitDone, []string{"a: written\n"}, in)
		f.want(exitDone, []string{"a: written before\n"}, in)
		f.wantPosts("a")
	}
}

// The outcome of one try is unknown and the next is refused: the first may be carried out later, so the intent stays, also
// for the refusals of later runs.
func TestARefusalBehindALostAnswer(t *testing.T) {
	for _, status := range []int{0, 500, 502, 504} {
		f := newFake(t)
		in := f.file("in", grants("a"))
		lost := false
		f.first = func(w http.ResponseWriter, r *http.Request, _ string) bool {
			switch {
			case r.Method != http.MethodPost || lost:
				return refuse(w, r)
			case status != 0:
				reply(w, status, nil)
			default:
				cut(w)
			}
			lost = true
			return true
		}
		f.want(exitPartly, []string{"a: refused: there is no provider"}, in)
		f.want(exitPartly, []string{"a: refused: there is no provider"}, in)
		f.first = nil
		f.roles["a"] = rotated("a")
		f.want(exitDone, []string{"a: written before: its write was interrupted"}, in)
		f.wantPosts()
	}
}

// Ctrl-C in the middle of a write: it is finished and counted, nothing else is begun, and the next run goes on.
func TestInterrupted(t *testing.T) {
	f := newFake(t)
	ctx, interrupt := context.WithCancel(t.Context())
	var next atomic.Bool // the next request is the write of b: it is looked for just before
	f.first = func(_ http.ResponseWriter, _ *http.Request, name string) bool {
		next.Store(name == "b" && len(f.posts) == 1)
		return false
	}
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) {
		if next.Load() {
			interrupt()
		}
	}})
	in := f.file("in", grants("a", "b", "c", "d"))
	code, said := f.do(ctx, "", in)
	if code != exitPartly || !strings.Contains(said, "interrupted: what was under way is finished") || !strings.Contains(said, "4 rows: 2 written 2 not reached") {
		t.Fatalf("%d: %s", code, said)
	}
	f.wantPosts("a", "b")
	f.want(exitDone, []string{"4 rows: 2 written 2 written before"}, in)
	f.wantPosts("a", "b", "c", "d")
}

// Ctrl-C while Vault is away ends the waiting.
func TestInterruptedWhileWaiting(t *testing.T) {
	f := newFake(t)
	ctx, interrupt := context.WithCancel(t.Context())
	f.onPause = interrupt
	f.first = func(w http.ResponseWriter, _ *http.Request, name string) bool {
		if name == "b" {
			reply(w, 503, map[string]any{"errors": []string{"Vault is sealed"}})
		}
		return name == "b"
	}
	if code, said := f.do(ctx, "", f.file("in", grants("a", "b"))); code != exitPartly || !strings.Contains(said, "interrupted") || len(f.pauses) != 1 {
		t.Errorf("%d after %d pauses: %s", code, len(f.pauses), said)
	}
}

// A Vault that is busy or sealed is asked again, as late as it says.
func TestBusy(t *testing.T) {
	for _, status := range []int{412, 429, 500, 502, 503} {
		f := newFake(t)
		left := 3
		f.first = func(w http.ResponseWriter, r *http.Request, name string) bool {
			if left == 0 || r.Method != http.MethodPost {
				return false
			}
			left--
			w.Header().Set("Retry-After", "7")
			reply(w, status, map[string]any{"errors": []string{"busy"}})
			return true
		}
		f.want(exitDone, []string{"a: written\n"}, f.file("in", grants("a")))
		f.wantPosts("a")
		if !reflect.DeepEqual(f.pauses, []time.Duration{7 * time.Second, 7 * time.Second, 7 * time.Second}) {
			t.Errorf("%d: it has waited %v", status, f.pauses)
		}
	}
}

// A token that may not even look writes nothing.
func TestForbidden(t *testing.T) {
	f := newFake(t)
	f.first = func(w http.ResponseWriter, r *http.Request, name string) bool {
		if name != "a" || r.Method != http.MethodGet || r.URL.RawQuery != "" {
			return false
		}
		reply(w, 403, map[string]any{"errors": []string{"permission denied"}})
		return true
	}
	f.want(exitPartly, []string{"reading oauth/roles/a: Vault answers 403: permission denied"}, f.file("in", grants("a")))
	f.wantPosts()
}

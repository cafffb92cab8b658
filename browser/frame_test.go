package browser

import (
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// A site that shows the page in a frame of its own, to lay something over it, gets an empty one where the headers arrive.
// Where Vault drops them it gets the page: it can't read it, and there is nothing in it to be pressed unknowingly.
func TestAFrameIsRefusedOrHarmless(t *testing.T) {
	var framed string
	evil := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<!DOCTYPE html><title>Win a prize</title><iframe width=800 height=600 src="%s"></iframe>`, html.EscapeString(framed))
	}))
	defer evil.Close()
	site := strings.Replace(evil.URL, "127.0.0.1", "localhost", 1) // another site, not only another port
	m := newMallory(t)
	for _, tuned := range []bool{true, false} {
		t.Run(fmt.Sprintf("tuned=%t", tuned), func(t *testing.T) {
			l := newLab(t, tuned, m.authority())
			l.write("providers/mallory", fields{"token_endpoint": m.URL + "/token", "authorization_endpoint": m.URL + "/authorize", "token_endpoint_auth_method": "client_secret_post"})
			l.write("roles/crm", fields{"provider": "mallory", "client_id": "c", "client_secret": "s"})
			for what, address := range map[string]string{"unknown": l.callback("mallory") + "?state=x", "granted": l.begin("crm")} {
				tb := newTab(t, true)
				framed = address
				tb.open(site)
				inside := tb.within(tb.frame())
				address := see[string](inside, `location.href`)
				if refused := strings.HasPrefix(address, "chrome-error:"); refused != tuned {
					complaints, _ := tb.noise()
					t.Errorf("%s: the frame holds %s\n%s", what, address, complaints)
				}
				if pressable := inside.pressable(); len(pressable) > 0 && !tuned {
					t.Errorf("%s: can be pressed: %s", what, pressable)
				}
				if title := see[string](inside, `document.title`); strings.HasPrefix(title, "One step") != (what == "granted" && !tuned) {
					t.Errorf("%s: the frame shows %q", what, title)
				}
				if readable := see[bool](tb, `(() => { try { return frames[0].document != null } catch { return false } })()`); readable {
					t.Errorf("%s: the site reads what is in the frame", what)
				}
			}
		})
	}
}

// frame is the one frame in the window that holds another site's document: a target of its own, since Chromium keeps
// sites apart.
func (tb *tab) frame() *target.Info {
	tb.t.Helper()
	targets, err := chromedp.Targets(tb.ctx)
	if err != nil {
		tb.t.Fatal(err)
	}
	window := chromedp.FromContext(tb.ctx).Target.TargetID
	var frames []*target.Info
	for _, info := range targets {
		if info.Type == "iframe" && info.ParentID == window {
			frames = append(frames, info)
		}
	}
	if len(frames) != 1 {
		tb.t.Fatalf("%d frames", len(frames))
	}
	return frames[0]
}

// within looks at what is in a frame.
func (tb *tab) within(frame *target.Info) *tab {
	tb.t.Helper()
	ctx, end := chromedp.NewContext(tb.ctx, chromedp.WithTargetID(frame.TargetID))
	tb.t.Cleanup(end)
	return &tab{t: tb.t, ctx: ctx}
}

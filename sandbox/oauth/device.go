package oauth

import (
	"crypto/rand"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"time"
)

const (
	deviceLife     = 10 * time.Minute
	deviceInterval = 5 * time.Second // RFC 8628 section 3.2
)

// userCodeLetters make no word and can't be taken for one another (RFC 8628 section 6.1).
const userCodeLetters = "BCDFGHJKLMNPQRSTVWXZ"

// device is a device authorization: what a program waits for while a person types its user code.
type device struct {
	app      *App
	scope    string
	userCode string
	until    time.Time
	interval time.Duration
	polled   time.Time // zero: not yet
	denied   bool
	user     *User // who has agreed
	spent    bool
}

// beginDevice is RFC 8628 section 3.1.
func (l *Ledger) beginDevice(c *Call) (map[string]any, *Refusal) {
	if r := l.Authorization.checkScope(c.Form.Get("scope")); r != nil {
		return nil, r
	}
	d := &device{app: c.app, scope: c.Form.Get("scope"), until: c.now.Add(deviceLife), userCode: userCode(), interval: deviceInterval}
	if l.policy.deviceInterval > 0 {
		d.interval = l.policy.deviceInterval
	}
	text := rand.Text() + rand.Text()
	l.devices[text] = d
	at, shown := l.Authorization.Verification(c), d.userCode[:4]+"-"+d.userCode[4:]
	return map[string]any{
		"device_code": text, "user_code": shown, "verification_uri": at, "verification_uri_complete": at + "?user_code=" + shown,
		"expires_in": seconds(deviceLife), "interval": seconds(d.interval),
	}, nil
}

func userCode() string {
	out := make([]byte, 8)
	for i := range out {
		n, err := rand.Int(rand.Reader, big.NewInt(int64(len(userCodeLetters))))
		if err != nil {
			panic(err) // never fails, see crypto/rand
		}
		out[i] = userCodeLetters[n.Int64()]
	}
	return string(out)
}

// poll is RFC 8628 section 3.5. Who asks too soon waits longer for good.
func (l *Ledger) poll(c *Call) (*Issued, *Refusal) {
	d := l.devices[c.Form.Get("device_code")]
	switch {
	case c.Form.Get("device_code") == "":
		return nil, Refuse("invalid_request", "no device_code")
	case d == nil:
		return nil, Refuse("invalid_grant", "unknown device_code")
	case d.app.ID != c.app.ID:
		return nil, Refuse("invalid_grant", "this device_code belongs to another client")
	case d.spent:
		return nil, Refuse("invalid_grant", "this device_code was already used")
	case !c.now.Before(d.until):
		return nil, Refuse("expired_token", "the device_code has expired")
	}
	soon := !d.polled.IsZero() && c.now.Before(d.polled.Add(d.interval))
	d.polled = c.now
	switch {
	case soon:
		d.interval += 5 * time.Second
		return nil, Refuse("slow_down", "asked again before the interval was over")
	case d.denied:
		return nil, Refuse("access_denied", "the person said no")
	case d.user == nil:
		return nil, Refuse("authorization_pending", "the person has not answered yet")
	}
	d.spent = true
	return l.agreed(c.app, d.user, d.scope, c.now), nil
}

// verification is the page for user codes: a GET shows its form, which may know the code already, the POST is the answer.
func (l *Ledger) verification(c *Call) Reply {
	if c.Req.Method == http.MethodGet {
		if r := c.parse(); r != nil {
			return refusedOnPage(r)
		}
		return showPage(http.StatusOK, l.codeQuestion(c, ""))
	}
	if r := c.judgePost(); r != nil {
		return refusedOnPage(r)
	}
	d, user, allowed := l.waiting(c), l.user(c.Form.Get("username")), c.Form.Get("decision") == "allow"
	wrong := ""
	switch {
	case !allowed && c.Form.Get("decision") != "deny":
		return refusedOnPage(Refuse("invalid_request", "neither Allow nor Deny"))
	case d == nil:
		wrong = "There is no such code, or it was answered or has expired."
	case allowed && user == nil:
		wrong = "Nobody of that name is known here."
	}
	if wrong != "" {
		out := showPage(http.StatusBadRequest, l.codeQuestion(c, wrong))
		out.Refusal = "invalid_request: " + wrong
		return out
	}
	if d.denied = !allowed; d.denied {
		return showPage(http.StatusOK, page{Kind: "said", Title: "Denied", Text: "The device gets nothing. You can close this page."})
	}
	d.user = user
	return showPage(http.StatusOK, page{Kind: "said", Title: "Allowed", Text: "You can go back to the device and close this page."})
}

// waiting is the device whose code was typed, in whatever case and with dashes or without, and that waits for an answer.
func (l *Ledger) waiting(c *Call) *device {
	typed := strings.NewReplacer("-", "", " ", "").Replace(strings.ToUpper(c.Form.Get("user_code")))
	for _, d := range l.devices {
		if d.userCode == typed && c.now.Before(d.until) && !d.denied && d.user == nil {
			return d
		}
	}
	return nil
}

func (l *Ledger) codeQuestion(c *Call, wrong string) page {
	p := page{Kind: "device", Title: "A device asks you", Action: c.Req.URL.Path, Name: defaultUser, Wrong: wrong, Code: c.Form.Get("user_code")}
	if d := l.waiting(c); d != nil {
		p.Client, p.Scope = d.app.ID, slices.Collect(strings.FieldsSeq(d.scope))
	}
	return p
}

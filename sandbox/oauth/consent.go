package oauth

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// askedFor is how long a page waits for its person.
const askedFor = 10 * time.Minute

// pending is a page that a person has before them.
type pending struct {
	*request
	until time.Time
}

// authorization is the authorization endpoint: a GET shows the page, the POST of its form gives the answer.
func (l *Ledger) authorization(c *Call) Reply {
	if c.Req.Method == http.MethodGet {
		return l.ask(c)
	}
	if r := c.judgePost(); r != nil {
		return refusedOnPage(r)
	}
	return l.decide(c)
}

// ask judges an authorization request and shows the page with its question.
func (l *Ledger) ask(c *Call) Reply {
	if r := c.parse(); r != nil {
		return refusedOnPage(r)
	}
	q, r := l.pushedOrRead(c)
	switch {
	case q == nil:
		return refusedOnPage(r)
	case r != nil:
		return q.refuse(c, r)
	}
	id := rand.Text()
	l.pending[id] = pending{q, c.now.Add(askedFor)}
	return showPage(http.StatusOK, q.question(c, id, ""))
}

func (q *request) question(c *Call, id, wrong string) page {
	name := q.loginHint
	if name == "" {
		name = defaultUser
	}
	return page{
		Kind: "ask", Title: c.Name + " asks you", Action: c.Req.URL.Path, Name: name, Wrong: wrong,
		Client: q.app.ID, Scope: strings.Fields(q.scope), To: q.redirectURI,
		Hidden: []field{{"transaction", id}, {"client_id", q.app.ID}},
	}
}

// decide takes what the person has said. A question is answered once; who mistypes a name is asked again.
func (l *Ledger) decide(c *Call) Reply {
	id := c.Form.Get("transaction")
	p, ok := l.pending[id]
	if !ok || !c.now.Before(p.until) || p.app.ID != c.Form.Get("client_id") {
		return refusedOnPage(Refuse("invalid_request", "no such question, or it was answered already"))
	}
	user := l.user(c.Form.Get("username"))
	switch c.Form.Get("decision") {
	case "deny":
		delete(l.pending, id)
		return p.refuse(c, Refuse("access_denied", "the person said no"))
	case "allow":
	default:
		return refusedOnPage(Refuse("invalid_request", "neither Allow nor Deny"))
	}
	if user == nil {
		out := showPage(http.StatusBadRequest, p.question(c, id, "Nobody of that name is known here."))
		out.Refusal = "invalid_request: unknown user name"
		return out
	}
	delete(l.pending, id)
	return p.reply(c, url.Values{"code": {l.newCode(p.request, user, c.now)}})
}

// judgePost refuses what is not the form of a page.
func (c *Call) judgePost() *Refusal {
	switch {
	case c.Req.Method != http.MethodPost:
		return Refuse(BadMethod, "the "+c.Endpoint+" endpoint takes GET, and POST of its own form")
	case c.Req.URL.RawQuery != "":
		return Refuse("invalid_request", "parameters in the URL: they belong in the body")
	}
	return c.parse()
}

// refuse sends the person back with an error (RFC 6749 section 4.1.2.1).
func (q *request) refuse(c *Call, r *Refusal) Reply {
	out := q.reply(c, url.Values{"error": {r.Code}, "error_description": {r.Why}})
	out.Refusal = r.Code + ": " + r.Why
	return out
}

// reply sends the person back: by a redirect that makes a GET, whatever it answers, or with a form to be posted.
func (q *request) reply(c *Call, params url.Values) Reply {
	if q.state != "" {
		params.Set("state", q.state)
	}
	if q.NamesIssuer {
		params.Set("iss", q.Issuer(c))
	}
	if q.formPost {
		p := page{Kind: "post", Title: "Back to the application", Action: q.redirectURI}
		for name, values := range params {
			p.Hidden = append(p.Hidden, field{name, values[0]})
		}
		return showPage(http.StatusOK, p)
	}
	to := q.redirectURI + "?"
	if strings.Contains(q.redirectURI, "?") {
		to = q.redirectURI + "&"
	}
	return Reply{Status: http.StatusSeeOther, Header: http.Header{"Location": {to + params.Encode()}, "Referrer-Policy": {"no-referrer"}}}
}

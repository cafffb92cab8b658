// Package browse plays a person at a browser, without a browser: it follows redirects, fills in the sandbox's forms and
// submits those that only carry something on, until there is a page with nothing to do, or an address where nobody is.
// It knows the sandbox by its pages alone.
package browse

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"syscall"
	"time"
)

const (
	maxSteps = 20      // as many as browsers follow
	maxPage  = 1 << 20 // bytes of a page
)

// Browser is a person and what they mean to do.
type Browser struct {
	User     string // who logs in
	Deny     bool   // clicks Deny, not Allow
	UserCode string // typed where one is asked for
	StopAt   string // an address that begins with this is not opened
	client   *http.Client
}

// errElsewhere is what there is no way to: neither this machine nor a host that the sandbox stands in for.
var errElsewhere = errors.New("neither a loopback address nor a host that the sandbox stands in for")

// New gives a browser of a user that reaches loopback addresses itself, everything else through the sandbox's proxy, and
// trusts these authorities. An error says that the proxy's address is none.
func New(proxy string, roots *x509.CertPool, user string) (*Browser, error) {
	through, err := url.Parse(proxy)
	if err != nil {
		return nil, err
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	transport := &http.Transport{
		Proxy: func(r *http.Request) (*url.URL, error) {
			switch {
			case isLoopback(r.URL.Hostname()):
				return nil, nil
			case r.URL.Scheme != "https":
				return nil, errElsewhere
			}
			return through, nil
		},
		OnProxyConnectResponse: func(_ context.Context, _ *url.URL, _ *http.Request, resp *http.Response) error {
			if resp.StatusCode == http.StatusForbidden {
				return errElsewhere
			}
			return nil
		},
		TLSClientConfig:   &tls.Config{RootCAs: roots},
		DisableKeepAlives: true, // nothing is left open when it ends
	}
	return &Browser{User: user, client: &http.Client{
		Timeout: time.Minute, Transport: transport, Jar: jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

func isLoopback(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

// End is where a browser ended.
type End struct {
	URL    string     // the address
	Posted url.Values // what was to be posted there; nil for a GET
	Opened bool       // false: StopAt, or nobody is there
	Status int        // of the page, when it was opened
	Text   string     // of the page, without its tags
}

// Through tells whether the browser got what it went for: a page without an error, or an address that carries none.
func (e *End) Through() bool {
	if e.Opened {
		return e.Status < 300
	}
	return !e.Params().Has("error")
}

// Params are the parameters with which the browser ended: of the address, or of the form that was to be posted there.
func (e *End) Params() url.Values {
	if e.Posted != nil {
		return e.Posted
	}
	u, err := url.Parse(e.URL)
	if err != nil {
		return url.Values{}
	}
	return u.Query()
}

// Open goes to an address and on from there to the end. An error says what stopped it before.
func (b *Browser) Open(ctx context.Context, address string) (*End, error) {
	next := &step{method: http.MethodGet, url: address}
	for range maxSteps {
		end := &End{URL: next.url, Posted: next.form}
		if b.StopAt != "" && strings.HasPrefix(next.url, b.StopAt) {
			return end, nil
		}
		resp, body, err := b.do(ctx, next)
		if next.url != address && (errors.Is(err, errElsewhere) || errors.Is(err, syscall.ECONNREFUSED)) {
			return end, nil
		}
		if err != nil {
			return nil, err
		}
		following, err := b.after(next, resp, body)
		if err != nil {
			return nil, err
		}
		if following == nil {
			end.Opened, end.Status, end.Text = true, resp.StatusCode, body
			if isHTML(resp) {
				end.Text = text(body)
			}
			return end, nil
		}
		next = following
	}
	return nil, fmt.Errorf("no end after %d pages and redirects", maxSteps)
}

func isHTML(resp *http.Response) bool {
	return strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html")
}

// step is one request of a browser.
type step struct {
	method, url string
	form        url.Values // of a POST
}

func (b *Browser) do(ctx context.Context, s *step) (*http.Response, string, error) {
	req, err := http.NewRequestWithContext(ctx, s.method, s.url, strings.NewReader(s.form.Encode()))
	if err != nil {
		return nil, "", err
	}
	if s.method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	req.Header.Set("Accept", "text/html")
	resp, err := b.client.Do(req)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxPage))
	return resp, string(body), err
}

// after is what a browser and its person do next; nil when there is nothing.
func (b *Browser) after(s *step, resp *http.Response, body string) (*step, error) {
	at := resp.Request.URL
	switch resp.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		to, err := at.Parse(resp.Header.Get("Location"))
		if err != nil {
			return nil, errors.New("a redirect to no address")
		}
		if resp.StatusCode >= http.StatusTemporaryRedirect { // the same again, elsewhere
			return &step{s.method, to.String(), s.form}, nil
		}
		return &step{method: http.MethodGet, url: to.String()}, nil
	}
	if !isHTML(resp) || resp.StatusCode >= http.StatusBadRequest { // an answer that was not taken is not given again
		return nil, nil
	}
	if f := firstForm(body); f != nil {
		return f.submit(at, b)
	}
	return nil, nil
}

// Address is the address with all that the browser had for it: what was to be posted there reads as a query.
func (e *End) Address() string {
	if e.Posted == nil {
		return e.URL
	}
	sep := "?"
	if strings.Contains(e.URL, "?") {
		sep = "&"
	}
	return e.URL + sep + e.Posted.Encode()
}

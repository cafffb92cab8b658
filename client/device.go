package client

import (
	"cmp"
	"context"
	"net/url"
	"time"

	"vault-plugin-secrets-oauthrefresh/internal/clock"
)

// What holds of a device code where the server does not say, or says too much.
const (
	defaultInterval       = 5 * time.Second // RFC 8628 section 3.2
	minInterval           = time.Second
	defaultDeviceLifetime = 10 * time.Minute
	maxDeviceLifetime     = time.Hour // nobody looks for a code of yesterday
	maxUserCode           = 64        // characters; RFC 8628 section 6.1 has eight
)

// DeviceAuthorization is a device code, and how a person agrees to it (RFC 8628 section 3.2).
type DeviceAuthorization struct {
	// DeviceCode is what Exchange presents with GrantDeviceCode, as Request.Code.
	DeviceCode Secret
	// UserCode is what the person types at VerificationURI. VerificationURIComplete has it in it already, "" for none.
	UserCode, VerificationURI, VerificationURIComplete string
	// Lifetime is that of both codes. Interval is how long to wait between two looks.
	Lifetime, Interval time.Duration
}

// AuthorizeDevice asks the device authorization endpoint, which r.Endpoint is, for a device code: one request with the
// client_id, r.Scope and the client's authentication as at the token endpoint. Of r it uses neither GrantType nor
// Params and what grants are made of. Every error is an *Error: ClientRefused when somebody has to change something,
// NotProcessed when trying again makes sense. Nothing is spent either way.
func AuthorizeDevice(ctx context.Context, o Options, r *Request) (*DeviceAuthorization, error) {
	d, err := authorizeDevice(ctx, o, r)
	return d, atDeviceEndpoint.failed(err)
}

func authorizeDevice(ctx context.Context, o Options, r *Request) (*DeviceAuthorization, error) {
	params := []param{{"client_id", r.ClientID}} // it stands in every example, with Basic authentication too
	if r.Scope != "" {
		params = append(params, param{"scope", r.Scope})
	}
	a, sent, err := r.ask(ctx, o, params)
	if err != nil {
		return nil, err
	}
	doc := parseDocument(a.body, a.cut)
	if a.status < 200 || a.status > 299 || doc.saysError(false) {
		return nil, a.refusal(sent, doc)
	}
	d := doc.deviceAuthorization(clock.Now())
	secrets := append(sent.secrets(), d.DeviceCode.Reveal())
	switch {
	case !doc.whole || !d.DeviceCode.IsSet() || d.UserCode == "" || d.VerificationURI == "" || d.Lifetime <= 0,
		isOrHolds(d.UserCode, secrets), isOrHolds(d.VerificationURI, secrets), isOrHolds(d.VerificationURIComplete, secrets):
		return nil, untold("the {endpoint}'s answer could not be used: it was incomplete, or held no device_code, user_code and verification_uri that are fit to be shown: check {field}")
	}
	return d, nil
}

// deviceAuthorization reads an answer; what is unfit is left out.
func (d document) deviceAuthorization(now time.Time) *DeviceAuthorization {
	out := &DeviceAuthorization{
		VerificationURI:         webAddress(cmp.Or(d.textAt("/verification_uri"), d.textAt("/verification_url"))), // Google
		VerificationURIComplete: webAddress(cmp.Or(d.textAt("/verification_uri_complete"), d.textAt("/verification_url_complete"))),
		Lifetime:                defaultDeviceLifetime, Interval: defaultInterval,
	}
	if code := d.textAt("/device_code"); len(code) <= maxToken && isVisible(code) {
		out.DeviceCode = NewSecret(code)
	}
	if code := d.textAt("/user_code"); len([]rune(code)) <= maxUserCode && shownName(code) == code { // it is typed as it stands
		out.UserCode = code
	}
	if stated := lifetime(lookup(d.root, "/expires_in"), now); stated.known {
		out.Lifetime = min(stated.left, maxDeviceLifetime)
	}
	if stated := lifetime(lookup(d.root, "/interval"), now); stated.left > 0 {
		out.Interval = min(max(stated.left, minInterval), maxInterval)
	}
	return out
}

// webAddress is an address that a person may be shown to open, "" when a text is none.
func webAddress(text string) string {
	u, err := url.Parse(text)
	if err != nil || len(text) > maxTemplate || !isVisible(text) || u.Scheme != "https" && u.Scheme != "http" ||
		u.Opaque != "" || u.User != nil || !hostName.MatchString(u.Hostname()) {
		return ""
	}
	return text
}

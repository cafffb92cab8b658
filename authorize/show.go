package authorize

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
	"vault-plugin-secrets-oauthrefresh/mount"
	"vault-plugin-secrets-oauthrefresh/role"
)

// Show is how far the newest consent is that a caller has begun of a role, by the names of the fields of authorize/<role>;
// nil when there is none. It holds no secret. The error is storage's.
func (c *Consents) Show(ctx context.Context, s logical.Storage, key grant.Key, who Caller) (map[string]any, error) {
	con, err := c.newest(ctx, s, key, who.ID)
	if err != nil || con == nil {
		return nil, err
	}
	data := map[string]any{
		"state": con.State, "scope": con.Scope,
		"began_at": con.BeganAt.UTC().Format(time.RFC3339), "expires_at": con.ExpiresAt.UTC().Format(time.RFC3339),
	}
	if con.Reason != "" {
		data["error"] = con.Reason
	}
	if con.Device != nil && con.Account != "" && con.State == StateGranted { // else only who has the page, or the address, learns it
		data["account"], data["account_verified"] = con.Account, con.AccountVerified
	}
	if con.Device != nil && con.State == StateBegun {
		con.Device.show(data)
		if con.DeviceCode.IsSet() && c.grants.MayTend() {
			c.poll(s, con.at) // who looks need not wait for the periodic call, after another process has begun it
		}
	} else if con.RedirectURI != "" {
		data["redirect_uri"] = con.RedirectURI
	}
	return data, nil
}

// Describe adds to the status of a grant whether consent to a new one is under way, whoever has begun it.
func (c *Consents) Describe(ctx context.Context, s logical.Storage, key grant.Key, data map[string]any) error {
	con, err := c.newest(ctx, s, key, "")
	if err != nil || con == nil {
		return err
	}
	data["consent_state"] = con.State
	data["consent_expires_at"] = con.ExpiresAt.UTC().Format(time.RFC3339)
	data["consent_began_by"] = con.BeganBy
	return nil
}

// redacted stands in the place of what is made anew for each consent, and is a secret as long as that lasts.
const redacted = "[redacted]"

// Explain adds to what is told of a read of creds/<role> the address that authorize/<role> would make now, without state,
// nonce and challenge, or why it would make none. It adds nothing where nobody consents. The error is storage's.
func (c *Consents) Explain(ctx context.Context, s logical.Storage, key grant.Key, data map[string]any) error {
	g, t, err := c.target(ctx, s, key)
	if err == nil && !role.Authorizable(g.Provider) {
		return nil
	}
	var con *Consent
	if err == nil {
		err = t.CheckAuthorization()
	}
	if err == nil {
		con, err = newConsent(g, t, Caller{}, Ask{})
	}
	if text, ok := mount.AsRefusal(err); ok {
		if g != nil {
			data["authorization_hindered"] = text
		}
		return nil
	}
	if err != nil {
		return err
	}
	request := con.request(t, redacted)
	if request.Nonce != "" {
		request.Nonce = redacted
	}
	if request.CodeChallenge != "" {
		request.CodeChallenge = redacted
	}
	shown, err := request.URL()
	data["authorization_url"] = strings.ReplaceAll(shown, url.QueryEscape(redacted), redacted)
	return mount.Refuse(err)
}

// Drop forgets what a caller has begun of a role, and not what others have. The error is storage's.
func (c *Consents) Drop(ctx context.Context, s logical.Storage, key grant.Key, who Caller) error {
	mine, err := c.of(ctx, s, key, who.ID, clock.Now())
	if err != nil {
		return err
	}
	for _, con := range mine {
		unlock, err := c.locks.Lock(ctx, con.at)
		if err != nil {
			return errBusy
		}
		err = c.drop(ctx, s, con)
		unlock()
		if err != nil {
			return err
		}
	}
	return nil
}

// forgetPatience bounds how long the end of a grant waits for consents to it.
const forgetPatience = 2 * time.Second

// Forget drops all that anybody has begun of a role whose grant somebody has ended. It is an attempt: what storage refuses
// to forget expires.
func (c *Consents) Forget(ctx context.Context, s logical.Storage, key grant.Key) {
	ctx, cancel := context.WithTimeout(ctx, forgetPatience) // an exchange may hang, and what it brings counts for nothing
	defer cancel()
	if err := c.Drop(ctx, s, key, Caller{}); err != nil {
		c.grants.Logger().Warn("the consents of a role whose grant was ended are still stored; they expire", "role", key, "error", err)
	}
}

// newest is the consent of a role that was begun last, by a caller, or with "" by anybody, and before that one that waits
// for confirm; nil for none.
func (c *Consents) newest(ctx context.Context, s logical.Storage, key grant.Key, caller string) (last *Consent, err error) {
	all, err := c.of(ctx, s, key, caller, clock.Now())
	if err != nil || len(all) == 0 {
		return nil, err
	}
	for _, con := range slices.Backward(all) {
		if con.State == StateGranted {
			return con, nil
		}
	}
	return all[len(all)-1], nil
}

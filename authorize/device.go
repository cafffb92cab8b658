package authorize

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/hashicorp/go-uuid"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
	"vault-plugin-secrets-oauthrefresh/mount"
	"vault-plugin-secrets-oauthrefresh/role"
)

// BeginDevice begins a consent by the device flow (RFC 8628): a person types a code at the provider, on any machine. The
// provider is asked for what came of it by a task of this node, and after its end by the next one that writes.
//
// Nothing in this flow tells whether whoever agrees is whoever began (RFC 8628 section 5.4), so it is for roles that
// permit it. The error is a refusal that says what to do, role.ErrNoRole, or with status 502 or 503 trouble that may pass.
func (c *Consents) BeginDevice(ctx context.Context, s logical.Storage, key grant.Key, who Caller, scope string) (*Begun, error) {
	if err := role.CheckText("scope", scope); err != nil {
		return nil, mount.Refuse(err)
	}
	g, t, err := c.target(ctx, s, key)
	if err != nil {
		return nil, err
	}
	switch {
	case !g.Role.DeviceFlow:
		return nil, mount.Refusal("this role does not permit the device flow, in which nothing tells whether whoever agrees is whoever began, so that a link sent to somebody is enough " +
			"to get at what is theirs: use authorize/" + key.Path() + ", or write device_flow=true to the role if only people you trust can begin")
	case t.Endpoints.DeviceAuthorization == "":
		return nil, mount.Refusal("the provider of this role has no device_authorization_endpoint: use authorize/" + key.Path())
	}
	con := consentTo(g, who, t.Provider.ConsentScope(cmp.Or(scope, g.Role.Scope)))
	con.at = placeOf(newState(key))
	con.Device = new(Device)
	if con.GrantID, err = uuid.GenerateUUID(); err != nil {
		return nil, err
	}
	if err := c.add(ctx, s, con); err != nil { // before the provider is asked: the bound is for that too
		return nil, err
	}
	got, err := t.AuthorizeDevice(ctx, g.State.Worked, con.Scope)
	if err != nil {
		_ = c.drop(ctx, s, con)
		return nil, answered(err)
	}
	con.DeviceCode = got.DeviceCode
	con.ExpiresAt = clock.Now().Add(min(got.Lifetime, time.Hour))
	con.Device = &Device{UserCode: got.UserCode, VerificationURI: got.VerificationURI, VerificationURIComplete: got.VerificationURIComplete, Interval: got.Interval}
	if err := Put(ctx, s, con); err != nil {
		return nil, err
	}
	c.poll(s, con.at)
	c.tell(grant.ConsentBegun, con)
	return &Begun{Consent: con, CurrentAccount: g.State.Account, Warnings: warnings(g)}, nil
}

// show puts what a person needs into an answer's fields, named as in RFC 8628 section 3.2.
func (d *Device) show(data map[string]any) {
	data["user_code"], data["verification_uri"] = d.UserCode, d.VerificationURI
	if d.VerificationURIComplete != "" {
		data["verification_uri_complete"] = d.VerificationURIComplete
	}
}

// Fields are those of the answer to device/<role>.
func (d *Device) Fields() map[string]any {
	data := map[string]any{}
	d.show(data)
	return data
}

// answered is an exchange's error as a caller hears it.
func answered(err error) error {
	e, ok := errors.AsType[*client.Error](err)
	switch {
	case !ok:
		return err
	case e.Class == client.ClientRefused || e.Class == client.GrantRefused:
		return mount.Refusal(e.Error())
	}
	return logical.CodedError(502, e.Error())
}

// poll asks the provider what became of a consent, in a task of its own, unless one does already.
func (c *Consents) poll(s logical.Storage, at string) {
	if _, running := c.polling.LoadOrStore(at, true); running {
		return
	}
	started := c.grants.Begin(func() {
		defer c.polling.Delete(at)
		failures := 0
		for {
			con, err := c.get(context.Background(), s, at)
			if err != nil || con == nil || con.State != StateBegun || con.Device == nil {
				return // the periodic call comes back to it, if there is anything to come back to
			}
			pause := max(con.Device.Interval, time.Second) << min(failures, 5) // exponential after timeouts, RFC 8628 section 3.5
			if !c.grants.Work.Wait(pause) || c.grants.Work.Ending() || !c.grants.MayTend() {
				return
			}
			over, lost := c.ask(s, at)
			if over {
				return
			}
			if failures++; !lost {
				failures = 0
			}
		}
	})
	if !started {
		c.polling.Delete(at)
	}
}

// ask makes one request with the device code. over tells that there is nothing left to ask for, lost that no answer came.
func (c *Consents) ask(s logical.Storage, at string) (over, lost bool) {
	ctx, cancel := context.WithTimeout(context.Background(), longest)
	defer cancel()
	unlock, err := c.locks.Lock(ctx, at)
	if err != nil {
		return false, true
	}
	defer unlock()
	con, err := c.get(ctx, s, at)
	if err != nil || con == nil || con.State != StateBegun {
		return err == nil, err != nil
	}
	if clock.Now().After(con.ExpiresAt) {
		_ = c.fail(ctx, s, con, reasonExpired)
		return true, false
	}
	g, t, err := c.target(ctx, s, con.Grant)
	if err != nil || g.Realm() != con.Realm || !g.Role.DeviceFlow {
		if _, refused := mount.AsRefusal(err); refused || err == nil {
			_ = c.fail(ctx, s, con, reasonChanged)
			return true, false
		}
		return false, true
	}
	got, err := c.grants.Redeem(ctx, t, g.State.Worked, con.deviceCode(t))
	if err != nil {
		return c.unanswered(ctx, s, con, err)
	}
	if c.take(ctx, s, con, g, t, got) == nil {
		c.keep(ctx, s, con)
		c.grants.Logger().Info("somebody has agreed to what was begun with the device flow; it waits to be confirmed", "role", con.Grant)
	}
	return true, false
}

// deviceCode is what is presented until somebody has agreed. There is no key for it: each request is another one.
func (con *Consent) deviceCode(t *role.Target) grant.Code {
	code := grant.Code{GrantType: client.GrantDeviceCode, Code: con.DeviceCode, Scope: con.Scope, GrantID: con.GrantID}
	code.AccountPointer = accountInAnswer(t)
	return code
}

// unanswered is what a request that brought no token means (RFC 8628 section 3.5).
func (c *Consents) unanswered(ctx context.Context, s logical.Storage, con *Consent, err error) (over, lost bool) {
	e, ok := errors.AsType[*client.Error](err)
	if !ok {
		_ = c.fail(ctx, s, con, whyRefused(err))
		return true, false
	}
	if slow, interval := e.SlowDown(); slow { // for good
		con.Device.Interval = max(con.Device.Interval+5*time.Second, interval)
		return false, Put(ctx, s, con) != nil
	}
	switch {
	case e.Pending():
		return false, false
	case e.Class == client.NotProcessed, e.Class == client.OutcomeUnknown:
		return false, true // the same code may be presented again, and if it was spent the next answer says so
	}
	reason := e.Error() + ": begin again"
	if sentence, known := client.AuthorizationError(e.Code); known {
		reason = sentence
	}
	_ = c.fail(ctx, s, con, reason)
	return true, false
}

// agreedByDevice is the one consent of a caller that needs no proof: one by the device flow that somebody has agreed to.
func agreedByDevice(mine []*Consent, key grant.Key) (*Consent, error) {
	var failed *Consent
	waits := false
	for _, con := range mine {
		switch {
		case con.Device == nil:
		case con.State == StateGranted:
			return con, nil
		case con.State == StateFailed:
			failed = con
		default:
			waits = true
		}
	}
	switch {
	case waits:
		return nil, mount.Refusal("nobody has agreed yet: open verification_uri in a browser and type the user_code; read authorize/" + key.Path() + " to see how far it is")
	case failed != nil:
		return nil, mount.Refusal("what you have begun has failed: " + failed.Reason)
	}
	return nil, mount.Refusal("confirm takes one of confirmation_code (from the page), redirected_to (the address at which the browser ended), or authorization_code with its redirect_uri; " +
		"none only after device/" + key.Path())
}

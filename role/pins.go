package role

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/mount"
	"vault-plugin-secrets-oauthrefresh/provider"
)

// PinsPrefix begins the storage keys of what roles without pins of their own are held to: pins/<provider>.
const PinsPrefix = "pins/"

// Pins are what an operator's definition said when a role was written, of what readers are handed and of
// what the client proves itself with. A definition that says something else later holds for a role when
// that is written once more: else whoever may edit a provider, and knows no secret, could have the refresh
// token handed to readers, or presented without the client's proof. Where the refresh token is looked for
// is not among them: what is found there goes to pinned origins only.
type Pins struct {
	AccessTokenPointer      string   `json:"access_token_pointer"`
	ExtraFields             []string `json:"extra_fields,omitempty"`
	TokenEndpointAuthMethod string   `json:"token_endpoint_auth_method"`
	RequiresCertificate     bool     `json:"requires_certificate,omitempty"`
	// AcceptedPointer is the access_token_pointer that the role was written again for last, "" when it never
	// moved: tokens of before were found elsewhere.
	AcceptedPointer string `json:"accepted_pointer,omitempty"`
}

// pinsOf takes a definition with its defaults in it.
func pinsOf(p *client.Provider) *Pins {
	return &Pins{
		AccessTokenPointer: p.AccessTokenPointer, ExtraFields: p.ExtraFields,
		TokenEndpointAuthMethod: p.TokenEndpointAuthMethod, RequiresCertificate: p.RequiresCertificate,
	}
}

// moved are the fields by which readers would be handed something else. What they are no longer handed
// takes nothing from where it was.
func (was *Pins) moved(now *Pins) (fields []string) {
	if now.AccessTokenPointer != was.AccessTokenPointer {
		fields = append(fields, "access_token_pointer")
	}
	if slices.ContainsFunc(now.ExtraFields, func(f string) bool { return !slices.Contains(was.ExtraFields, f) }) {
		fields = append(fields, "extra_fields")
	}
	return fields
}

// acceptedPointer is pins.AcceptedPointer.
func (r *Role) acceptedPointer() string {
	if r.Pins == nil {
		return ""
	}
	return r.Pins.AcceptedPointer
}

// take is what a role is held to from its write on, with what it was held to before; nil for nothing.
func (was *Pins) take(says *Pins, old *Role) *Pins {
	if says == nil || was == nil || old == nil {
		return says
	}
	next := *says
	next.AcceptedPointer = old.acceptedPointer()
	if was.AccessTokenPointer != says.AccessTokenPointer {
		next.AcceptedPointer = says.AccessTokenPointer
	}
	return &next
}

// readPins looks up what the role is held to. A built-in definition is the plugin's own, and changes with it.
func (t *Target) readPins(ctx context.Context, s logical.Storage, p *client.Provider) error {
	if _, builtin := provider.Builtin(t.Role.Provider); builtin {
		return nil
	}
	t.says, t.pins = pinsOf(p), t.Role.Pins
	if t.pins != nil {
		return nil
	}
	before := new(Pins)
	ok, err := mount.Load(ctx, s, PinsPrefix+t.Role.Provider, before)
	if t.pins = before; !ok {
		t.pins = t.says // nobody has changed it since roles are pinned
	}
	return err
}

// CheckReady returns why no exchange may be made with the role and the definition as they are.
func (t *Target) CheckReady() error { return cmp.Or(t.checkCredentials(), t.checkPins()) }

// checkPins refuses an exchange by a definition that says something else than when the role was written.
func (t *Target) checkPins() error {
	if t.pins == nil {
		return nil
	}
	if fields := t.pins.moved(t.says); len(fields) > 0 {
		return mount.Refusal(fmt.Sprintf("the provider's %s decides what readers are handed, and has changed since this role was written, so nothing is sent: "+
			"undo the change of the provider or, if it is right, write the role once more, for which no secret is needed", strings.Join(fields, " and ")))
	}
	was := t.Provider.Clone()
	was.RequiresCertificate = t.pins.RequiresCertificate
	was.TokenEndpointAuthMethod = cmp.Or(t.Role.TokenEndpointAuthMethod, t.pins.TokenEndpointAuthMethod)
	for _, p := range t.Role.proofs(was) {
		if !slices.Contains(t.Role.proofs(t.Provider), p) {
			return mount.Refusal(fmt.Sprintf("the provider has changed since this role was written, and by its token_endpoint_auth_method the %s would no longer prove "+
				"who the client is, so nothing is sent: undo the change of the provider or, if it is right, write the role once more", p))
		}
	}
	return nil
}

// proofs are what the client proves itself with.
func (r *Role) proofs(p *client.Provider) (used []Part) {
	if p.UsesSecret() && r.ClientSecret.IsSet() {
		used = append(used, PartSecret)
	}
	if r.signs(p) && r.AssertionKey.IsSet() {
		used = append(used, partKey)
	}
	if r.CertificateChain != "" && (p.NeedsCertificate() || r.signsWithCertificate(p)) {
		used = append(used, PartCertificate)
	}
	return used
}

// PinProvider stores what a definition says before it is changed for the first time: roles of versions that
// pinned nothing are held to that, also when the definition is deleted and comes back.
func PinProvider(ctx context.Context, s logical.Storage, name string) error {
	if ok, err := mount.Load(ctx, s, PinsPrefix+name, new(Pins)); err != nil || ok {
		return err
	}
	p, err := provider.GetCustom(ctx, s, name)
	if _, damaged := errors.AsType[mount.DamagedError](err); damaged {
		return nil // it says nothing to anybody
	}
	if err != nil || p == nil {
		return err
	}
	p.SetDefaults()
	return mount.Save(ctx, s, PinsPrefix+name, pinsOf(&p.Provider))
}

// WarnOfPins adds to a response, which may be nil, what becomes of roles when by the new definition readers would be
// handed something else.
func WarnOfPins(resp *logical.Response, old, p *provider.Custom) *logical.Response {
	was, now := *old, *p // of copies that nobody stores
	was.SetDefaults()
	now.SetDefaults()
	fields := pinsOf(&was.Provider).moved(pinsOf(&now.Provider))
	if len(fields) == 0 {
		return resp
	}
	if resp == nil {
		resp = new(logical.Response)
	}
	resp.AddWarning(fmt.Sprintf("%s: roles that were written for the definition as it was send nothing until each is written once more, "+
		"for which no secret is needed", strings.Join(fields, ", ")))
	return resp
}

package provider

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
	"vault-plugin-secrets-oauthrefresh/mount"
)

// Discovery is what is remembered of a definition that was filled in from its issuer's metadata. The
// values stand in the definition itself and are never followed: whoever can change a document on
// somebody's web server must not be able to move an endpoint.
type Discovery struct {
	At     time.Time `json:"at"`
	Fields []string  `json:"fields"` // those that the metadata decide; the others are the operator's own
}

// Show puts into a definition's data, as Data made it, where its fields come from; nothing for nil.
func (f *Discovery) Show(data map[string]any) {
	if f == nil {
		return
	}
	data["discovered_at"] = f.At.UTC().Format(time.RFC3339)
	data["discovered_fields"] = slices.DeleteFunc(slices.Clone(f.Fields), func(field string) bool { return mount.IsEmpty(data[field]) })
}

// fill is discover for a write: a server that publishes nothing is no obstacle where the operator knows
// what it would say. Its issuer may be wanted for assertions alone.
func (p *Custom) fill(ctx context.Context, old *Custom, c *Config, in mount.Input) (*logical.Response, error) {
	fields := old.follows(in)
	if len(fields) == 0 {
		return nil, mount.Refuse(checkProvider(&p.Provider, c)) // nothing is left to ask for
	}
	resp := new(logical.Response)
	left, err := p.discover(ctx, c, fields)
	if errors.Is(err, client.ErrNoMetadata) && old.Discovery == nil && !slices.Contains(fields, "token_endpoint") {
		resp.AddWarning("the issuer publishes no metadata, so nothing was filled in and the definition is as you wrote it")
		return resp, mount.Refuse(checkProvider(&p.Provider, c))
	}
	if err != nil {
		return nil, discoveryError(err)
	}
	data := Data(&p.Provider)
	resp.Data = map[string]any{}
	for _, field := range fields {
		if !mount.IsEmpty(data[field]) {
			resp.Data[field] = data[field]
		}
	}
	for _, sentence := range left {
		resp.AddWarning(sentence)
	}
	warnOfMoves(resp, &old.Provider, &p.Provider)
	return resp, nil
}

// follows are the fields that the metadata decide once this write is done.
func (p *Custom) follows(in mount.Input) (fields []string) {
	data := Data(&p.Provider)
	for _, field := range client.DiscoveredFields {
		var own bool
		switch {
		case in.Names(field):
			own = !mount.IsEmpty(in.Value(field)) // written empty, it returns to its default: the server's
		case p.Discovery != nil && in.Names("issuer") && slices.Contains(sinceConsent, field) && !p.Discovery.knowsConsent():
			own = !mount.IsEmpty(data[field])
		case p.Discovery != nil:
			own = !slices.Contains(p.Discovery.Fields, field)
		default:
			own = !mount.IsEmpty(data[field])
		}
		if !own {
			fields = append(fields, field)
		}
	}
	return fields
}

// discover replaces the fields by what the issuer's metadata say now, and checks the whole. It returns what was left out
// and why, a sentence each.
func (p *Custom) discover(ctx context.Context, c *Config, fields []string) (left []string, err error) {
	o, err := c.Options("")
	if err != nil {
		return nil, err
	}
	m, err := client.Discover(ctx, o, p.Issuer)
	if err != nil {
		return nil, err
	}
	if err := p.Fill(m, o, fields); err != nil {
		return nil, err
	}
	p.Discovery = &Discovery{At: clock.Now().UTC(), Fields: fields}
	return m.LeftOut(o, fields), checkProvider(&p.Provider, c)
}

// discoveryError is what a writer hears: a server in trouble is nobody's fault here.
func discoveryError(err error) error {
	if e, ok := errors.AsType[*client.Error](err); ok && e.Class == client.NotProcessed {
		return logical.CodedError(http.StatusServiceUnavailable, e.Reason+"; nothing was stored")
	}
	return mount.Refuse(err)
}

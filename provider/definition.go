package provider

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/mount"
)

// AnswerNames are the fields that creds/<role> answers with itself, so no field of a provider's
// answer can be handed on under them. Vault Agent reads meaning into the last three pairs.
var AnswerNames = []string{
	"access_token", "token_type", "scope", "expires_at", "generation", "token_id",
	"client_certificate_required", "client_certificate_fingerprint",
	"ttl", "rotation_period", "last_vault_rotation", "secret_id", "secret_id_ttl", "certificate", "expiration",
}

// checkProvider returns what is wrong with an operator's definition.
func checkProvider(p *client.Provider, c *Config) error {
	if err := cmp.Or(p.Validate(c.AllowInsecureEndpoints), client.CheckPermanentErrors(p.PermanentErrors)); err != nil {
		return err
	}
	for _, field := range p.ExtraFields {
		name := field[strings.LastIndex(field, "/")+1:]
		if slices.Contains(AnswerNames, name) {
			return fmt.Errorf("extra_fields can't name %s: creds/<role> answers with a field of that name itself", name)
		}
	}
	endpoints, err := p.Endpoints(nil)
	if err != nil {
		return nil // it has parameters that only a role knows, and is checked with each role
	}
	o := client.Options{AllowedHosts: c.AllowedHosts, AllowInsecure: c.AllowInsecureEndpoints}
	return cmp.Or(CheckHosts(endpoints, o), CheckHosts(endpoints.WithAliases(), o))
}

// CheckHosts returns an error when the mount's configuration forbids one of the endpoints.
func CheckHosts(endpoints client.Endpoints, o client.Options) error {
	if err := o.CheckHost(endpoints.Token); err != nil {
		return fmt.Errorf("token_endpoint: %w", err)
	}
	if endpoints.Revocation == "" {
		return nil
	}
	if err := o.CheckHost(endpoints.Revocation); err != nil {
		return fmt.Errorf("revocation_endpoint: %w", err)
	}
	return nil
}

// editProvider returns the definition with the write's fields in it. Both sides meet in JSON, since
// the definition's JSON names are the fields' names: no list of fields to keep in step.
func editProvider(p *client.Provider, in mount.Input) (*client.Provider, error) {
	doc, err := providerDocument(p)
	if err != nil {
		return nil, err
	}
	for field := range in.Raw {
		if field != "name" {
			doc[field] = in.Value(field) // durations as seconds, which client.Duration reads
		}
	}
	text, err := json.Marshal(doc)
	if err != nil {
		return nil, errors.New("the definition can't be stored: its texts must be valid UTF-8")
	}
	edited := new(client.Provider)
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(edited); err != nil {
		return nil, errors.New("the definition can't be stored: a field does not have the form that path-help describes")
	}
	return edited, nil
}

// providerDocument is the definition as a JSON object.
func providerDocument(p *client.Provider) (map[string]any, error) {
	text, err := json.Marshal(p)
	if err != nil {
		return nil, err
	}
	doc := map[string]any{}
	return doc, json.Unmarshal(text, &doc)
}

// Data is the definition as a read answers it: durations in seconds, as everywhere in
// Vault, and what may be left out as it counts.
func Data(p *client.Provider) (map[string]any, error) {
	doc, err := providerDocument(p)
	if err != nil {
		return nil, err
	}
	for field, schema := range Fields() {
		text, ok := doc[field].(string)
		if !ok || schema.Type != framework.TypeDurationSecond {
			continue
		}
		d, err := client.ParseDuration(text)
		if err != nil {
			return nil, err
		}
		doc[field] = int64(time.Duration(d).Seconds())
	}
	return doc, nil
}

// WarnOfGrace says of a grace that it can't be used: within a shorter one an exchange that hangs could not be
// given up in time for another.
func WarnOfGrace(resp *logical.Response, p *client.Provider) *logical.Response {
	grace := time.Duration(p.ReuseGrace)
	if grace == 0 || grace >= 2*Quickest || p.RefreshTokenRotation == client.RotationNever {
		return resp
	}
	if resp == nil {
		resp = new(logical.Response)
	}
	resp.AddWarning(fmt.Sprintf("reuse_grace is too short to be of use where an answer does not come: it takes at least %s to give one up and ask again; "+
		"an answer that breaks off sooner is still asked for within it", client.Duration(2*Quickest)))
	return resp
}

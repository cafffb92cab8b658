package grant

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-oauthrefresh/client"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
	"vault-plugin-secrets-oauthrefresh/mount"
	"vault-plugin-secrets-oauthrefresh/provider"
	"vault-plugin-secrets-oauthrefresh/role"
)

// notTried is said of what an earlier trouble was in the way of.
const notTried = "not tried"

// rehearsal collects what was found, by the names of the answer's fields.
type rehearsal struct {
	found  map[string]any
	passed bool
}

func (h *rehearsal) ok(field, sentence string) { h.found[field] = sentence }

func (h *rehearsal) fail(field string, err error) { h.found[field], h.passed = err.Error(), false }

// Rehearse goes the way of a refresh up to the request, and says how far it came, by the names of the fields of
// rehearse/<name>. It takes a minute at most. The error is role.ErrNoRole, or storage's.
func (k *Keeper) Rehearse(ctx context.Context, s logical.Storage, key Key) (data map[string]any, warnings []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, provider.MaxTimeout) // for all of it: Vault itself waits for 90 s
	defer cancel()
	g, err := k.Look(ctx, s, key)
	if err != nil {
		return nil, nil, err
	}
	h := &rehearsal{found: map[string]any{"dns": notTried, "connection": notTried, "tls": notTried}, passed: true}
	t, err := role.TargetOf(ctx, s, g.Role, g.Provider)
	if err == nil {
		_, _, err = shownRequest(t, g.State) // and so signed, if it has to be
		err = asRefused(err)
	}
	switch _, refused := mount.AsRefusal(err); {
	case refused:
		h.fail("role", err)
	case err != nil:
		return nil, nil, err
	default:
		h.ok("role", "ok")
		h.rehearse(ctx, t, g.State)
		h.metadata(ctx, s, g.Role.Provider, g.Provider)
	}
	h.found["state"] = k.Word(ctx, s, g)
	h.found["passed"] = h.passed
	return h.found, g.Role.Warnings(), nil
}

// rehearse tries the credentials in use, and then a certificate that is to come.
func (h *rehearsal) rehearse(ctx context.Context, t *role.Target, st *State) {
	c := t.Role.Choices(st.Worked, clock.Now())
	h.found["endpoint"] = t.Endpoints.Token
	if secured := h.probe(ctx, t, t.Role.Pick(c), ""); secured && t.Role.Next.Has(role.PartCertificate) && t.Role.Live(role.PartCertificate, st.Worked) != role.SlotNext {
		next := &rehearsal{found: map[string]any{}, passed: true}
		next.probe(ctx, t, t.Role.Next.Credentials, role.NextPrefix)
		field := role.NextPrefix + "client_certificate"
		h.found[field] = next.found[field] // no part of passed: it may not be registered yet
	}
}

// probe tells how far a connection gets, and whether that is as far as TLS.
func (h *rehearsal) probe(ctx context.Context, t *role.Target, who role.Credentials, prefix string) (secured bool) {
	id, err := who.Identity()
	if err != nil {
		h.fail(prefix+"client_certificate", err)
		return false
	}
	request := &client.Request{Provider: t.Provider, Endpoint: t.Endpoints.Token, Identity: id}
	found, err := client.Probe(ctx, t.Options, request)
	e, _ := errors.AsType[*client.Error](err)
	h.steps(found, err)
	field, answered := prefix+"client_certificate", found.Status != 0
	switch {
	case e != nil && !answered && (e.Certificate || e.MaybeCertificate || e.Class == client.ClientRefused && found.AsksForCertificate):
		h.fail(field, err)
	case found.DoubtsCertificate:
		h.fail(field, errors.New(found.Doubt+"; or it answers like that to whatever is no token request, which only a refresh can tell"))
	case answered && !found.AsksForCertificate && request.NotAsked() != "":
		h.fail(field, fmt.Errorf("%s, in providers/%s", request.NotAsked(), t.Role.Provider))
	case id == nil && found.Secured:
		h.ok(field, "none; "+asking(found))
	case answered && found.AsksForCertificate && found.RefusesClient && request.NotAsked() != "":
		h.ok(field, "asked for and shown; the server answers that it refuses the client, as it may for lack of a client_id, so whether it takes the certificate only a refresh tells")
	case answered && found.AsksForCertificate:
		h.ok(field, "accepted")
	case answered:
		h.ok(field, "not asked for")
	}
	if err == nil && found.HasClock {
		h.found["server_clock_ahead"] = int64(found.ClockOffset.Seconds())
	}
	return found.Secured
}

func asking(found client.Probed) string {
	if found.AsksForCertificate {
		return "the server asks for one and does without"
	}
	return "not asked for"
}

// steps tells of each step whether it was taken. The first that was not is the one that has failed.
func (h *rehearsal) steps(found client.Probed, err error) {
	way := "ok"
	if found.Proxied {
		way = "ok, through the proxy"
	}
	secured := fmt.Sprintf("ok, %s; the server's certificate ends %s", found.TLSVersion, found.ServerNotAfter.UTC().Format(time.RFC3339))
	if found.TLSVersion == "" {
		secured = "none: http://"
	}
	for _, step := range []struct {
		field, sentence string
		taken           bool
	}{
		{"dns", way, found.Resolved},
		{"connection", way, found.Connected},
		{"tls", secured, found.Secured},
		{"answer", fmt.Sprintf("status %d, to a request that asks for nothing", found.Status), err == nil},
	} {
		if !step.taken {
			if h.passed = false; err != nil {
				h.found[step.field] = err.Error()
			}
			return
		}
		h.ok(step.field, step.sentence)
	}
}

// metadata compares what the issuer says now with what was pinned.
func (h *rehearsal) metadata(ctx context.Context, s logical.Storage, name string, p *client.Provider) {
	if p.Issuer == "" {
		return
	}
	if own, err := provider.GetCustom(ctx, s, name); err != nil || own == nil || own.Discovery == nil {
		h.ok("metadata", "not compared: the definition is not from there")
		return
	}
	old, now, err := provider.Rediscover(ctx, s, name)
	if err != nil {
		h.fail("metadata", err)
		return
	}
	resp, _ := provider.Difference(old, now)
	changes, _ := resp.Data["changes"].(map[string]any)
	if len(changes) == 0 {
		h.ok("metadata", "ok, the issuer says what is pinned here")
		return
	}
	h.fail("metadata", mount.Refusal(fmt.Sprintf("the issuer says something else now of %s: see providers/%s/rediscover",
		strings.Join(slices.Sorted(maps.Keys(changes)), ", "), name)))
}

// asRefused makes a refusal of what is refused here before anything is sent.
func asRefused(err error) error {
	if e, ok := errors.AsType[*client.Error](err); ok {
		return mount.Refusal(e.Error())
	}
	return err
}

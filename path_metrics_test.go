package oauthrefresh_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"vault-plugin-secrets-oauthrefresh/client/clienttest"
	"vault-plugin-secrets-oauthrefresh/internal/enginetest"
)

var updateScrape = flag.Bool("scrape", false, "rewrite the scrapes in examples/prometheus/testdata")

// scrape reads the metrics of a mount; no secret may be in them.
func scrape(b *enginetest.Mount, params enginetest.Fields) (text, contentType string) {
	b.T.Helper()
	resp := b.Do(logical.ReadOperation, "metrics", params)
	raw, _ := resp.Data[logical.HTTPRawBody].([]byte)
	contentType, _ = resp.Data[logical.HTTPContentType].(string)
	if resp.Data[logical.HTTPStatusCode] != 200 || len(raw) == 0 || resp.Secret != nil || len(resp.Warnings) > 0 {
		b.T.Errorf("%v", resp)
	}
	if strings.Contains(string(raw), enginetest.Canary) {
		b.T.Errorf("a secret is in the metrics:\n%s", raw)
	}
	return string(raw), contentType
}

// counts asserts that a scrape has these series with these values.
func counts(b *enginetest.Mount, want ...string) {
	b.T.Helper()
	text, _ := scrape(b, nil)
	for _, line := range want {
		if name, _, _ := strings.Cut(line, " "); !strings.Contains(text, "\noauthrefresh_"+line+"\n") {
			b.T.Errorf("want %s, there is %s", line, grepLines(text, name))
		}
	}
}

func grepLines(text, part string) (found []string) {
	for line := range strings.Lines(text) {
		if strings.Contains(line, part) {
			found = append(found, strings.TrimSpace(line))
		}
	}
	return found
}

// series is one of a scrape, as counts takes it.
func series(name string, value any, labels ...string) string {
	var pairs []string
	for i := 0; i < len(labels); i += 2 {
		pairs = append(pairs, fmt.Sprintf("%s=%q", labels[i], labels[i+1]))
	}
	if len(pairs) > 0 {
		name += "{" + strings.Join(pairs, ",") + "}"
	}
	return fmt.Sprint(name, " ", value)
}

func reads(source string, n int) string { return series("reads_total", n, "source", source) }

func refreshes(outcome string, n int) string {
	return series("refreshes_total", n, "outcome", outcome, "provider", "test")
}

// A read counts by what answered it, and a lease only where there is one.
func TestReadsAreCounted(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		enginetest.NewGrant(server).KeepRefreshToken = true
		b.WriteRole("unleased", enginetest.Fields{"lease": false})
		counts(b, reads("memory", 0), reads("storage", 0), reads("refresh", 0), reads("failed", 0), "leases_total 0", refreshes("success", 0))
		b.Read("creds/r")
		counts(b, reads("memory", 0), reads("storage", 0), reads("refresh", 1), reads("failed", 0), "leases_total 1", refreshes("success", 1))
		b.Read("creds/r")
		counts(b, reads("memory", 0), reads("storage", 1), reads("refresh", 1), reads("failed", 0), "leases_total 2")
		b.Read("creds/r")
		b.Read("creds/r")
		counts(b, reads("memory", 2), reads("storage", 1), reads("refresh", 1), reads("failed", 0), "leases_total 4")
		b.Read("creds/unleased")
		counts(b, reads("refresh", 2), "leases_total 4", refreshes("success", 2))
		b.NoCreds("none", 400)
		counts(b, reads("failed", 1), reads("refresh", 2), "leases_total 4")
		enginetest.Pause(2 * time.Hour)
		server.Enqueue(enginetest.InvalidGrant)
		_, _ = b.Try(t.Context(), logical.ReadOperation, "creds/r", nil)
		counts(b, reads("failed", 2), reads("refresh", 2), "leases_total 4", refreshes("success", 2), refreshes("grant_refused", 1))
	})
}

// A request for a refresh counts by what came of it, and its duration; one that is not made does not.
func TestRefreshesAreCountedByOutcome(t *testing.T) {
	for outcome, answer := range map[string]clienttest.Answer{
		"success": enginetest.TokenAnswer("a", ""), "not_processed": enginetest.Busy, "outcome_unknown": {Drop: true},
		"client_refused": clienttest.JSON(401, `{"error":"invalid_client"}`), "grant_refused": enginetest.InvalidGrant,
	} {
		t.Run(outcome, func(t *testing.T) {
			enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
				server.Enqueue(answer)
				_, _ = b.Try(t.Context(), logical.ReadOperation, "creds/r", nil)
				n := len(server.Requests())
				_, _ = b.Try(t.Context(), logical.ReadOperation, "creds/r", nil)
				if len(server.Requests()) != n {
					t.Fatal("the second read asked the provider")
				}
				want := []string{series("refresh_duration_seconds_count", n, "provider", "test")}
				for _, other := range []string{"success", "not_processed", "outcome_unknown", "client_refused", "grant_refused"} {
					if other == outcome {
						want = append(want, refreshes(other, n))
					} else {
						want = append(want, refreshes(other, 0))
					}
				}
				counts(b, want...)
			})
		})
	}
}

// What has to be done is seen, until it is done.
func TestHeldAnswersAndPendingRevocations(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		enginetest.NewGrant(server).KeepRefreshToken = true
		counts(b, "answers_held 0", "revocations_pending 0")
		b.FailSecondPut(1000)
		b.Read("creds/r")
		counts(b, "answers_held 1", series("grant_unwell", 1, "grant", "r", "provider", "test", "state", "unpersisted"))
		b.Storage.OnPut(nil)
		enginetest.Pause(time.Minute)
		counts(b, "answers_held 0", series("grants", 1, "provider", "test", "state", "ok"))
	})
	b, server := enginetest.OwnRole(t)
	lease := b.Read("creds/r")
	server.Handle(enginetest.Always(enginetest.Busy))
	_ = b.EndLease(lease)
	counts(b, "revocations_pending 1")
	server.Handle(enginetest.Always(clienttest.Answer{Status: 200}))
	if err := b.Grants.CatchUp(t.Context(), b.Grants.Over(b.Storage)); err != nil {
		t.Fatal(err)
	}
	counts(b, "revocations_pending 0")
}

// A scrape says of how many roles it is.
func TestASurveyThatIsNotComplete(t *testing.T) {
	b := enginetest.New(t)
	enginetest.NewEndpoint(t, b)
	b.WriteRole("one")
	b.WriteRole("two")
	next := enginetest.NewOn(t, b.Storage)
	b.Storage.OnGet(func(key string) error {
		if key == "role/two" {
			return errors.New("the disk is away")
		}
		return nil
	})
	counts(next, "survey_roles 2", "survey_roles_seen 1", "survey_complete 0", series("grants", 1, "provider", "test", "state", "new"))
	b.Storage.OnGet(nil)
	counts(next, "survey_roles 2", "survey_roles_seen 2", "survey_complete 1", series("grants", 2, "provider", "test", "state", "new"))
}

func TestMetricsOfAnotherFormOrHorizon(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		b.WriteRole("r", enginetest.Fields{"client_secret_expires_at": time.Now().Add(20 * enginetest.Day).Format(time.RFC3339)})
		const named = `grant_dies_in_seconds{cause="client_secret_expires_at",grant="r",provider="test"} 1.728e+06`
		text, contentType := scrape(b, nil)
		if !strings.HasPrefix(contentType, "text/plain; version=0.0.4") || strings.Contains(text, "# EOF") || strings.Contains(text, named) {
			t.Error(contentType, text)
		}
		text, contentType = scrape(b, enginetest.Fields{"format": "openmetrics", "horizon": "30d"})
		if !strings.HasPrefix(contentType, "application/openmetrics-text; version=1.0.0") || !strings.HasSuffix(text, "\n# EOF\n") || !strings.Contains(text, named) {
			t.Error(contentType, text)
		}
		b.Rejects(logical.ReadOperation, "metrics", enginetest.Fields{"format": "json"}, "format must be prometheus or openmetrics")
		b.Rejects(logical.ReadOperation, "metrics", enginetest.Fields{"horizon": "1m"}, "horizon must be from 1h to 366d")
		if n := len(server.Requests()); n != 0 {
			t.Errorf("a scrape asks the provider %d times", n)
		}
	})
}

// A scrape may come at any moment.
func TestScrapesAmongReadersAndRefreshes(t *testing.T) {
	b := enginetest.New(t)
	server := enginetest.NewEndpoint(t, b)
	server.Handle(enginetest.Always(enginetest.TokenAnswer("a", "")))
	const roles, rounds = 4, 10
	var all sync.WaitGroup
	for i := range roles {
		name := fmt.Sprint("r", i)
		b.WriteRole(name)
		all.Go(func() {
			for range rounds {
				_, _ = b.Try(t.Context(), logical.UpdateOperation, "refresh/"+name, nil)
				if resp, err := b.Try(t.Context(), logical.ReadOperation, "creds/"+name, nil); err != nil || resp.IsError() {
					t.Error(resp, err)
				}
			}
		})
		all.Go(func() {
			for range rounds {
				resp, err := b.Try(t.Context(), logical.ReadOperation, "metrics", nil)
				if err != nil {
					t.Error(err)
					continue
				}
				parser := expfmt.NewTextParser(model.LegacyValidation)
				if _, err := parser.TextToMetricFamilies(bytes.NewReader(resp.Data[logical.HTTPRawBody].([]byte))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	counts(b, fmt.Sprint("leases_total ", roles*rounds), refreshes("success", len(server.Requests())))
}

// The scrapes in examples/prometheus, which its rules, its dashboard and its document are held to, are what the engine says
// of a mount that has a bit of everything:
//
//	go test . -run TestTheExampleIsATrueScrape -scrape
func TestTheExampleIsATrueScrape(t *testing.T) {
	enginetest.WithClock(t, func(t *testing.T, b *enginetest.Mount, server *clienttest.Server) {
		everything(b, server)
		for file, format := range map[string]string{"scrape.txt": "prometheus", "scrape.openmetrics.txt": "openmetrics"} {
			file = "examples/prometheus/testdata/" + file
			text, _ := scrape(b, enginetest.Fields{"format": format})
			text = strings.ReplaceAll(text, runtime.Version(), "go1.26.7")
			if *updateScrape {
				if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if readDoc(t, file) != text {
				t.Errorf("%s is another scrape than this: go test . -run TestTheExampleIsATrueScrape -scrape\n%s", file, text)
			}
		}
		b.Storage.OnPut(nil)
	})
}

// everything makes a mount with grants in most states at four providers, with answers by the client that asks.
func everything(b *enginetest.Mount, server *clienttest.Server) {
	b.Delete("roles/r")
	b.Write("config", enginetest.Fields{"external_url": enginetest.ExternalURL})
	for _, name := range []string{"bank", "crm", "login", "api"} {
		fields := enginetest.Fields{"token_endpoint": server.URL() + "/token", "revocation_endpoint": server.URL() + "/revoke", "token_endpoint_auth_method": "client_secret_post"}
		switch name {
		case "login":
			fields["authorization_endpoint"] = server.URL() + "/authorize"
		case "api":
			fields["refresh_token_rotation"] = "never"
		}
		b.Write("providers/"+name, fields)
	}
	in := func(days int) string {
		return time.Now().Add(time.Duration(days) * enginetest.Day).Format(time.RFC3339)
	}
	write := func(name, provider string, more ...enginetest.Fields) {
		b.Write("roles/"+name, enginetest.RoleOf(provider, more...))
	}
	read := func(name string, answer clienttest.Answer) {
		server.Enqueue(answer)
		_, _ = b.Try(b.T.Context(), logical.ReadOperation, "creds/"+name, nil)
	}
	good := enginetest.TokenAnswer("a", "")
	write("accounts", "bank")
	read("accounts", good)
	write("payments", "bank", enginetest.Fields{"client_secret_expires_at": in(5)})
	read("payments", good)
	for range 40 {
		b.Read("creds/payments")
	}
	b.InvalidateKey(b.T.Context(), "token/payments")
	b.InvalidateKey(b.T.Context(), "role/payments")
	b.Read("creds/payments")
	write("sales", "crm", enginetest.Fields{"grant_expires_at": in(12)})
	read("sales", good)
	write("crm-archive", "crm")
	read("crm-archive", clienttest.JSON(401, `{"error":"invalid_client"}`))
	write("agreements", "crm")
	read("agreements", enginetest.InvalidGrant)
	write("leads", "crm")
	read("leads", enginetest.Busy)
	write("letters", "crm")
	read("letters", clienttest.Text(500, "text/plain", "oops"))
	write("desk", "login", enginetest.Fields{"refresh_token": nil, "grant_owner": "entity"})
	for _, owner := range []string{"anna", "bernd"} {
		server.Enqueue(enginetest.TokenAnswer("a", enginetest.Canary+owner))
		b.Write("confirm/desk/"+owner, enginetest.Fields{"authorization_code": "code", "redirect_uri": "http://127.0.0.1:1/"})
	}
	server.Enqueue(enginetest.Busy)
	_, _ = b.Try(b.T.Context(), logical.UpdateOperation, "refresh/desk/anna", nil)
	write("shop", "login", enginetest.Fields{"refresh_token": nil})
	write("batch", "api", enginetest.Fields{"token_mode": "per_lease"})
	server.Enqueue(good)
	lease := b.Read("creds/batch")
	server.Enqueue(enginetest.Busy)
	_ = b.EndLease(lease)
	write("moved", "api")
	b.Write("providers/gone", enginetest.Fields{"token_endpoint": server.URL() + "/token"})
	write("abandoned", "gone")
	b.Delete("providers/gone")
	if err := b.Grants.Over(b.Storage).Put(b.T.Context(), &logical.StorageEntry{Key: "role/damaged", Value: []byte("{")}); err != nil {
		b.T.Fatal(err)
	}
	b.Storage.FailPuts("token/moved", enginetest.ErrDisk, func(n int) bool { return n > 1 })
	read("moved", good)
}

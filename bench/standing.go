package main

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
)

// sickRoles is how many of a large mount's grants need attention, and asked how often each question is asked about them.
const sickRoles, asked = 1000, 40

// standing asks a plugin that knows all roles of a large mount how they stand: the status, a page of the list, and a scrape.
// What a list costs beyond that is what a plugin takes that lists the same storage and answers with a page of names.
func (t *table) standing(h *host) error {
	if err := h.sicken(sickRoles); err != nil {
		return err
	}
	lister, err := startPlugin(baselineName, h.storage)
	if err != nil {
		return err
	}
	defer lister.stop()
	page := map[string]any{"limit": "100", "after": "many5"}
	var status, list, names, scrape []time.Duration
	var shown, scraped int
	for range asked {
		answers := make([]*logical.Response, 4)
		for i, q := range []struct {
			times *[]time.Duration
			of    *host
			op    logical.Operation
			path  string
			data  map[string]any
		}{
			{&status, h, logical.ReadOperation, "status", map[string]any{"limit": "50"}},
			{&list, h, logical.ListOperation, "roles/", page},
			{&names, lister, logical.ListOperation, "names/", page},
			{&scrape, h, logical.ReadOperation, "metrics", nil},
		} {
			began := time.Now()
			if answers[i], err = q.of.ask(q.op, q.path, q.data); err != nil {
				return err
			}
			*q.times = append(*q.times, time.Since(began))
		}
		if shown, scraped, err = h.sound(answers); err != nil {
			return err
		}
	}
	what := fmt.Sprintf("%d roles, %d of them sick", manyRoles, sickRoles)
	t.add(fmt.Sprintf("`status?limit=50`, %s (plugin alone)", what), millis(median(status)), "p90 "+millis(quantile(status, 0.9)), fmt.Sprintf("%d shown", shown), "≤ 50 ms")
	t.add("`LIST roles?limit=100` of them (plugin alone)", millis(median(list)), "a plugin that only lists: "+millis(median(names)),
		millis(median(list)-median(names))+" more", "≤ 20 ms more")
	t.add("a scrape of `metrics` of them (plugin alone)", millis(median(scrape)), "p90 "+millis(quantile(scrape, 0.9)), fmt.Sprintf("%.1f KiB", float64(scraped)/(1<<10)), "≤ 100 ms, ≤ 64 KiB")
	return nil
}

// sicken has the last so many grants refused, in turn for each reason there is.
func (h *host) sicken(n int) error {
	kinds := slices.Sorted(maps.Keys(refusals))
	return each(n, func(i int) error {
		name := fmt.Sprint("many", manyRoles-1-i)
		if err := h.request(logical.UpdateOperation, "roles/"+name, map[string]any{"refresh_token": kinds[i%len(kinds)]}); err != nil {
			return err
		}
		if h.request(logical.ReadOperation, "creds/"+name, nil) == nil {
			return fmt.Errorf("%s was to be refused", name)
		}
		return nil
	})
}

// sound tells how many grants a status shows and how large a scrape is, if the answers are what was asked for.
func (h *host) sound(answers []*logical.Response) (shown, scraped int, err error) {
	status, list, names, scrape := answers[0].Data, answers[1].Data, answers[2].Data, answers[3].Data
	grants, _ := status["grants"].([]any)
	text, _ := scrape[logical.HTTPRawBody].(string) // base64 on its way to Vault
	if fmt.Sprint(status["roles"]) != fmt.Sprint(manyRoles) || fmt.Sprint(status["ok"]) != fmt.Sprint(manyRoles-sickRoles) {
		err = fmt.Errorf("status counts %v roles, %v of them ok", status["roles"], status["ok"])
	}
	if fmt.Sprint(list["keys"]) != fmt.Sprint(names["keys"]) {
		err = errors.Join(err, errors.New("the lists differ"))
	}
	return len(grants), base64.StdEncoding.DecodedLen(len(text)), err
}

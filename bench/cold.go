package main

import (
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// colds is how many reads that take a refresh are measured.
const colds = 200

// cold compares a read that takes a refresh with its parts: the same request made directly, and a plugin that
// writes storage as often and gives a lease. One reader at a time: it is about time, not about rate.
func cold(t *table) error {
	p := startProvider(true, 0)
	defer p.Close()
	return withVault("raft", func(v *vault) error {
		if err := v.define("bench", p); err != nil {
			return err
		}
		if err := v.grant("cold", colds, "bench", true, nil); err != nil {
			return err
		}
		return v.cold(t, p)
	})
}

func (v *vault) cold(t *table, p *provider) error {
	var reads, direct, written []time.Duration
	caller, reader := p.caller(), &http.Client{}
	for i := range colds {
		for _, m := range []struct {
			times *[]time.Duration
			f     func() error
		}{
			{&direct, func() error { return exchange(caller, p.URL+"/token") }},
			{&written, func() error { return v.get(reader, "base/written/x") }},
			{&reads, func() error { return v.get(reader, fmt.Sprint("oauth/creds/cold", i)) }},
		} {
			began := time.Now()
			if err := m.f(); err != nil {
				return err
			}
			*m.times = append(*m.times, time.Since(began))
		}
	}
	parts := median(direct) + median(written)
	t.add("cold read, median (raft)", millis(median(reads)),
		fmt.Sprintf("provider %s + two writes and a lease %s", millis(median(direct)), millis(median(written))),
		millis(median(reads)-parts)+" more", "≤ 2 ms more")
	t.add("exchanges that resume a TLS session", fmt.Sprint(p.resumed.Load()), fmt.Sprintf("of %d", p.requests.Load()),
		fmt.Sprintf("%.2f", float64(p.resumed.Load())/float64(p.requests.Load())), "")
	return nil
}

// exchange is what the engine sends.
func exchange(client *http.Client, endpoint string) error {
	resp, err := client.PostForm(endpoint, url.Values{
		"grant_type": {"refresh_token"}, "refresh_token": {"refresh"}, "client_id": {"bench"}, "client_secret": {"secret of bench"},
	})
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

func millis(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
}

package main

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"
)

// contender is something to read, by so many readers at once.
type contender struct {
	name    string
	readers int
	path    func(i int) string // of the i-th read
	token   string             // of who reads, "" for the root token

	rates []float64 // reads a second, by round
	waits []time.Duration
}

// measure reads for a while and notes rate and waiting times.
func (v *vault) measure(c *contender, d time.Duration) error {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: c.readers}}
	defer client.CloseIdleConnections()
	var mu sync.Mutex
	var wg sync.WaitGroup
	var failure error
	began, total := time.Now(), 0
	for reader := range c.readers {
		wg.Go(func() {
			var waits []time.Duration
			var err error
			for i := reader; err == nil && time.Since(began) < d; i += c.readers {
				asked := time.Now()
				err = v.getAs(client, cmp.Or(c.token, v.Token()), c.path(i))
				waits = append(waits, time.Since(asked))
			}
			mu.Lock()
			defer mu.Unlock()
			total += len(waits)
			c.waits = append(c.waits, waits...)
			if err != nil {
				failure = fmt.Errorf("%s: %w", c.name, err)
			}
		})
	}
	wg.Wait()
	c.rates = append(c.rates, float64(total)/time.Since(began).Seconds())
	return failure
}

// get is one read by the root token.
func (v *vault) get(client *http.Client, path string) error { return v.getAs(client, v.Token(), path) }

// getAs is one read, with as little client as possible: it shares the processors with what is measured.
func (v *vault) getAs(client *http.Client, token, path string) error {
	req, err := http.NewRequest(http.MethodGet, v.Address()+"/v1/"+path, nil)
	if err != nil {
		return err
	}
	req.Header.Set("X-Vault-Token", token)
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 400))
		return fmt.Errorf("%s: %s: %s", path, resp.Status, text)
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

// interleave measures all contenders in turn, in each round from another one on, so that a machine whose
// speed drifts is as unfair to one as to the other.
func (v *vault) interleave(rounds int, d time.Duration, contenders ...*contender) error {
	for _, c := range contenders { // warm-up
		if err := v.measure(c, d/2); err != nil {
			return err
		}
		c.rates, c.waits = nil, nil
	}
	for round := range rounds {
		for i := range contenders {
			if err := v.measure(contenders[(i+round)%len(contenders)], d); err != nil {
				return err
			}
		}
	}
	return nil
}

// ratio is the median over the rounds of how c's rate compares with the other's.
func (c *contender) ratio(to *contender) float64 {
	var ratios []float64
	for i := range min(len(c.rates), len(to.rates)) {
		ratios = append(ratios, c.rates[i]/to.rates[i])
	}
	return median(ratios)
}

func median[T int64 | float64 | time.Duration](values []T) T { return quantile(values, 0.5) }

// quantile is the value below which that part of the values lies; 0 of none.
func quantile[T int64 | float64 | time.Duration](values []T, part float64) T {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(int(part*float64(len(sorted))), len(sorted)-1)]
}

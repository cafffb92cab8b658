package main

import (
	"net/http"
	"slices"
)

// ledgers are those of all providers, in the order in which they are shown.
type ledgers []*ledger

// named gives the ledger of a provider, nil when there is none.
func (all ledgers) named(provider string) *ledger {
	for _, l := range all {
		if l.name == provider {
			return l
		}
	}
	return nil
}

// at gives the ledgers of the providers that answer on a host.
func (all ledgers) at(host string) ledgers {
	return all.those(func(l *ledger) bool { return l.serves(host) })
}

// under gives the ledgers of the providers whose paths begin with the same part.
func (all ledgers) under(first string) ledgers {
	return all.those(func(l *ledger) bool { return l.path != "" && l.path == first })
}

func (all ledgers) those(wanted func(*ledger) bool) ledgers {
	var out ledgers
	for _, l := range all {
		if wanted(l) {
			out = append(out, l)
		}
	}
	return out
}

// claiming gives the last that claims a request, see provider.claims; nil when none does.
func (all ledgers) claiming(h http.Header) *ledger {
	for _, l := range slices.Backward(all) {
		if l.claims == nil || l.claims(h, l.knows) {
			return l
		}
	}
	return nil
}

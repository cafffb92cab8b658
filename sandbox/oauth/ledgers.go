package oauth

import (
	"net/http"
	"slices"
)

// Ledgers are those of all providers, in the order in which they are shown.
type Ledgers []*Ledger

// Named gives the ledger of a provider, nil when there is none.
func (all Ledgers) Named(provider string) *Ledger {
	for _, l := range all {
		if l.Name == provider {
			return l
		}
	}
	return nil
}

// At gives the ledgers of the providers that answer on a host.
func (all Ledgers) At(host string) Ledgers {
	return all.those(func(l *Ledger) bool { return l.serves(host) })
}

// Under gives the ledgers of the providers whose paths begin with the same part.
func (all Ledgers) Under(first string) Ledgers {
	return all.those(func(l *Ledger) bool { return l.Path != "" && l.Path == first })
}

func (all Ledgers) those(wanted func(*Ledger) bool) Ledgers {
	var out Ledgers
	for _, l := range all {
		if wanted(l) {
			out = append(out, l)
		}
	}
	return out
}

// Claiming gives the last that claims a request, see Provider.Claims; nil when none does.
func (all Ledgers) Claiming(h http.Header) *Ledger {
	for _, l := range slices.Backward(all) {
		if l.Claims == nil || l.Claims(h, l.knows) {
			return l
		}
	}
	return nil
}

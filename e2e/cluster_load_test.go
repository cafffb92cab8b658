package e2e

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
)

// load is a handful of readers that want tokens all the time, whoever leads the cluster.
type load struct {
	t       *testing.T
	cluster *cluster
	sandbox *sandbox
	roles   []clusterRole
	stop    chan struct{}
	wg      sync.WaitGroup

	served []atomic.Int64 // reads that brought a token, by role
	failed atomic.Int64   // reads that brought none
	why    atomic.Value   // the last error of these
}

const readers = 4

func startLoad(t *testing.T, c *cluster, s *sandbox, roles []clusterRole) *load {
	l := &load{t: t, cluster: c, sandbox: s, roles: roles, stop: make(chan struct{}), served: make([]atomic.Int64, len(roles))}
	for i := range readers {
		l.wg.Go(func() { l.run(i) })
	}
	t.Cleanup(l.end)
	return l
}

// end stops the readers; it may be called more than once.
func (l *load) end() {
	select {
	case <-l.stop:
	default:
		close(l.stop)
	}
	l.wg.Wait()
}

// run reads role after role. A node that fails is left for the next one: any node that lives leads, or forwards
// to the one that does.
func (l *load) run(offset int) {
	var clients []*api.Client
	for _, v := range l.cluster.nodes {
		client := v.client()
		client.SetClientTimeout(10 * time.Second)
		clients = append(clients, client)
	}
	node := offset
	for i := offset; ; i++ {
		select {
		case <-l.stop:
			return
		case <-time.After(50 * time.Millisecond):
		}
		if !l.read(clients[node%len(clients)], i%len(l.roles)) {
			node++
		}
	}
}

// read gets one token and shows it to its provider. Those of a strict one are refreshed by force, which may end a
// token in its reader's hand.
func (l *load) read(client *api.Client, i int) bool {
	role := l.roles[i]
	asked := time.Now()
	s, err := client.Logical().Read("oauth/creds/" + role.name)
	if err != nil || s == nil {
		l.failed.Add(1)
		l.why.Store(fmt.Sprint(err))
		return false
	}
	token, _ := s.Data["access_token"].(string)
	err = l.sandbox.accepts(role.ledger, token)
	if lease := time.Duration(s.LeaseDuration) * time.Second; err != nil && !role.strict && time.Since(asked) < lease {
		l.t.Errorf("a token of %s, generation %v: %v", role.name, s.Data["generation"], err)
	}
	l.served[i].Add(1)
	return true
}

// awaitAll waits until every role has been read again: the cluster works.
func (l *load) awaitAll() {
	l.t.Helper()
	for i := range l.roles {
		want := l.served[i].Load() + 1
		for deadline := time.Now().Add(time.Minute); l.served[i].Load() < want; {
			if time.Now().After(deadline) {
				l.t.Fatalf("no reader gets a token of %s any more: %v", l.roles[i].name, l.why.Load())
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
}

func (l *load) String() string {
	served := int64(0)
	for i := range l.served {
		served += l.served[i].Load()
	}
	return fmt.Sprintf("%d reads served, %d failed while there was no leader", served, l.failed.Load())
}

// accepts uses an access token at the provider's API, as its reader would.
func (s *sandbox) accepts(provider, token string) error {
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, s.env["SANDBOX_API"]+"/api/"+provider, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return errors.New("the provider answers " + resp.Status)
	}
	return nil
}

package e2e

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
)

// cluster is three Vault servers with integrated storage, which find each other by retry_join.
type cluster struct {
	t     *testing.T
	nodes []*vault
}

// startCluster returns when every node has a vote: with fewer, the loss of the leader would end the cluster.
func startCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{t: t}
	t.Cleanup(func() {
		for _, v := range c.nodes {
			if v.process != nil {
				v.stop()
			}
		}
	})
	var join strings.Builder
	for i := range 3 {
		v := &vault{name: ownName(fmt.Sprintf("cluster-%d", i))}
		c.must(v.settle())
		c.nodes = append(c.nodes, v)
		fmt.Fprintf(&join, " retry_join {\n  leader_api_addr = %q\n }\n", v.addr)
	}
	// performance_multiplier stays as it is: with 1 a leader that hears nothing for half a second gives up, and on a busy
	// machine there would be elections that nobody has asked for.
	for _, v := range c.nodes {
		data := filepath.Join(workdir, v.name+"-data")
		c.must(os.Mkdir(data, 0o700))
		c.must(v.configure(fmt.Sprintf("storage \"raft\" {\n path = %q\n node_id = %q\n%s}\n", data, v.name, &join)))
	}
	first := c.nodes[0]
	init, err := first.client().Sys().Init(&api.InitRequest{SecretShares: 1, SecretThreshold: 1})
	c.must(err)
	canaries.add("unseal key", init.Keys[0])
	for _, v := range c.nodes {
		v.token, v.unsealKey = init.RootToken, init.Keys[0]
		c.unseal(v)
	}
	c.must(first.audit())
	c.must(first.await("three votes", time.Minute, func() error { return threeVotes(first) }))
	return c
}

// unseal is for a node that may still be on its way to the others: until it has joined it takes no key.
func (c *cluster) unseal(v *vault) {
	c.t.Helper()
	c.must(v.await("the node has joined", time.Minute, func() error { return cmp.Or(v.unseal(), unsealed(v)) }))
}

func unsealed(v *vault) error {
	health, err := v.client().Sys().Health()
	if err == nil && health.Sealed {
		err = errors.New("sealed")
	}
	return err
}

func threeVotes(v *vault) error {
	state, err := v.client().Sys().RaftAutopilotState()
	if err == nil && (state == nil || len(state.Voters) != 3) {
		err = errors.New("not all nodes have a vote yet")
	}
	return err
}

// active waits until a node, not the one that is gone, leads, and stores what it is told as the leader.
func (c *cluster) active(gone *vault) *vault {
	c.t.Helper()
	rest := slices.DeleteFunc(slices.Clone(c.nodes), func(v *vault) bool { return v == gone })
	var leader *vault
	c.must(rest[0].await("a leader", time.Minute, func() error {
		for _, v := range rest {
			health, err := v.client().Sys().Health()
			if err != nil || health.Sealed || health.Standby {
				continue
			}
			leader = v
			// A write: one that has just lost the lead still reads.
			return v.client().Sys().PutPolicy("probe", `path "probe" { capabilities = ["deny"] }`)
		}
		return errors.New("no node leads")
	}))
	return leader
}

// kill ends a node the hard way; its plugin is left to itself.
func (c *cluster) kill(v *vault) {
	c.t.Helper()
	c.must(v.cmd.Process.Kill())
	<-v.done
}

// restart brings a killed node back into the cluster.
func (c *cluster) restart(v *vault) {
	c.t.Helper()
	c.must(v.boot())
	c.unseal(v)
}

func (c *cluster) must(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal("cluster: ", err)
	}
}

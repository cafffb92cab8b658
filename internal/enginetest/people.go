package enginetest

import (
	"crypto/sha256"
	"fmt"
	"sync"

	"github.com/hashicorp/vault/sdk/logical"
)

// People are the entities that Vault knows: each that has made a request, until it is forgotten. It is Vault as a mount
// sees it.
type People struct {
	*logical.StaticSystemView
	mu    sync.Mutex
	known map[string]*logical.Entity
	err   error
}

// EntityID is the id of an entity by its name.
func EntityID(name string) string {
	sum := sha256.Sum256([]byte(name))
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[0:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}

// meet makes an entity known, with an address.
func (p *People) meet(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if id := EntityID(name); p.known[id] == nil {
		p.known[id] = &logical.Entity{ID: id, Name: name, Metadata: map[string]string{"email": name + "@example.com"}}
	}
}

// Change changes what Vault knows of an entity; to nil, it is forgotten.
func (p *People) Change(name string, to *logical.Entity) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if to != nil {
		to.ID = EntityID(name)
	}
	p.known[EntityID(name)] = to
}

// Fails makes every look at an entity fail with this error, nil for none.
func (p *People) Fails(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.err = err
}

// EntityInfo implements logical.SystemView as Vault does: nil for an entity that is not known.
func (p *People) EntityInfo(id string) (*logical.Entity, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known[id] == nil || p.err != nil {
		return nil, p.err
	}
	return p.known[id], nil
}

// GroupsForEntity implements logical.SystemView: nobody is in a group.
func (p *People) GroupsForEntity(string) ([]*logical.Group, error) { return nil, nil }

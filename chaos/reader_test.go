package chaos

import (
	"context"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
)

// read asks for a token that has nine tenths of its life before it.
func (p *process) read(ctx context.Context, g *grant) (*logical.Response, error) {
	return p.ask(ctx, logical.ReadOperation, "creds", g, fields{"min_ttl": g.lifetime * 9 / 10})
}

// readWhenDue waits until the token at hand is too old for a read.
func (p *process) readWhenDue(ctx context.Context, g *grant) (*logical.Response, error) {
	time.Sleep(time.Until(g.due()))
	return p.read(ctx, g)
}

// force asks for another token than that of the generation, whatever it is like.
func (p *process) force(ctx context.Context, g *grant, generation any) (*logical.Response, error) {
	return p.ask(ctx, logical.UpdateOperation, "refresh", g, fields{"if_generation": generation})
}

// readers start one to five readers of a grant, who tell check when they have an answer.
func (l *lane) readers(g *grant, check func(*grant)) (wait func()) {
	p := l.process
	done := make(chan struct{})
	n := 1 + l.random.IntN(5)
	for range n {
		delay := l.within(20 * time.Millisecond)
		read := p.readWhenDue
		if l.random.IntN(2) == 0 {
			generation := l.status(g)["generation"]
			read = func(ctx context.Context, g *grant) (*logical.Response, error) {
				time.Sleep(time.Until(g.due())) // not needed, but so any earlier refresh is one too many
				return p.force(ctx, g, generation)
			}
		}
		go func() {
			defer func() { done <- struct{}{} }()
			time.Sleep(delay)
			if _, err := read(context.Background(), g); err == nil {
				check(g)
			}
		}()
	}
	return func() {
		for range n {
			<-done
		}
	}
}

// get reads until there is a token, or a refusal, which trying again would not change.
func (p *process) get(g *grant) (accessToken string, err error) {
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		resp, err := p.readWhenDue(context.Background(), g)
		if err == nil {
			return resp.Data["access_token"].(string), nil
		}
		if resp.IsError() || time.Now().After(deadline) {
			return "", err
		}
	}
}

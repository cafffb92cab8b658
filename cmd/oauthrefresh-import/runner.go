package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// runner takes the rows to Vault, one after the other.
type runner struct {
	vault   *vault
	journal *journal
	fields  map[string]field
	stderr  io.Writer
	report  *report
}

// run looks at all roles first, then writes those that are not there. The error says why it stopped; what is done by then
// stands in the report.
func (r *runner) run(ctx context.Context, rows []row) error {
	p := newProgress(r.stderr, "looked at", len(rows))
	var missing []int
	for i := range rows {
		there, err := r.look(ctx, rows[i], &r.report.Rows[i])
		if err != nil {
			p.end()
			return stopped(ctx, err)
		}
		if !there {
			missing = append(missing, i)
		}
		p.step(i + 1)
	}
	p.end()
	if r.report.DryRun {
		for _, i := range missing {
			r.report.Rows[i].Outcome = wouldWrite
		}
		return nil
	}
	p = newProgress(r.stderr, "written", len(missing))
	defer p.end()
	for n, i := range missing {
		if err := ctx.Err(); err != nil {
			return stopped(ctx, err)
		}
		if err := r.write(ctx, rows[i], &r.report.Rows[i]); err != nil {
			return stopped(ctx, err)
		}
		p.step(n + 1)
	}
	return nil
}

// stopped says of an interrupted run that it was that.
func stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return errors.New("interrupted: what was under way is finished, the rest is not begun")
	}
	return fmt.Errorf("stopped: %w", err)
}

// look tells whether the role is there, and what that means. A role that is there is never written: its refresh token may
// have been replaced since it was, and whoever writes the spent one over it loses the grant.
func (r *runner) look(ctx context.Context, it row, out *result) (there bool, err error) {
	shown, err := r.vault.role(ctx, it.name)
	if err != nil {
		return false, err
	}
	state := r.journal.state[it.name]
	switch {
	case shown == nil && state == done:
		out.say(skipped, "this import has written it, and it is gone since. It is not written again, since its refresh token may be spent: agree anew, or write it by hand")
		return true, nil
	case shown == nil:
		return false, nil
	case state == done:
		out.say(before, "")
	case state == intended && r.alike(it, shown):
		// Its answer was lost, or the program was killed behind it.
		out.say(before, "its write was interrupted; what can be seen of the role is this row's")
		if r.report.DryRun {
			return true, nil
		}
		return true, r.journal.written(it.name)
	case state == intended:
		out.say(skipped, "there is a role with this name that is not as this row has it, and this import was interrupted as it wrote it: look which grant it keeps")
	default:
		out.say(skipped, "there was a role with this name before; it is left as it is")
	}
	return true, nil
}

// alike compares what a read shows of a role with the row: whose client it is, at which provider, and which secrets are
// set. More than that no read shows.
func (r *runner) alike(it row, shown map[string]any) bool {
	for _, name := range []string{"provider", "client_id"} {
		if seen, _ := shown[name].(string); seen != it.text(name) {
			return false
		}
	}
	for _, name := range []string{"client_secret", "refresh_token"} {
		if seen, _ := shown[name+"_set"].(bool); seen != (it.text(name) != "") {
			return false
		}
	}
	return true
}

// write writes one role, unless it is there by now. It is asked for again only where that can't be known or will pass, and
// then it is looked for first: an answer may be lost behind a write that has taken place. Ctrl-C does not end a write that
// is under way.
//
// A refusal takes the intent back, or the next run would count a role that somebody has written by hand as this row's. But
// it tells nothing of a try before it whose outcome is unknown, of this run or of one before: that may yet be carried out.
func (r *runner) write(ctx context.Context, it row, out *result) error {
	var last error
	doubt := r.journal.state[it.name] == intended
	for try := range tries {
		if there, err := r.look(ctx, it, out); err != nil || there {
			if there && out.Outcome == before {
				out.say(written, "")
			}
			return err
		}
		if err := r.journal.writing(it.name); err != nil {
			return err
		}
		a, err := r.vault.ask(context.WithoutCancel(ctx), http.MethodPost, r.vault.rolePath(it.name), it.fields)
		switch {
		case err == nil && a.status < 300:
			out.say(written, "")
			for _, text := range a.warnings {
				out.Warnings = append(out.Warnings, r.harmless(it, text))
			}
			return r.journal.written(it.name)
		case err == nil && !a.passes():
			out.say(refused, r.harmless(it, a.says))
			if doubt {
				return nil
			}
			return r.journal.refused(it.name)
		case err == nil:
			err = errors.New(r.harmless(it, a.String()))
		}
		last, doubt = err, doubt || a.unknown()
		out.say(notReached, "it was begun, and Vault did not say that it is done")
		if err := r.vault.wait(ctx, try, a); err != nil {
			return err
		}
	}
	return last
}

// harmless is a sentence of Vault, on one line, unless it holds a secret of the row. None should.
func (r *runner) harmless(it row, text string) string {
	for name, value := range it.fields {
		if r.fields[name].Display.Sensitive && holds(text, value) {
			return "Vault's answer repeats a value of this row, so it is not shown here"
		}
	}
	return strings.Join(strings.Fields(text), " ")
}

// holds tells whether a text holds a value or, of a map, one of its values. What is shorter than four characters is too
// short to be told from chance.
func holds(text string, value any) bool {
	switch value := value.(type) {
	case string:
		value = strings.Trim(value, "\r\n")
		return len(value) > 3 && strings.Contains(text, value)
	case map[string]any:
		for _, part := range value {
			if holds(text, part) {
				return true
			}
		}
	}
	return false
}

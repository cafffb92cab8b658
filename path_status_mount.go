package oauthrefresh

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
	"golang.org/x/sync/errgroup"

	"vault-plugin-secrets-oauthrefresh/grant"
	"vault-plugin-secrets-oauthrefresh/index"
	"vault-plugin-secrets-oauthrefresh/internal/clock"
	"vault-plugin-secrets-oauthrefresh/mount"
	"vault-plugin-secrets-oauthrefresh/role"
)

// pathStatusMount is the status of all grants; path_status.go has that of one.
func pathStatusMount(b *backend) *framework.Path {
	return &framework.Path{
		Pattern:      "status/?$",
		DisplayAttrs: mount.Display("status"),
		Fields: filterFields(map[string]*framework.FieldSchema{
			"after":   {Type: framework.TypeString, Description: "Name the grants behind this one, which is the next of the page before.", Query: true},
			"limit":   {Type: framework.TypeInt64, Description: "How many grants to name, 1 to 1000; default is 100.", Query: true},
			"horizon": horizonField,
		}),
		Operations: map[logical.Operation]framework.OperationHandler{
			// What is under way and what is held is known to the node that refreshes.
			logical.ReadOperation: mount.Writing(b.pathStatusRead, "", "Read which grants need attention."),
		},
		HelpSynopsis: "Which grants of this mount need attention.",
		HelpDescription: `Counts the grants by state and provider, and names those that need attention or die soon with what to do,
the soonest death first: dead ones (reauthorization_required), those to whose grant nobody has agreed
yet (unauthorized), whose last refresh failed, for which no refresh can be tried before somebody writes
something (blocked), where the outcome of a refresh is unknown, whose last answer is not stored yet,
whose owner Vault does not know any more (orphaned), and whose entries in storage are damaged
(unreadable). Owners' grants are named <role>/<owner>. The details of each stand at status/<name>.

It answers from memory, which is filled by a look at all roles when the plugin's process begins:
surveyed says of how many roles the answer is. With state, provider and label it is about fewer.`,
	}
}

// The defaults and bounds of what status shows.
const (
	defaultNamed   = 100
	maxListed      = 1000 // in each of the lists by state
	shortestAhead  = time.Hour
	longestAhead   = 366 * 24 * time.Hour
	stepsAtOnce    = 8
	countedFurther = "%d of %d roles were looked at since the plugin's process began: what this says is of those; ask again"
)

func (b *backend) pathStatusRead(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	filter, err := filterOf(d)
	if err != nil {
		return mount.Answer(err)
	}
	limit, err := pageSize(d, defaultNamed)
	if err != nil {
		return mount.Answer(err)
	}
	progress, err := b.schedule.Known(ctx, req.Storage)
	if err != nil {
		return mount.Answer(err)
	}
	report := b.schedule.Index.Report(*filter)
	page, ok := report.After(d.Get("after").(string), limit)
	if !ok {
		return mount.Answer(mount.Refusal("after is the next of the page before, or the name of a grant among these, and there is no such grant (any more): begin again without it"))
	}
	resp := &logical.Response{Data: statusOf(filter, report, progress)}
	resp.Data["grants"] = b.describe(ctx, req.Storage, filter, page)
	warnOfPage(resp, report, progress, page)
	return resp, nil
}

// filterOf is which grants somebody asks for.
func filterOf(d *framework.FieldData) (*index.Filter, error) {
	f := &index.Filter{State: d.Get("state").(string), Provider: d.Get("provider").(string)}
	if f.State != "" && !slices.Contains(grant.States, f.State) {
		return nil, mount.Refusal("state must be one of " + strings.Join(grant.States, ", "))
	}
	for _, label := range d.Get("label").([]string) {
		name, value, err := role.ParseLabel(label)
		if err != nil {
			return nil, mount.Refuse(err)
		}
		f.Labels = append(f.Labels, name+"="+value)
	}
	var err error
	f.Now = clock.Now()
	f.Horizon, err = horizonOf(d)
	return f, err
}

// horizonOf is how far ahead somebody looks for deaths.
func horizonOf(d *framework.FieldData) (time.Duration, error) {
	if d.Schema["horizon"] == nil {
		return 0, nil
	}
	raw, asked := d.GetOk("horizon")
	if !asked {
		return grant.Warning, nil
	}
	if ahead := time.Duration(raw.(int)) * time.Second; ahead >= shortestAhead && ahead <= longestAhead {
		return ahead, nil
	}
	return 0, mount.Refusal("horizon must be from 1h to 366d")
}

// statusOf is a report as the status of the mount shows it.
func statusOf(f *index.Filter, r *index.Report, p index.Progress) map[string]any {
	states, providers := map[string]int{}, map[string]any{}
	for provider, of := range r.States {
		providers[provider] = of
		for state, n := range of {
			states[state] += n
		}
	}
	data := map[string]any{
		"roles": r.Roles, "owners": r.Owners, "surveyed": p.Roles, "states": states, "providers": providers,
		"ok": states[grant.StateOK], "never_refreshed": states[grant.StateNew],
	}
	if f.Everything() {
		data["roles"] = p.Of // whether or not they were looked at
	}
	listed := map[string][]string{}
	for _, e := range r.Named {
		if len(listed[e.State]) < maxListed {
			listed[e.State] = append(listed[e.State], string(e.Key))
		}
	}
	for state, field := range needsAttention {
		data[field] = mount.ListOf(listed[state])
	}
	return data
}

// describe says of each grant how it stands and what to do, in the order given.
func (b *backend) describe(ctx context.Context, s logical.Storage, f *index.Filter, page []index.Entry) []map[string]any {
	out := make([]map[string]any, len(page))
	var looks errgroup.Group
	looks.SetLimit(stepsAtOnce)
	for i, e := range page {
		out[i] = entryOf(*e.Summary)
		out[i]["name"] = string(e.Key)
		looks.Go(func() error {
			b.grants.Contained(func() {
				if step := b.grants.NextStep(ctx, s, e.Key, f.Now.Add(f.Horizon)); step != "" {
					out[i]["next_step"] = step
					_, _ = named("status/"+string(e.Key), &logical.Response{Data: out[i]}, nil) // who reads this is not its owner
				}
			})
			return nil
		})
	}
	_ = looks.Wait()
	return out
}

// entryOf is what a list says of a grant.
func entryOf(sum grant.Summary) map[string]any {
	data := map[string]any{"provider": sum.Provider, "state": sum.State}
	if sum.PerOwner { // each has a state of its own: LIST status/<name>
		data = map[string]any{"provider": sum.Provider, "grant_owner": role.GrantOwnerEntity}
	}
	if !sum.DiesAt.IsZero() {
		data["dies_at"], data["dies_of"] = sum.DiesAt.Format(time.RFC3339), sum.DiesOf
	}
	if len(sum.Labels) > 0 {
		data["labels"] = sum.Labels
	}
	return data
}

// warnOfPage says what the answer does not hold.
func warnOfPage(resp *logical.Response, r *index.Report, p index.Progress, page []index.Entry) {
	if !p.Full {
		resp.AddWarning(fmt.Sprintf(countedFurther, p.Roles, p.Of))
	}
	if p.Doubt > 0 {
		resp.AddWarning(fmt.Sprintf("of %d grants something was written since they were looked at, as of all of them with config or their provider: "+
			"what this says of those may be a few seconds old; ask again", p.Doubt))
	}
	switch left := r.Left(page); {
	case len(page) == 0 && len(r.Named) > 0:
		resp.AddWarning("there is no grant behind that one: this was the last page")
	case left > 0:
		resp.Data["next"] = page[len(page)-1].Place()
		resp.AddWarning(fmt.Sprintf("%d more follow: ask with after=<next>, or with a larger limit, or for less with state, provider or label", left))
	}
}

// needsAttention are the states of grants that the status of the mount names, with the fields that do.
var needsAttention = map[string]string{
	grant.StateUnauthorized: "unauthorized",
	grant.StateDead:         "reauthorization_required",
	grant.StateBlocked:      "blocked",
	grant.StateFailing:      "failing",
	grant.StateUnknown:      "outcome_unknown",
	grant.StateUnpersisted:  "unpersisted",
	grant.StateOrphaned:     "orphaned",
	grant.StateUnreadable:   "unreadable",
}

var horizonField = &framework.FieldSchema{Type: framework.TypeDurationSecond, Description: "Name those too that die within this time, 1h to 366d; default is 14d.", Query: true}

// filterFields are the fields of a path with those that say which grants it is about.
func filterFields(fields map[string]*framework.FieldSchema) map[string]*framework.FieldSchema {
	fields["state"] = &framework.FieldSchema{Type: framework.TypeString, Description: "Only grants in this state, healthy ones too.", Query: true}
	fields["provider"] = &framework.FieldSchema{Type: framework.TypeString, Description: "Only grants at this provider.", Query: true}
	fields["label"] = &framework.FieldSchema{Type: framework.TypeStringSlice, Description: "Only grants of roles with this label, as in label=team=payments; of several, with each.", Query: true}
	return fields
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"runtime"
	"time"

	"keyfob/internal/core"
	"keyfob/internal/store"
)

// page is how many records one list gives.
const page = 100

// act is something that a server does often, and a bare reading of the same rows.
type act struct {
	name   string
	served func(context.Context, *crowd, member) error
	read   func(context.Context, store.Tx, member) error
}

func acts() []act {
	return []act{
		{
			"who a token belongs to",
			func(ctx context.Context, c *crowd, m member) error {
				_, err := c.people.Bearer(ctx, m.token)
				return err
			},
			func(ctx context.Context, tx store.Tx, m member) error {
				t, err := tx.Tokens().ByDigest(ctx, core.TokenDigest(m.token))
				if err != nil {
					return err
				}
				_, err = tx.Users().Get(ctx, t.UserID)
				return err
			},
		},
		{
			"a page of secrets",
			func(ctx context.Context, c *crowd, m member) error {
				_, err := c.vault.List(ctx, m.actor, store.Page{Limit: page})
				return err
			},
			func(ctx context.Context, tx store.Tx, m member) error {
				_, err := tx.Secrets().Page(ctx, m.actor.Owner, store.Page{Limit: page})
				return err
			},
		},
		{
			"a page of workspaces",
			func(ctx context.Context, c *crowd, m member) error {
				_, err := c.places.List(ctx, m.actor, store.WorkspaceFilter{}, store.Page{Limit: page})
				return err
			},
			func(ctx context.Context, tx store.Tx, m member) error {
				_, err := tx.Workspaces().Page(ctx, m.actor.Owner, store.WorkspaceFilter{}, store.Page{Limit: page})
				return err
			},
		},
		{"a manifest", manifest, manifestRows},
	}
}

func manifest(ctx context.Context, c *crowd, m member) error {
	actor, _, err := c.places.Session(ctx, m.sessions[0])
	if err != nil {
		return err
	}
	_, err = c.places.Manifest(ctx, actor)
	return err
}

// manifestRows reads what a manifest is made of and opens nothing: the
// workspace, its user's secrets, and the organisation's that are for it.
func manifestRows(ctx context.Context, tx store.Tx, m member) error {
	w, err := tx.Workspaces().BySession(ctx, core.TokenDigest(m.sessions[0]))
	if err != nil {
		return err
	}
	if _, err := tx.Secrets().List(ctx, w.Owner); err != nil {
		return err
	}
	if _, err := tx.Secrets().List(ctx, core.Org); err != nil {
		return err
	}
	if _, err := tx.Accounts().List(ctx, w.Owner); err != nil {
		return err
	}
	_, err = tx.Accounts().List(ctx, core.Org)
	return err
}

// scaleTable measures each act over a crowd beside a bare reading, and what the
// memory holds once every workspace was served.
func scaleTable(ctx context.Context, out io.Writer, n size, rounds int) (all []ratio, err error) {
	c, err := newCrowd(ctx, n)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, c.end()) }()
	_, _ = fmt.Fprintf(out, "### %d users with %d secrets each, %d workspaces\n\nMedian of %d, over fifty of the users, beside a bare reading of the same rows; manifests beside a reading that opens no value.\n\n| act | served | read | ratio |\n|---|---:|---:|---:|\n",
		n.users, n.secrets, n.places, rounds)
	for _, a := range acts() {
		r, err := c.beside(ctx, a, rounds)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", a.name, err)
		}
		_, _ = fmt.Fprintf(out, "| %s | %s | %s | %.2f |\n", a.name, micro(r.served), micro(r.read), r.served/r.read)
		all = append(all, ratio{what: a.name, beside: "a bare reading of its rows", perSecond: math.NaN(), median: r.served / r.read, p99: r.servedTail / r.readTail, allocated: math.NaN()})
	}
	grown, err := c.memory(ctx, out)
	all = append(all, ratio{what: "memory after every workspace was served", beside: "after a tenth of them", perSecond: math.NaN(), median: math.NaN(), p99: math.NaN(), allocated: grown})
	return all, err
}

type beside struct{ served, servedTail, read, readTail float64 }

// beside measures in turns, so that both meet the same machine.
func (c *crowd) beside(ctx context.Context, a act, rounds int) (beside, error) {
	var served, read []float64
	warm := min(50, len(c.users))
	for i := range rounds + warm {
		m := c.users[rand.IntN(warm)*len(c.users)/warm]
		start := time.Now()
		if err := a.served(ctx, c, m); err != nil {
			return beside{}, err
		}
		middle := time.Now()
		err := c.store.View(ctx, func(tx store.Tx) error { return a.read(ctx, tx, m) })
		if err != nil {
			return beside{}, err
		}
		if i >= warm {
			served, read = append(served, float64(middle.Sub(start))), append(read, float64(time.Since(middle)))
		}
	}
	return beside{at(served, 50), at(served, 99), at(read, 50), at(read, 99)}, nil
}

// memory serves a manifest to every workspace and gives what the heap holds then
// over what it held after a tenth of them.
func (c *crowd) memory(ctx context.Context, out io.Writer) (float64, error) {
	tenth := float64(0)
	for i, m := range c.users {
		for _, s := range m.sessions {
			if err := manifest(ctx, c, member{sessions: []string{s}}); err != nil {
				return 0, err
			}
		}
		if i+1 == max(len(c.users)/10, 1) {
			tenth = heap()
		}
	}
	all := heap()
	_, _ = fmt.Fprintf(out, "\nThe heap holds %.1f MiB after every workspace was served its manifest, %.1f MiB after a tenth of them.\n\n", all/(1<<20), tenth/(1<<20))
	return all / tenth, nil
}

func heap() float64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // the first one ends what the last had begun
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

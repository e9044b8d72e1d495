package webui

import (
	"context"
	"strconv"
	"strings"
	"time"

	"keyfob/internal/core"
)

// requester is what asked for an approval, as its owner knows it: people know
// their tokens and browsers by name, not by id.
type requester struct {
	Kind  core.ViaKind
	Name  string // empty: it is gone
	Since time.Time
	Login string // of a token that came of another: the name of the first
}

// requesterOf finds the record that a Via's text names, among the acting user's.
func (p *Pages) requesterOf(ctx context.Context, a core.Actor, via string) (requester, error) {
	kind, id, _ := strings.Cut(via, ":")
	switch core.ViaKind(kind) {
	case core.ViaToken:
		tokens, err := p.Identity.Tokens(ctx, a)
		return tokenNamed(tokens, id), err
	case core.ViaBrowser:
		sessions, err := p.Identity.Sessions(ctx, a)
		for _, s := range sessions {
			if s.ID == id {
				return requester{Kind: core.ViaBrowser, Name: s.Agent, Since: s.CreatedAt}, nil
			}
		}
		return requester{Kind: core.ViaBrowser}, err
	}
	return requester{Kind: core.ViaProxy}, nil
}

// tokenNamed finds a token, and by its makers the login that it came of.
func tokenNamed(tokens []core.Token, id string) requester {
	byID := make(map[string]core.Token, len(tokens))
	for _, t := range tokens {
		byID[t.ID] = t
	}
	t := byID[id]
	out := requester{Kind: core.ViaToken, Name: t.Name, Since: t.CreatedAt}
	for range tokens { // there is no longer chain
		maker, ok := byID[t.Maker]
		if !ok {
			break
		}
		out.Login, t = maker.Name, maker
	}
	return out
}

// age is how long ago something was, in the largest unit that counts one.
func age(t tongue, at, now time.Time) string {
	d := max(now.Sub(at), 0)
	n, one, many := int(d/(24*time.Hour)), "day", "days"
	switch {
	case d < time.Hour:
		n, one, many = int(d/time.Minute), "minute", "minutes"
	case d < 24*time.Hour:
		n, one, many = int(d/time.Hour), "hour", "hours"
	}
	unit := many
	if n == 1 {
		unit = one
	}
	if t == german {
		unit = map[string]string{"minute": "Minute", "minutes": "Minuten", "hour": "Stunde", "hours": "Stunden", "day": "Tag", "days": "Tagen"}[unit]
		return "vor " + strconv.Itoa(n) + " " + unit
	}
	return strconv.Itoa(n) + " " + unit + " ago"
}

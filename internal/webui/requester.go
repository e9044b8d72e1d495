package webui

import (
	"context"
	"strconv"
	"strings"
	"time"

	"keyfob/internal/core"
)

// requester is what asked for a value, as its owner knows it: people know their
// tokens and browsers by name, not by id.
type requester struct {
	Kind  core.ViaKind
	Name  string // empty: it is gone
	Since time.Time
}

// requesterOf finds the record that a Via's text names, among the acting user's.
func (p *Pages) requesterOf(ctx context.Context, a core.Actor, via string) (requester, error) {
	kind, id, _ := strings.Cut(via, ":")
	switch core.ViaKind(kind) {
	case core.ViaToken:
		tokens, err := p.Identity.Tokens(ctx, a)
		for _, t := range tokens {
			if t.ID == id {
				return requester{core.ViaToken, t.Name, t.CreatedAt}, nil
			}
		}
		return requester{Kind: core.ViaToken}, err
	case core.ViaBrowser:
		sessions, err := p.Identity.Sessions(ctx, a)
		for _, s := range sessions {
			if s.ID == id {
				return requester{core.ViaBrowser, s.Agent, s.CreatedAt}, nil
			}
		}
		return requester{Kind: core.ViaBrowser}, err
	}
	return requester{Kind: core.ViaProxy}, nil
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

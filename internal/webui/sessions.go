package webui

import (
	"net/http"
	"time"

	"keyfob/internal/core"
)

type browserRow struct {
	core.BrowserSession
	Current, Over bool
}

// sessions lists the browsers that are signed in.
func (p *Pages) sessions(v *visit) error {
	a, err := v.actor()
	if err != nil {
		return err
	}
	all, err := p.Identity.Sessions(v.r.Context(), a)
	if err != nil {
		return err
	}
	rows := make([]browserRow, 0, len(all))
	for _, s := range all {
		rows = append(rows, browserRow{s, s.ID == a.Via.ID, !time.Now().Before(s.ExpiresAt)})
	}
	return v.show(http.StatusOK, "sessions", rows)
}

func (p *Pages) endSession(v *visit) error {
	a, err := v.actor()
	if err != nil {
		return err
	}
	if err := p.Identity.DeleteSession(v.r.Context(), a, v.r.PathValue("id")); err != nil {
		return err
	}
	if v.r.PathValue("id") == a.Via.ID {
		v.setCookie("", -1)
		return v.show(http.StatusOK, "signedout", nil)
	}
	return v.see("/sessions")
}

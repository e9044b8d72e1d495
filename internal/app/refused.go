package app

import (
	"context"
	"log/slog"

	"keyfob/internal/store"
)

// warnRefused has one line in the log where the server's rules refuse the base URLs
// of accounts, which worked while the vault was one machine's alone.
func (s *Server) warnRefused(ctx context.Context) {
	n, err := s.refusedAccounts(ctx)
	switch {
	case err != nil:
		s.log.LogAttrs(ctx, slog.LevelWarn, "the accounts' base URLs could not be looked at", slog.String("cause", err.Error()))
	case n > 0:
		s.log.LogAttrs(ctx, slog.LevelWarn, "accounts cannot be used: this server sends to no such base URL; list the hosts that may be private in upstream_allow",
			slog.Int("accounts", n))
	}
}

// refusedAccounts counts every owner's accounts that would be used if their base URL
// were allowed.
func (s *Server) refusedAccounts(ctx context.Context) (n int, err error) {
	err = s.app.store.View(ctx, func(tx store.Tx) error {
		owners, err := tx.Vault().Owners(ctx)
		if err != nil {
			return err
		}
		for _, o := range owners {
			list, err := tx.Accounts().List(ctx, o)
			if err != nil {
				return err
			}
			for _, a := range list {
				if a.Enabled && s.app.upstreams.CheckURL(a.BaseURL) != nil {
					n++
				}
			}
		}
		return nil
	})
	return n, err
}

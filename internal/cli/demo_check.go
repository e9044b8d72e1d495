package cli

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"keyfob/api"
	"keyfob/client"
	"keyfob/keyfobtest"
)

// demoClaim is one thing that the demo says Keyfob does, and whether it did.
type demoClaim struct {
	Claim string `json:"claim"`
	Held  bool   `json:"held"`
}

func (d *demo) claims(ctx context.Context, got childReport) ([]demoClaim, error) {
	c, err := d.env.Client(ctx)
	if err != nil {
		return nil, err
	}
	status, err := c.Status(ctx, time.Time{})
	if err != nil {
		return nil, err
	}
	audited, err := d.audited(ctx, c)
	if err != nil {
		return nil, err
	}
	leaked, err := d.leaked(got)
	if err != nil {
		return nil, err
	}
	return []demoClaim{
		{"the variable held the secret", got.Variable == d.values.variable},
		{"the file held the secret, for its owner only, and is gone now", got.File == d.values.file && got.FileMode == 0o600 && d.fileGone()},
		{"the lookup answered the secret", got.Lookup == d.values.lookup},
		{"one request was refused by \"work\" with 429, answered by \"personal\", and the program saw only 200", d.failedOver(got)},
		{"the next request went straight to \"personal\": \"work\" rests until its limit ends", d.rested(status)},
		{"no provider key was in the program's environment, and none stands readable in the vault's files", !leaked},
		{"each value that left the vault is in the audit trail, whose chain is whole", audited},
	}, nil
}

func (d *demo) fileGone() bool {
	_, err := os.Lstat(filepath.Join(d.userHome(), strings.TrimPrefix(demoFile, "~/")))
	return errors.Is(err, fs.ErrNotExist)
}

// failedOver looks at both sides of the first request.
func (d *demo) failedOver(got childReport) bool {
	seen := d.provider.Requests()
	return len(seen) >= 2 && len(got.Answers) > 0 &&
		seen[0].Account == "work" && seen[0].Status == http.StatusTooManyRequests &&
		seen[1].Account == "personal" && seen[1].Status == http.StatusOK &&
		bytes.Equal(seen[0].Body, seen[1].Body) &&
		got.Answers[0].Status == http.StatusOK && got.Answers[0].Text != ""
}

func (d *demo) rested(status api.Status) bool {
	seen := d.provider.Requests()
	if len(seen) != 3 || seen[2].Account != "personal" {
		return false
	}
	for _, a := range status.Accounts {
		if a.Label == "work" {
			return len(a.Health) == 1 && a.Health[0].Kind == "limited" && a.Health[0].Seconds > 0
		}
	}
	return false
}

// leaked searches the child's environment and every file of the vault for the
// accounts' keys, in every form in which values commonly leak.
func (d *demo) leaked(got childReport) (bool, error) {
	canary := keyfobtest.NewCanary(map[string]string{"work": d.values.workKey, "personal": d.values.personalKey})
	hits, err := canary.FindDir(filepath.Join(d.dir, "keyfob"))
	if err != nil {
		return true, err
	}
	return len(hits)+len(canary.Find([]byte(strings.Join(got.Environ, "\n")))) > 0, nil
}

// audited wants the manifest and the lookup in the trail, and no broken link.
func (d *demo) audited(ctx context.Context, c *client.Client) (bool, error) {
	page, err := c.AuditPage(ctx, client.Page{Limit: 100})
	if err != nil {
		return false, err
	}
	var manifest, lookup bool
	for _, e := range page.Entries {
		manifest = manifest || e.Action == "workspace.manifest" && e.Outcome == "ok"
		lookup = lookup || e.Action == "workspace.lookup" && e.Outcome == "ok" && strings.HasSuffix(e.Subject, demoLookup)
	}
	v, err := c.VerifyAudit(ctx)
	return manifest && lookup && v.OK, err
}

package cli

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"keyfob/api"
)

func auditCommand(e *Env) *cobra.Command {
	c := &cobra.Command{Use: "audit", Short: "The audit trail: who did what, and which values went where"}
	asGroup(c)
	c.AddCommand(auditListCommand(e), auditExportCommand(e), auditVerifyCommand(e), auditKeyCommand(e))
	return c
}

// auditTable says with --org whose each record is.
func (e *Env) auditTable(list []api.AuditEntry) {
	head := []string{"WHEN", "WHO", "WHAT", "ON", "OUTCOME", "DETAIL"}
	rows := make([][]string, 0, len(list))
	for _, a := range list {
		named := besideIDs(a.Names)
		row := []string{localTime(a.At), named(a.Actor), a.Action, named(a.Subject), a.Outcome, details(a, named)}
		if e.Org {
			row = slices.Insert(row, 4, named(a.Owner))
		}
		rows = append(rows, row)
	}
	if e.Org {
		head = slices.Insert(head, 4, "OWNER")
	}
	e.TableOr("there is no such entry", head, rows)
}

// besideIDs gives what puts names beside the ids in a text: user:ann (usr_…).
func besideIDs(names map[string]string) func(string) string {
	var pairs []string
	for _, id := range slices.Sorted(maps.Keys(names)) {
		pairs = append(pairs, id, names[id]+" ("+id+")")
	}
	return strings.NewReplacer(pairs...).Replace
}

// details leaves out what says nothing to people: digests, numbers by which
// entries find each other, and that a record which was ended is gone. JSON has
// it all.
func details(a api.AuditEntry, named func(string) string) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(a.Detail)) {
		v := a.Detail[k]
		if gone, ok := strings.CutPrefix(k, "removed "); ok {
			kind, _, _ := strings.Cut(gone, "/")
			if strings.HasPrefix(a.Subject, kind+":") {
				continue
			}
			k, v = "removed", strings.Replace(gone, "/", ":", 1)
		}
		if k == "attempt" || strings.Contains(v, "sha256:") {
			continue
		}
		v = named(v)
		if strings.ContainsAny(v, " \t") && !strings.HasPrefix(v, "[") {
			v = `"` + v + `"`
		}
		parts = append(parts, k+"="+v)
	}
	return strings.Join(parts, " ")
}

// hintVault and hintFile say what a trail that does not hold means.
const (
	hintVault = "somebody changed the vault past Keyfob, or it was put back from an older copy; nothing was changed now"
	hintFile  = "the file is not what was written, or the key is another vault's, or the one from before a keyfob vault rekey: verify with what keyfob audit key prints now, else fetch the file again and ask who could change it"
)

func (e *Env) audited(v api.AuditVerification, hint string) error {
	if v.OK || e.JSON() {
		err := e.Print(v, func() {
			e.Printf("%s in %s: every link holds", entryCount(v.Entries), count(v.Writers, "chain"))
			for _, u := range v.Unprovable {
				e.Printf("not provable: %s", Clean(u))
			}
		})
		if err != nil || v.OK {
			return err
		}
	}
	return auditBroken(v, hint)
}

func auditBroken(v api.AuditVerification, hint string) *api.Error {
	err := &api.Error{
		Code: api.CodeInternal, Reason: "audit_broken", Message: fmt.Sprintf("the audit trail does not hold: %s", count(len(v.Problems), "problem")),
		Hint: hint,
	}
	for _, p := range v.Problems {
		err.Details = append(err.Details, api.Detail{Message: p})
	}
	return err
}

func entryCount(n int64) string {
	if n == 1 {
		return "1 entry"
	}
	return fmt.Sprintf("%d entries", n)
}

//go:build unix

package deliver

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"keyfob/api"
)

// An administrator gave everybody a secret at ~/notes/today, which the server
// takes for harmless. In one user's home ~/notes was a link to ~/.ssh, in
// another's to the home itself: the file would have become an authorized key or
// a shell's startup file. The rule is asked again where the path really leads.
func TestOrganisationsFilesFollowNoLinkToWhatRunsCode(t *testing.T) {
	w := newWorld(t, t.TempDir())
	for _, dir := range []string{".ssh", ".config/systemd/user", "plain"} {
		if err := os.MkdirAll(filepath.Join(w.home, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for name, to := range map[string]string{"notes": ".ssh", "units": ".config/systemd", "here": ".", "fine": "plain"} {
		if err := os.Symlink(to, filepath.Join(w.home, name)); err != nil {
			t.Fatal(err)
		}
	}
	for path, allowed := range map[string]bool{
		"~/notes/authorized_keys": false, "~/units/user/x.service": false, "~/here/.bashrc": false,
		filepath.Join(w.home, "here", ".profile"): false, "~/.gitconfig": false,
		"~/fine/token": true, "~/plain/other": true, filepath.Join(w.home, "fine", "third"): true,
	} {
		for _, org := range []bool{true, false} {
			f := w.files("p", false)
			r := f.Deliver(t.Context(), []api.FileDelivery{{Secret: "S", Org: org, Path: path, Value: api.NewValue([]byte("v"))}})
			o := r.Outcomes[0]
			if want := allowed || !org; (o.State == delivered) != want {
				t.Errorf("%s, the organisation's: %v: %+v", path, org, o)
			}
			if org && !allowed && !strings.Contains(o.Why, "the organisation's") {
				t.Errorf("%s: why %q", path, o.Why)
			}
			f.Close(t.Context())
		}
	}
	if _, err := os.Lstat(filepath.Join(w.home, ".ssh", "authorized_keys")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("something is left in ~/.ssh")
	}
}

// A child that had the caller's token at a server could do all that the caller
// may, not what its workspace may.
func TestNoProofOfTheCallersReachesAChild(t *testing.T) {
	in := PlanInput{
		Environ: []string{"KEYFOB_TOKEN=kfp_canary", "KEYFOB_SERVER=https://canary.example", "keyfob_token=canary", "KEPT=1"},
		Command: []string{"true"},
	}
	p, err := NewPlan(in)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(p.Environ(), "\n"); strings.Contains(got, "canary") || !strings.Contains(got, "KEPT=1") {
		t.Errorf("the child gets:\n%s", got)
	}
}

func TestAuthoritiesOfAServer(t *testing.T) {
	for _, c := range []struct {
		environ []string
		file    string
		want    string
	}{
		{nil, "", ""},
		{nil, "/ca", "KEYFOB_CA_FILE=/ca NODE_EXTRA_CA_CERTS=/ca"},
		{[]string{"NODE_EXTRA_CA_CERTS=/own"}, "/ca", "KEYFOB_CA_FILE=/ca NODE_EXTRA_CA_CERTS=/own"},
	} {
		p, err := NewPlan(PlanInput{Environ: c.environ, Command: []string{"true"}, CAFile: c.file})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, kv := range p.Environ() {
			if strings.Contains(kv, "_CA_") {
				got = append(got, kv)
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%v: %q, want %q", c, got, c.want)
		}
	}
}
